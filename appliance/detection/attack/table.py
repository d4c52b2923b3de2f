"""
ATT&CK techniques and tactics, and what a rule's tags mean in them.

Invariants:
- A technique id that the table does not know is never returned: no invented ids.
- A revoked id is answered with the one that replaced it, across several revocations if need be.
- `defense-evasion` split into `stealth` and `defense-impairment` in v19; the old name means `stealth`.

Source: MITRE ATT&CK Enterprise v19 (April 2026), see NOTICE.
"""

import csv
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import msgspec

TACTICS = (
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "stealth",
    "defense-impairment",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
)
"""The fifteen tactics in kill-chain order."""

TACTIC_ALIASES = {"defense-evasion": "stealth"}

_TECHNIQUE_TAG = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)\Z")
# Groups, software and data sources are kept and shown, but no table here can verify them.
_UNVERIFIED_TAG = re.compile(r"attack\.(?:[gs]\d{4}|ds\d{4})\Z")


class Technique(msgspec.Struct, frozen=True):
    """One technique or sub-technique; `replaced_by` is "" unless it was revoked."""

    id: str
    name: str
    tactics: tuple[str, ...]
    platforms: tuple[str, ...]
    replaced_by: str


class Tags(msgspec.Struct, frozen=True):
    """
    What a rule's tags say.

    Attributes:
        techniques: Known ids, revoked ones replaced, in the order given, each once.
        tactics: Named tactics, in kill-chain order.
        unverified: Group, software and data-source tags: kept as they are.
        unknown: ATT&CK tags naming no technique or tactic of this version.
    """

    techniques: tuple[str, ...] = ()
    tactics: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@cache
def techniques() -> dict[str, Technique]:
    """Every technique of the bundled table by id, revoked ones included."""
    table = files(__package__).joinpath("enterprise-v19.csv").read_text(encoding="utf-8")
    return {row["id"]: _technique(row) for row in csv.DictReader(table.splitlines())}


def current(technique_id: str) -> Technique | None:
    """The technique now meant by an id, or None if this version of ATT&CK has none."""
    seen = set()
    found = techniques().get(technique_id.upper())
    while found is not None and found.replaced_by and found.id not in seen:
        seen.add(found.id)
        found = techniques().get(found.replaced_by)
    return found


def tactic(name: str) -> str | None:
    """The v19 name of a tactic, whether written with `-` or `_`, or None."""
    plain = name.lower().replace("_", "-")
    plain = TACTIC_ALIASES.get(plain, plain)
    return plain if plain in TACTICS else None


def read_tags(tags: Iterable[str]) -> Tags:
    """Sorts a Sigma rule's `attack.*` tags; tags of other namespaces are not looked at."""
    found: dict[str, None] = {}
    named: set[str] = set()
    unverified: list[str] = []
    unknown: list[str] = []
    for tag in (tag.lower() for tag in tags):
        if not tag.startswith("attack."):
            continue
        if match := _TECHNIQUE_TAG.match(tag):
            technique = current(match[1])
            if technique is None:
                unknown.append(tag)
            else:
                found.setdefault(technique.id)
        elif known := tactic(tag.removeprefix("attack.")):
            named.add(known)
        elif _UNVERIFIED_TAG.match(tag):
            unverified.append(tag)
        else:
            unknown.append(tag)
    ordered = tuple(name for name in TACTICS if name in named)
    return Tags(tuple(found), ordered, tuple(unverified), tuple(unknown))


def _technique(row: dict[str, str]) -> Technique:
    return Technique(
        id=row["id"],
        name=row["name"],
        tactics=tuple(filter(None, row["tactics"].split("|"))),
        platforms=tuple(filter(None, row["platforms"].split("|"))),
        replaced_by=row["replaced_by"],
    )
