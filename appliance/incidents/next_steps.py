"""
What to look at next: for the tactics and entities that are there, a sentence and a search that runs.

Only what the incident shows is used: a step about an account is offered if there is an account.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from appliance.incidents.schemas import Search

_BEFORE, _AFTER = 1_800_000_000, 3_600_000_000  # half an hour, an hour; microseconds
_MOST = 6


class Scene(msgspec.Struct, frozen=True):
    """
    What an incident is about, each the riskiest of its kind or "".

    Attributes:
        process: Its id as the events write it, without the host.
        first, last: Event time, microseconds since the epoch.
    """

    tactics: tuple[str, ...]
    first: int
    last: int
    host: str = ""
    user: str = ""
    address: str = ""
    process: str = ""
    file_hash: str = ""
    domain: str = ""


def searches_for(scene: Scene) -> list[Search]:
    """At most six searches, what the tactics call for before what is always worth a look."""
    start, end = _instant(scene.first - _BEFORE), _instant(scene.last + _AFTER)
    found = dict(_steps(scene))
    return [
        Search(title=title, where=where, start=start, end=end) for title, where in list(found.items())[:_MOST]
    ]


def _steps(scene: Scene) -> Iterator[tuple[str, dict[str, Any]]]:
    for tactic in reversed(scene.tactics):
        for needs, title, where in _BY_TACTIC.get(tactic, ()):
            if all(getattr(scene, need) for need in needs):
                yield title.format(**_names(scene)), _filled(where, scene)
    if scene.process:
        yield (
            "Follow the process: what it did and what it started",
            _any_of("contains", ("ProcessGuid", "ParentProcessGuid", "SourceProcessGUID"), scene.process),
        )
    if scene.address:
        yield f"Which other machines met {scene.address}", _entity("address", scene.address)
    if scene.file_hash:
        yield "Where else this file was seen", _entity("hash", scene.file_hash)
    if scene.domain:
        yield f"Which other machines asked for {scene.domain}", _entity("domain", scene.domain)
    if scene.user:
        yield f"What else {scene.user} did", _entity("user", bare(scene.user))
    if scene.host:
        yield f"Everything on {scene.host} around that time", _is("@host", scene.host)


def bare(user: str) -> str:
    r"""The account without its domain: `corp\ann` is also written `ann`."""
    return user.rpartition("\\")[2]


def _names(scene: Scene) -> dict[str, str]:
    return {"host": scene.host, "user": scene.user, "address": scene.address}


def _filled(where: dict[str, Any], scene: Scene) -> dict[str, Any]:
    """The tree with $host, $user and $address replaced by the scene's."""
    names = {"$host": scene.host, "$user": bare(scene.user), "$address": scene.address}
    if "of" in where and isinstance(where["of"], list):
        return where | {"of": [_filled(part, scene) for part in where["of"]]}
    if where["op"] == "not":
        return where | {"of": _filled(where["of"], scene)}
    return (
        where | {"value": names.get(where.get("value", ""), where.get("value", ""))}
        if "value" in where
        else where
    )


def _is(field: str, value: str) -> dict[str, Any]:
    return {"op": "is", "field": field, "value": value}


def _entity(kind: str, value: str) -> dict[str, Any]:
    return {"op": "entity", "kind": kind, "value": value}


def _any_of(op: str, fields: tuple[str, ...], value: str) -> dict[str, Any]:
    return {"op": "or", "of": [{"op": op, "field": field, "value": value} for field in fields]}


def _codes(*codes: str) -> dict[str, Any]:
    return {"op": "or", "of": [_is("@code", code) for code in codes]}


def _all(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"op": "and", "of": list(parts)}


_ON_HOST = _is("@host", "$host")
_ELSEWHERE = {"op": "not", "of": _ON_HOST}
_BY_USER = _entity("user", "$user")
_PRESENT = {
    field: {"op": "exists", "field": field} for field in ("TargetObject", "TargetFilename", "DestinationIp")
}

# What a tactic calls for: the entities the step needs, the sentence, the search.
# Windows event ids: Microsoft, "Appendix L: Events to Monitor"; Sysmon's: its own manual.
_BY_TACTIC: dict[str, tuple[tuple[tuple[str, ...], str, dict[str, Any]], ...]] = {
    "credential-access": (
        (
            ("user", "host"),
            "Credentials of {host} may be known to the attacker: see where {user} signed in elsewhere",
            _all(_BY_USER, _codes("4624", "4648", "4768", "4769"), _ELSEWHERE),
        ),
        (
            ("host",),
            "Which processes opened the memory of others on {host}",
            _all(_ON_HOST, _codes("10", "4656", "4663")),
        ),
    ),
    "lateral-movement": (
        (("user", "host"), "What {user} did on machines other than {host}", _all(_BY_USER, _ELSEWHERE)),
        (
            ("host",),
            "Remote logons, shares and services on {host}",
            _all(_ON_HOST, _codes("4624", "4648", "5140", "5145", "7045", "4697")),
        ),
    ),
    "persistence": (
        (
            ("host",),
            "What was made to survive a restart of {host}: services, tasks, run keys, WMI, accounts",
            _all(_ON_HOST, _codes("7045", "4697", "4698", "4702", "4720", "12", "13", "19", "20", "21")),
        ),
    ),
    "privilege-escalation": (
        (
            ("host",),
            "Who received special rights on {host}",
            _all(_ON_HOST, _codes("4672", "4728", "4732", "4756")),
        ),
    ),
    "stealth": (
        (("host",), "Files written on {host} in that time", _all(_ON_HOST, _PRESENT["TargetFilename"])),
    ),
    "defense-impairment": (
        (
            ("host",),
            "Check that {host} still logs: cleared logs, stopped auditing, changed policies",
            _all(_ON_HOST, _codes("1102", "104", "4719", "4902", "1100", "4", "16")),
        ),
    ),
    "command-and-control": (
        (("host",), "Every connection out of {host}", _all(_ON_HOST, _PRESENT["DestinationIp"])),
    ),
    "exfiltration": (
        (("host",), "Every connection out of {host}", _all(_ON_HOST, _PRESENT["DestinationIp"])),
    ),
    "impact": (
        (("host",), "Files written on {host} in that time", _all(_ON_HOST, _PRESENT["TargetFilename"])),
    ),
    "initial-access": (
        (("address",), "What else came from {address}", _entity("address", "$address")),
    ),
}  # fmt: skip


def _instant(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)
