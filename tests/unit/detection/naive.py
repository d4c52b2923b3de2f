"""
A second opinion on matching: pySigma's own tree, read node by node, with nothing of the matcher in it.

It is slow and plain on purpose. What it shares with the product is the event's definition of text, number
and time (`matching.values`) and the log-source table; everything the index does is done differently here.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network

import re2  # type: ignore[import-untyped]  # has no stubs
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.modifiers import SigmaBase64Modifier, SigmaBase64OffsetModifier
from sigma.rule import SigmaRule
from sigma.rule.detection import SigmaDetection
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from appliance.detection.matching.values import fold, number_of, part_of, text_of, time_of
from appliance.detection.sigma.logsources import streams_of
from appliance.telemetry.events import Event, LogSource

Fields = Mapping[str, object]
Check = Callable[[Fields], bool]


class NaiveRule:
    """One rule, ready to be asked about one event after another."""

    def __init__(self, document: dict) -> None:
        rule = SigmaRule.from_dict(document)
        for detection in rule.detection.detections.values():
            _case_base64(detection)
        self.id = str(rule.id)
        source = rule.logsource
        self._streams = streams_of(LogSource(source.category, source.product, source.service)).streams
        self._check = any_of([_check(condition.parsed) for condition in rule.detection.parsed_condition])

    def carries(self, event: Event) -> bool:
        """Whether the rule's log source means events of this route at all."""
        return any(s.carries(event.kind, event.channel.lower(), event.code) for s in self._streams)

    def matches(self, event: Event) -> bool:
        carrying = [s for s in self._streams if s.carries(event.kind, event.channel.lower(), event.code)]
        if not carrying:
            return False
        fields = event.fields
        if event.kind == "windows":
            fields = {**fields, "EventID": event.code}
        wanted = fold(text_of(fields.get("EventType") or ""))
        if not any(not s.event_types or wanted in map(fold, s.event_types) for s in carrying):
            return False
        return self._check(fields)


def any_of(checks: list[Check]) -> Check:
    return lambda fields: any(check(fields) for check in checks)


def _case_base64(detection: SigmaDetection) -> None:
    for item in detection.detection_items:
        if isinstance(item, SigmaDetection):
            _case_base64(item)
        elif {SigmaBase64Modifier, SigmaBase64OffsetModifier} & set(item.modifiers):
            item.value = [_cased(value) for value in item.value]


def _cased(value):
    if isinstance(value, SigmaExpansion):
        return SigmaExpansion([_cased(each) for each in value.values])
    return SigmaCasedString.from_sigma_string(value) if isinstance(value, SigmaString) else value


def _check(node) -> Check:
    if isinstance(node, ConditionAND):
        checks = [_check(arg) for arg in node.args]
        return lambda fields: all(check(fields) for check in checks)
    if isinstance(node, ConditionOR):
        return any_of([_check(arg) for arg in node.args])
    if isinstance(node, ConditionNOT):
        inner = _check(node.args[0])
        return lambda fields: not inner(fields)
    if isinstance(node, ConditionFieldEqualsValueExpression):
        return _field(node.field, node.value)
    if isinstance(node, ConditionValueExpression):
        return _keyword(node.value)
    raise AssertionError(f"no idea what {node!r} means")


def _elements(value) -> list:
    if value is None:
        return []
    return list(value) if isinstance(value, tuple) else [value]


def _field(field: str, value) -> Check:
    if isinstance(value, SigmaExpansion):
        return any_of([_field(field, each) for each in value.values])
    if isinstance(value, SigmaNull):
        return lambda fields: _elements(fields.get(field)) == []
    if isinstance(value, SigmaExists):
        return lambda fields: (field in fields) is value.exists
    if isinstance(value, SigmaFieldReference):
        return lambda fields: any(
            _related(value, fold(text_of(one)), fold(text_of(other)))
            for one in _elements(fields.get(field))
            for other in _elements(fields.get(value.field))
        )
    test = _test(value)
    return lambda fields: any(test(element) for element in _elements(fields.get(field)))


def _related(reference, one: str, other: str) -> bool:
    if reference.starts_with and reference.ends_with:
        return other in one
    if reference.starts_with:
        return one.startswith(other)
    return one.endswith(other) if reference.ends_with else one == other


def _keyword(value) -> Check:
    if isinstance(value, SigmaExpansion):
        return any_of([_keyword(each) for each in value.values])
    if isinstance(value, SigmaString):
        test = _text(value, contained=True)
    elif isinstance(value, SigmaNumber | SigmaBool):
        wanted = str(value).lower()
        test = lambda element: wanted in fold(text_of(element))  # noqa: E731 — as short as the rest
    else:
        test = _test(value)
    return lambda fields: any(test(e) for value in fields.values() for e in _elements(value))


def _test(value) -> Callable[[object], bool]:
    if isinstance(value, SigmaString):
        return _text(value, contained=False)
    if isinstance(value, SigmaTimestampPart):
        return _timestamp(value.timestamp_part.name.lower(), lambda found: found == value.number)
    if isinstance(value, SigmaNumber | SigmaBool):
        wanted = text_of(value.number) if isinstance(value, SigmaNumber) else str(value.boolean).lower()
        return lambda element: fold(text_of(element)) == wanted
    if isinstance(value, SigmaRegularExpression):
        return _regex(value)
    if isinstance(value, SigmaCIDRExpression):
        return _cidr(str(value.network))
    if isinstance(value, SigmaCompareExpression):
        return _comparison(value)
    raise AssertionError(f"no idea what {value!r} means")


def _text(value: SigmaString, *, contained: bool) -> Callable[[object], bool]:
    cased = isinstance(value, SigmaCasedString)
    pattern = ""
    for part in value.s:
        if part is SpecialChars.WILDCARD_MULTI:
            pattern += ".*"
        elif part is SpecialChars.WILDCARD_SINGLE:
            pattern += "."
        else:
            pattern += re.escape(part if cased else fold(part))
    # Python's own engine backtracks over ".*.*"; one is as good as several.
    compiled = re.compile(re.sub(r"(?:\.\*)+", ".*", pattern), re.DOTALL)
    find = compiled.search if contained else compiled.fullmatch
    return lambda element: find(text_of(element) if cased else fold(text_of(element))) is not None


def _regex(value: SigmaRegularExpression) -> Callable[[object], bool]:
    letters = {
        SigmaRegularExpressionFlag.IGNORECASE: "i",
        SigmaRegularExpressionFlag.MULTILINE: "m",
        SigmaRegularExpressionFlag.DOTALL: "s",
    }
    flags = "".join(letters[flag] for flag in value.flags)
    compiled = re2.compile((f"(?{flags})" if flags else "") + str(value.regexp))
    return lambda element: compiled.search(text_of(element)) is not None


def _cidr(cidr: str) -> Callable[[object], bool]:
    network = ip_network(cidr)

    def inside(element: object) -> bool:
        try:
            address = ip_address(text_of(element).strip()) if isinstance(element, str) else None
        except ValueError:
            return False
        if address is not None and address.version == 6 and address.ipv4_mapped:
            address = address.ipv4_mapped
        return address is not None and address in network

    return inside


def _comparison(value: SigmaCompareExpression) -> Callable[[object], bool]:
    wanted = value.number.number
    compare = {
        CompareOperators.LT: lambda found: found < wanted,
        CompareOperators.LTE: lambda found: found <= wanted,
        CompareOperators.GT: lambda found: found > wanted,
        CompareOperators.GTE: lambda found: found >= wanted,
    }[value.op]
    if isinstance(value.number, SigmaTimestampPart):
        return _timestamp(value.number.timestamp_part.name.lower(), compare)

    def check(element: object) -> bool:
        found = number_of(element)
        return found is not None and compare(found)

    return check


def _timestamp(part: str, compare: Callable[[float], bool]) -> Callable[[object], bool]:
    def check(element: object) -> bool:
        found = time_of(element)
        return found is not None and compare(part_of(found, part))

    return check
