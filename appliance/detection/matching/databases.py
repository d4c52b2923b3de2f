"""
Vectorscan databases: many expressions, one pass over a value.

Invariants:
- A database is named by what went into it, so that a cached one can never answer for other patterns.
- One thread scans: the scratch memory belongs to the database.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final, Protocol

import hyperscan

_FLAGS: Final = hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_SINGLEMATCH
_CASELESS: Final = _FLAGS | hyperscan.HS_FLAG_CASELESS
_SUSPECTING: Final = (
    hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_PREFILTER | hyperscan.HS_FLAG_ALLOWEMPTY
)

Scan = Callable[[bytes], list[int]]


class DatabaseStore(Protocol):
    """Where serialised databases are kept between starts."""

    def load_database(self, name: str) -> bytes | None:
        """The bytes kept under a name, verified, or None."""

    def save_database(self, name: str, serialised: bytes) -> None:
        """Keeps bytes under a name."""


def scanner(
    expressions: Sequence[bytes],
    store: DatabaseStore | None = None,
    *,
    caseless: bool = False,
    suspecting: bool = False,
) -> Scan:
    """
    A function that tells which of the expressions are found in some bytes, by their positions.

    The next call reuses the list it returns.

    Args:
        caseless: The case of ASCII letters is ignored.
        suspecting: What is found need not match, but what matches is found; for any expression.

    Raises:
        hyperscan.CompilerError: An expression is not one of Vectorscan's.
    """
    flags = _SUSPECTING if suspecting else _CASELESS if caseless else _FLAGS
    name = _name(expressions, flags)
    database = _load(store, name) or _compile(expressions, flags, store, name)
    scan = database.scan
    found: list[int] = []
    append = found.append

    def on_match(position: int, _start: int, _end: int, _flags: int, _context: object) -> None:
        append(position)

    def positions(data: bytes) -> list[int]:
        found.clear()
        scan(data, on_match)
        return found

    return positions


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


def _name(expressions: Sequence[bytes], flags: int) -> str:
    digest = blake2b(digest_size=16)
    digest.update(b"%d" % flags)
    for expression in expressions:
        digest.update(b"%d:" % len(expression))
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


def _compile(
    expressions: Sequence[bytes], flags: int, store: DatabaseStore | None, name: str
) -> hyperscan.Database:
    database = hyperscan.Database()
    database.compile(expressions=list(expressions), ids=list(range(len(expressions))), flags=flags)
    if store:
        store.save_database(name, hyperscan.dumpb(database))
    return database
