"""
The page docs/security/asvs.md, from docs/security/asvs.toml.

    python -m tests.asvs_page        writes the page

A proof that does not exist stops it, so that the page cannot name what is gone.
"""

import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import msgspec

ROOT = Path(__file__).parent.parent
DATA = ROOT / "docs" / "security" / "asvs.toml"
PAGE = DATA.with_suffix(".md")

_HEAD = """\
# Conformance to ASVS 5.0

Which requirements of the OWASP Application Security Verification Standard 5.0.0 the product is held to, and what
proves each. Written by `python -m tests.asvs_page` from `docs/security/asvs.toml`; change it there. A test fails
while this page is behind, or names a test or file that is not there.

**proven**: by all that is named · **partly**: proven but for what is named as missing · **missing**: no proof ·
**deviation**: not held to, for the reason given. Tests are named by file and function below `tests/`.

"""
_ATTACKS = """
## SAML and LDAP, attack by attack

After each refused response the same test has the legitimate one let in (the fixtures `verify` of `test_saml.py` and
`who_may_gets_in_afterwards` of `test_ldap.py`).

| | Refused | Proof |
|---|---|---|
"""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Requirements that are proved together.

    Attributes:
        missing: What lacks, if something does.
        deviation: Why it is not held to, if it is not.
    """

    chapter: str
    ids: str
    level: str
    asks: str
    proof: list[str]
    missing: str = ""
    deviation: str = ""

    @property
    def state(self) -> str:
        if self.deviation:
            return "deviation"
        if not self.proof:
            return "missing"
        return "partly" if self.missing else "proven"


class Attack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    protocol: str
    asks: str
    proof: list[str]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    line: list[Line]
    attack: list[Attack]


class NoSuchProof(RuntimeError):
    """A test or file that is named as proof is not there."""


def table() -> Table:
    """What the data file says."""
    return msgspec.convert(tomllib.loads(DATA.read_text()), Table)


def page(of: Table | None = None) -> str:
    """
    The whole page.

    Raises:
        NoSuchProof: Names what is not there; or the line that says neither what proves it nor what lacks.
    """
    known = of or table()
    parts, chapter = [_HEAD, _sum(known), "\n"], ""
    for line in known.line:
        if line.chapter != chapter:
            chapter = line.chapter
            parts.append(f"\n## {chapter}\n\n| Ids | Level | Asks | State | Proof |\n|---|---|---|---|---|\n")
        if line.state == "missing" and not line.missing:
            raise NoSuchProof(f"{line.ids} names neither a proof nor what is missing")
        said = [line.deviation, f"Missing: {line.missing}" if line.missing else "", _proof(line.proof)]
        cells = [
            line.ids,
            line.level,
            line.asks,
            f"**{line.state}**",
            "<br>".join(one for one in said if one),
        ]
        parts.append(f"| {' | '.join(cells)} |\n")
    parts.append(_ATTACKS)
    parts += [f"| {one.protocol} | {one.asks} | {_proof(one.proof)} |\n" for one in known.attack]
    return "".join(parts)


def _sum(known: Table) -> str:
    states = Counter(line.state for line in known.line)
    told = ", ".join(f"{states[name]} {name}" for name in ("proven", "partly", "missing", "deviation"))
    return f"{len(known.line)} lines: {told}.\n"


def _proof(named: list[str]) -> str:
    return "<br>".join(f"`{_checked(one)}`" for one in named)


def _checked(proof: str) -> str:
    path, _, test = proof.partition("::")
    file = next((one for one in (ROOT / "tests" / path, ROOT / path) if one.is_file()), None)
    if file is None or (test and test not in _tests(file)):
        raise NoSuchProof(f"{proof}: no such file or test")
    return proof


@cache
def _tests(file: Path) -> frozenset[str]:
    return frozenset(re.findall(r"^(?:async )?def (test_\w+)\(", file.read_text(), re.MULTILINE))


if __name__ == "__main__":
    PAGE.write_text(page())
