"""The alert rules that are shipped, as Prometheus reads them too."""

import re
from collections.abc import Mapping
from importlib import resources

import msgspec
import yaml

from appliance.foundation.errors import Invalid
from appliance.support.expressions import Node, parse, selectors

_HOLE = re.compile(r"\{\{\s*(?:\$labels\.(\w+)|\$value)\s*\}\}")
_UNITS = {"s": 1, "m": 60, "h": 3600}


class _Written(msgspec.Struct, frozen=True):
    alert: str
    expr: str
    for_: str = msgspec.field(name="for", default="0s")
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Group(msgspec.Struct, frozen=True):
    name: str
    rules: list[_Written]


class _File(msgspec.Struct, frozen=True):
    groups: list[_Group]


class Rule(msgspec.Struct, frozen=True):
    """
    Attributes:
        for_seconds: How long the expression has to hold before it is an alert.
        severity: critical (somebody must act), warning (somebody should look), or none (the sign of life).
        back_seconds: How far back the expression looks.
    """

    name: str
    text: str
    expression: Node
    for_seconds: float
    severity: str
    annotations: dict[str, str]
    back_seconds: float

    def told(self, labels: Mapping[str, str], value: float) -> dict[str, str]:
        """The annotations with labels and value filled in."""

        def filled(found: re.Match[str]) -> str:
            return labels.get(found[1], "") if found[1] else f"{value:g}"

        return {name: _HOLE.sub(filled, text) for name, text in self.annotations.items()}


def shipped() -> list[Rule]:
    """
    Read the rules of this release.

    Raises:
        Invalid: A rule cannot be read; tests see to it that none is.
    """
    return read(resources.files("appliance.support").joinpath("rules/appliance.yml").read_text())


def read(text: str) -> list[Rule]:
    """
    Rules of a Prometheus rule file.

    Raises:
        Invalid: It is none, or a rule uses what is not evaluated here; names the rule.
    """
    try:
        file = msgspec.convert(yaml.safe_load(text), _File)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise Invalid(f"no file of alert rules: {error}") from error
    return [_rule(written) for group in file.groups for written in group.rules]


def _rule(written: _Written) -> Rule:
    try:
        expression = parse(written.expr)
    except Invalid as error:
        raise Invalid(f"alert {written.alert}: {error}") from error
    return Rule(
        name=written.alert,
        text=written.expr.strip(),
        expression=expression,
        for_seconds=float(int(written.for_[:-1]) * _UNITS[written.for_[-1]]),
        severity=written.labels.get("severity", "warning"),
        annotations=written.annotations,
        back_seconds=max((each.seconds for each in selectors(expression)), default=0.0),
    )
