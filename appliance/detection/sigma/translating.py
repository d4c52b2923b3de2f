"""
From pySigma's detections and condition to our tree.

Invariants:
- The condition is resolved here and not by pySigma's post-processing, so that every clause still knows
  the selection and the modifiers it was written with: `explain` quotes them.
- Base64 is case-sensitive, so values made by `base64` and `base64offset` become cased.

Source: Sigma specification 2.1.0, rules and modifiers appendix.
"""

from collections.abc import Mapping, Sequence
from typing import Any as Anything
from typing import Final

from sigma.conditions import (
    ConditionAND,
    ConditionIdentifier,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
    ConditionSelector,
)
from sigma.modifiers import reverse_modifier_mapping
from sigma.rule.detection import SigmaDetection, SigmaDetectionItem, SigmaDetections
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
    SigmaType,
    SpecialChars,
)

from appliance.detection.matching.expressions import linear_regex
from appliance.detection.matching.values import text_of
from appliance.detection.sigma.placeholders import with_values
from appliance.detection.sigma.refusals import Refused
from appliance.detection.sigma.rules import Reason
from appliance.detection.sigma.tree import (
    ANY_CHARACTER,
    ANY_TEXT,
    All,
    Any,
    Clause,
    Exists,
    Network,
    Node,
    Not,
    Null,
    Number,
    Part,
    Reference,
    Regex,
    Test,
    Text,
)

_OPERATORS: Final = {
    CompareOperators.LT: "lt",
    CompareOperators.LTE: "lte",
    CompareOperators.GT: "gt",
    CompareOperators.GTE: "gte",
}
_FLAGS: Final = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}
_CASED_MODIFIERS: Final = frozenset({"base64", "base64offset"})
# A hostile rule could nest thousands of parentheses; the deepest public one nests four.
_DEEPEST_CONDITION: Final = 64


def translate(detections: SigmaDetections, expand: Mapping[str, Sequence[str]]) -> Node:
    """
    The tree of a rule; several conditions are alternatives.

    Raises:
        Refused: A placeholder has no values, or a value has no meaning where it stands.
        SigmaError: The condition cannot be parsed.
    """
    trees = []
    for condition in detections.parsed_condition:
        parsed = condition.parse(postprocess=False)
        trees.append(_Translation(detections, expand).condition(parsed, 0))
    return any_of(trees)


def all_of(nodes: Sequence[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else All(tuple(nodes))


def any_of(nodes: Sequence[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else Any(tuple(nodes))


class _Translation:
    """One rule's detections on their way into a tree."""

    def __init__(self, detections: SigmaDetections, expand: Mapping[str, Sequence[str]]) -> None:
        self._detections = detections
        self._expand = expand

    def condition(self, parsed: Anything, depth: int) -> Node:
        if depth > _DEEPEST_CONDITION:
            raise Refused(Reason.INVALID, "The condition is nested more than 64 deep.")
        if isinstance(parsed, ConditionSelector):
            return self._selector(parsed)
        if isinstance(parsed, ConditionIdentifier):
            return self._selection(parsed.identifier)
        if isinstance(parsed, ConditionItem):
            return self._operator(parsed, depth)
        raise Refused(Reason.INVALID, "The condition is empty.")

    def _operator(self, parsed: ConditionItem, depth: int) -> Node:
        items = [self.condition(arg, depth + 1) for arg in parsed.args]
        if isinstance(parsed, ConditionNOT):
            return Not(items[0])
        if isinstance(parsed, ConditionAND):
            return all_of(items)
        if isinstance(parsed, ConditionOR):
            return any_of(items)
        raise Refused(Reason.UNSUPPORTED, f"The condition uses {type(parsed).__name__}, which is unknown.")

    def _selector(self, selector: ConditionSelector) -> Node:
        found = selector.resolve_referenced_detections(self._detections)
        if not found:
            raise Refused(Reason.INVALID, f"No selection is named like {selector.pattern!r}.")
        nodes = [self._selection(identifier.identifier) for identifier in found]
        return all_of(nodes) if selector.cond_class is ConditionAND else any_of(nodes)

    def _selection(self, name: str) -> Node:
        if name not in self._detections.detections:
            raise Refused(Reason.INVALID, f"The condition names {name!r}, and no selection has that name.")
        return self._detection(name, self._detections.detections[name])

    def _detection(self, name: str, detection: SigmaDetection) -> Node:
        items = [
            self._detection(name, item) if isinstance(item, SigmaDetection) else self._item(name, item)
            for item in detection.detection_items
        ]
        return all_of(items) if detection.item_linking is ConditionAND else any_of(items)

    def _item(self, name: str, item: SigmaDetectionItem) -> Node:
        modifiers = tuple(reverse_modifier_mapping[modifier.__name__] for modifier in item.modifiers)
        values = item.value or [SigmaNull()]
        nodes = [self._value(name, item.field, modifiers, value) for value in values]
        node = all_of(nodes) if item.value_linking is ConditionAND else any_of(nodes)
        return Not(node) if item.negated else node

    def _value(self, name: str, field: str | None, modifiers: tuple[str, ...], value: SigmaType) -> Node:
        if isinstance(value, SigmaExpansion):
            return any_of([self._value(name, field, modifiers, each) for each in value.values])
        if isinstance(value, SigmaExists):
            node: Node = Clause(name, field, modifiers, Exists())
            return node if value.exists else Not(node)
        cased = isinstance(value, SigmaCasedString) or not _CASED_MODIFIERS.isdisjoint(modifiers)
        tests = [_test(field, each, cased=cased) for each in with_values(value, self._expand)]
        return any_of([Clause(name, field, modifiers, test) for test in tests])


def _test(field: str | None, value: SigmaType, *, cased: bool) -> Test:
    if isinstance(value, SigmaString):
        return _text(field, value, cased=cased)
    if isinstance(value, SigmaTimestampPart):
        return Number("eq", value.number, value.timestamp_part.name.lower())
    if isinstance(value, SigmaNumber):
        return _literal(field, text_of(value.number))
    if isinstance(value, SigmaBool):
        return _literal(field, "true" if value.boolean else "false")
    return _special(field, value)


def _special(field: str | None, value: SigmaType) -> Test:
    if isinstance(value, SigmaRegularExpression):
        flags = "".join(sorted(_FLAGS[flag] for flag in value.flags))
        linear_regex(str(value.regexp), flags)
        return Regex(str(value.regexp), flags)
    if isinstance(value, SigmaCIDRExpression):
        return Network(str(value.network))
    if isinstance(value, SigmaCompareExpression):
        part = (
            value.number.timestamp_part.name.lower() if isinstance(value.number, SigmaTimestampPart) else ""
        )
        return Number(_OPERATORS[value.op], value.number.number, part)
    if field is not None and isinstance(value, SigmaNull):
        return Null()
    if field is not None and isinstance(value, SigmaFieldReference):
        return Reference(value.field, value.starts_with, value.ends_with)
    raise Refused(Reason.UNSUPPORTED, f"A value of type {type(value).__name__} has no meaning here.")


def _literal(field: str | None, text: str) -> Text:
    return Text((text,)) if field is not None else Text((ANY_TEXT, text, ANY_TEXT))


def _text(field: str | None, value: SigmaString, *, cased: bool) -> Text:
    parts: list[Part] = [] if field is not None else [ANY_TEXT]
    for part in value.s:
        if isinstance(part, str):
            _append_literal(parts, part)
        elif part is SpecialChars.WILDCARD_SINGLE:
            parts.append(ANY_CHARACTER)
        elif not parts or parts[-1] != ANY_TEXT:
            parts.append(ANY_TEXT)
    if field is None and parts[-1] != ANY_TEXT:
        parts.append(ANY_TEXT)
    return Text(tuple(parts), cased)


def _append_literal(parts: list[Part], literal: str) -> None:
    last = parts[-1] if parts else None
    if isinstance(last, str):
        parts[-1] = last + literal
    elif literal:
        parts.append(literal)
