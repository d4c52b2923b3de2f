"""
Vectorscan databases: many expressions, one pass over a value.

Invariants:
- A database is named by what went into it, so that a cached one can never answer for other patterns.
- One thread scans: the scratch memory belongs to the database.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

import hyperscan

_FLAGS: Final = hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_SINGLEMATCH
_CASELESS: Final = _FLAGS | hyperscan.HS_FLAG_CASELESS
_CASED: Final = _FLAGS
_EXPRESSION: Final = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY
_OF_REGEX: Final = {"i": hyperscan.HS_FLAG_CASELESS, "s": hyperscan.HS_FLAG_DOTALL}

Scan = Callable[[bytes], list[int]]
Accumulator = Callable[[bytes, Sequence[int], int], int]
CASELESS: Final = _CASELESS
CASED: Final = _CASED


class DatabaseStore(Protocol):
    """Where serialised databases are kept between starts."""

    def load_database(self, name: str) -> bytes | None:
        """The bytes kept under a name, verified, or None."""

    def save_database(self, name: str, serialised: bytes) -> None:
        """Keeps bytes under a name."""


class Pattern(NamedTuple):
    """An expression, and how Vectorscan reads it."""

    expression: bytes
    flags: int


def regex_flags(flags: str) -> int:
    """How Vectorscan reads a regular expression with these flags, i and s."""
    return _EXPRESSION | sum(bit for flag, bit in _OF_REGEX.items() if flag in flags)


def compiles(pattern: Pattern) -> bool:
    """Whether Vectorscan takes an expression."""
    try:
        hyperscan.Database().compile(expressions=[pattern.expression], ids=[0], flags=pattern.flags)
    except hyperscan.error:
        return False
    return True


def scanner(
    expressions: Sequence[bytes], store: DatabaseStore | None = None, *, caseless: bool = False
) -> Scan:
    """
    A function that tells which of the expressions are found in some bytes, by their positions.

    The next call reuses the list it returns.

    Args:
        caseless: The case of ASCII letters is ignored.
    """
    flags = CASELESS if caseless else CASED
    scan = _database([Pattern(each, flags) for each in expressions], store).scan
    found: list[int] = []
    append = found.append

    def on_match(position: int, _start: int, _end: int, _flags: int, _context: object) -> None:
        append(position)

    def positions(data: bytes) -> list[int]:
        found.clear()
        scan(data, on_match)
        return found

    return positions


def accumulator(patterns: Sequence[Pattern], store: DatabaseStore | None = None) -> Accumulator:
    """
    A function that tells what the patterns found in some bytes amount to: the OR of their effects.

    Its second argument is the effect of each pattern, its third what there was before.

    Raises:
        hyperscan.CompilerError: An expression is not one of Vectorscan's.
    """
    scan = _database(patterns, store).scan
    known: Sequence[int] = ()
    total = 0

    def on_match(position: int, _start: int, _end: int, _flags: int, _context: object) -> None:
        nonlocal total
        total |= known[position]

    def amount(data: bytes, effects: Sequence[int], before: int) -> int:
        nonlocal total, known
        total, known = before, effects
        scan(data, on_match)
        return total

    return amount


def finder(expressions: Sequence[bytes]) -> Callable[[bytes], list[int]]:
    """A function that tells where in some bytes matches of the expressions end; ASCII case is ignored."""
    database = hyperscan.Database()
    caseless = hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_CASELESS
    database.compile(expressions=list(expressions), ids=list(range(len(expressions))), flags=caseless)

    def ends(data: bytes) -> list[int]:
        found: list[int] = []
        append = found.append

        def on_match(_position: int, _start: int, end: int, _flags: int, _context: object) -> None:
            append(end)

        database.scan(data, on_match)
        return found

    return ends


def _database(patterns: Sequence[Pattern], store: DatabaseStore | None) -> hyperscan.Database:
    name = _name(patterns)
    return _load(store, name) or _compile(patterns, store, name)


def _name(patterns: Sequence[Pattern]) -> str:
    digest = blake2b(digest_size=16)
    for expression, flags in patterns:
        digest.update(b"%d %d:" % (flags, len(expression)))
        digest.update(expression)
    return digest.hexdigest()


def _load(store: DatabaseStore | None, name: str) -> hyperscan.Database | None:
    serialised = store.load_database(name) if store else None
    if serialised is None:
        return None
    try:
        database = hyperscan.loadb(serialised, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except hyperscan.error:
        return None
    return database


def _compile(patterns: Sequence[Pattern], store: DatabaseStore | None, name: str) -> hyperscan.Database:
    database = hyperscan.Database()
    database.compile(
        expressions=[each.expression for each in patterns],
        ids=list(range(len(patterns))),
        flags=[each.flags for each in patterns],
    )
    if store:
        store.save_database(name, hyperscan.dumpb(database))
    return database
