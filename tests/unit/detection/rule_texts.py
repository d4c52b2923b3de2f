"""Short ways to write a rule and an event in a test."""

import json
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import yaml

from appliance.detection.compiling import compile_rule_set
from appliance.detection.ruleset import RuleSet
from appliance.detection.sigma.rules import LoadReport, RuleSource
from appliance.telemetry.events import Event, Value

GENERIC = {"product": "test", "service": "unit"}


def document(detection: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A complete rule with this detection; its id follows from its content."""
    content = {
        "title": "A rule of a test",
        "status": "test",
        "author": "Tests",
        "level": "high",
        "logsource": GENERIC,
        "detection": detection,
        **changes,
    }
    content.setdefault("id", str(uuid5(NAMESPACE_OID, json.dumps(content, sort_keys=True, default=str))))
    return content


def source(rule: dict[str, Any], path: str = "test.yml", owner: str = "") -> RuleSource:
    return RuleSource(path, yaml.safe_dump(rule, allow_unicode=True, sort_keys=False), owner)


def load(*rules: dict[str, Any], **options: Any) -> tuple[RuleSet, LoadReport]:
    return compile_rule_set([source(rule) for rule in rules], **options)


def event(kind: str = "test.unit", channel: str = "", code: str = "", **fields: Value) -> Event:
    return Event(kind, channel, code, dict(fields))


def fires(detection: dict[str, Any], **fields: Value) -> bool:
    """Whether a rule with this detection fires for an event with these fields."""
    rule_set, report = load(document(detection))
    assert report.inactive == ()
    return list(rule_set.match(event(**fields))) == [0]


def selection(**clauses: Any) -> dict[str, Any]:
    """A detection of one selection; `field__modifier` stands for `field|modifier`."""
    return {
        "selection": {key.replace("__", "|"): value for key, value in clauses.items()},
        "condition": "selection",
    }
