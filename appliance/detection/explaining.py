"""
Why a rule fired, from the event alone.

Invariants, proved over every finding of the corpora:
- Sufficient: the event cut down to the quoted fields still makes the rule fire.
- Necessary: without any one of the quoted fields, the cut-down event does not.
- What the route decided (EventID, the log source) is said in `source`; it is no field that can be cut.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from appliance.detection.matching.exact import clause_holds, holds, predicate_of
from appliance.detection.matching.values import elements_of, text_of
from appliance.detection.sigma.tree import (
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
    Reference,
    Regex,
    Text,
    clauses_of,
)
from appliance.telemetry.events import Event, Value


class Quote(msgspec.Struct, frozen=True):
    """
    One clause of a rule and the value that it matched.

    Attributes:
        selection: The part of the rule it stands in; "log source" for what its log source demands.
        field: The field of the event that it was found in, also for keywords.
        modifier: What the clause asks: equals, contains, startswith, endswith, matches, cidr …
        pattern: What it asks for, wildcards as `*` and `?`.
        value: The value of the field, or the element of it, that matched.
        negated: True if the rule fires because the clause does not hold.
        sentence: All this in plain words.
    """

    selection: str
    field: str
    modifier: str
    pattern: str
    value: str
    negated: bool
    sentence: str


class Explanation(msgspec.Struct, frozen=True):
    """
    Why a rule fired for an event.

    Attributes:
        source: Which events the rule looks at, in plain words.
        fields: The fields that together are sufficient and each necessary.
        quotes: Clauses about just these fields; at least one for each.
    """

    source: str
    fields: tuple[str, ...]
    quotes: tuple[Quote, ...]


def explain(condition: Node | bool, event: Event) -> Explanation:
    """
    Why an event satisfies a rule's condition.

    Args:
        condition: What the event's route leaves of the rule; see `RuleSet.condition`.

    Raises:
        ValueError: The event does not satisfy it.
    """
    if condition is False or (condition is not True and not holds(condition, event.fields)):
        raise ValueError("the rule does not fire for this event, so there is nothing to explain")
    if condition is True:
        return Explanation(_source(event), (), ())
    fields = _minimal(condition, event.fields)
    kept = {name: event.fields[name] for name in fields}
    quotes = dict.fromkeys(_quotes(condition, kept))
    missing = [name for name in fields if not any(quote.field == name for quote in quotes)]
    more = [quote for name in missing for quote in _indirect(condition, name, kept)]
    return Explanation(_source(event), fields, (*quotes, *dict.fromkeys(more)))


def cut_down(event: Event, fields: tuple[str, ...]) -> Event:
    """The event with only some of its fields."""
    kept = {name: event.fields[name] for name in fields if name in event.fields}
    return msgspec.structs.replace(event, fields=kept)


def _minimal(condition: Node, fields: Mapping[str, Value]) -> tuple[str, ...]:
    """
    Fields that are sufficient together and necessary one by one.

    Long values are tried first, so that a keyword is quoted from the shortest value that holds it.
    """
    named = {clause.field for clause in clauses_of(condition)}
    named |= {clause.test.field for clause in clauses_of(condition) if isinstance(clause.test, Reference)}
    kept = {name: value for name, value in fields.items() if None in named or name in named}
    changed = True
    while changed:
        changed = False
        for name in sorted(kept, key=lambda name: -len(str(kept[name]))):
            without = {other: value for other, value in kept.items() if other != name}
            if holds(condition, without):
                kept, changed = without, True
    return tuple(kept)


def _quotes(node: Node, fields: Mapping[str, Value]) -> Iterator[Quote]:
    """The clauses that make a condition true: all of an AND, one of an OR, none of a NOT."""
    match node:
        case Clause():
            yield from _quote(node, fields, negated=False)
        case All(items):
            for item in items:
                yield from _quotes(item, fields)
        case Any(items):
            yield from _quotes(next(item for item in items if holds(item, fields)), fields)
        case Not(Not(item)):
            yield from _quotes(item, fields)
        case _:
            return


def _indirect(condition: Node, name: str, fields: Mapping[str, Value]) -> Iterator[Quote]:
    """Why a field matters otherwise: a filter on its absence fails, or another field refers to it."""
    for clause in clauses_of(condition):
        refers = isinstance(clause.test, Reference) and clause.test.field == name
        if clause.field == name or refers:
            yield from _quote(clause, fields, negated=not clause_holds(clause, fields), found_in=name)
            return


def _quote(
    clause: Clause, fields: Mapping[str, Value], *, negated: bool, found_in: str | None = None
) -> Iterator[Quote]:
    field, value = _where(clause, fields)
    field = found_in or field
    if field not in fields:
        return
    modifier, pattern = described(clause.test)
    shown = value if found_in is None else _first(fields[field])
    sentence = _sentence(field, modifier, pattern, shown, negated=negated, keyword=clause.field is None)
    yield Quote(clause.selection, field, modifier, pattern, shown, negated, sentence)


def _where(clause: Clause, fields: Mapping[str, Value]) -> tuple[str, str]:
    """The field and the element of it that a clause is true of."""
    if isinstance(clause.test, Null | Exists | Reference):
        name = clause.field or ""
        return name, _first(fields.get(name))
    predicate = predicate_of(clause.test)
    names = fields if clause.field is None else (clause.field,)
    for name in names:
        for element in elements_of(fields.get(name)):
            if predicate(element):
                return name, text_of(element)
    return clause.field or "", _first(fields.get(clause.field or ""))


def _first(value: Value) -> str:
    elements = elements_of(value)
    return text_of(elements[0]) if elements else ""


def described(test: object) -> tuple[str, str]:  # noqa: PLR0911 — one answer per kind of test
    """What a test asks and what for: ("contains", "sekurlsa")."""
    match test:
        case Text(parts, cased):
            modifier, pattern = _described_text(parts)
            return (f"{modifier} (case-sensitive)" if cased else modifier), pattern
        case Regex(pattern, flags):
            return "matches", f"(?{flags}){pattern}" if flags else pattern
        case Network(cidr):
            return "cidr", cidr
        case Number(operator, number, part):
            return f"{part} {operator}".strip(), text_of(number)
        case Reference(field, starts, ends):
            kinds = {(True, True): "contains", (True, False): "startswith", (False, True): "endswith"}
            return kinds.get((starts, ends), "equals") + " field", field
        case Null():
            return "is", "empty"
        case _:
            return "is", "present"


def _described_text(parts: tuple[str | int, ...]) -> tuple[str, str]:
    inner = [part for part in parts if part != ANY_TEXT]
    if len(inner) == 1 and isinstance(inner[0], str):
        kinds = {1: "equals", 3: "contains"}
        ends = "startswith" if parts[-1] == ANY_TEXT else "endswith"
        return kinds.get(len(parts), ends), inner[0]
    shown = "".join(part if isinstance(part, str) else "*?"[part] for part in parts)
    return ("like" if inner or parts else "equals"), shown


_WORDS: Final = {
    "equals": "is",
    "contains": "contains",
    "startswith": "starts with",
    "endswith": "ends with",
    "like": "looks like",
    "matches": "matches the expression",
    "cidr": "is an address in",
    "lt": "is less than",
    "lte": "is at most",
    "gt": "is more than",
    "gte": "is at least",
}
_LONGEST_SHOWN: Final = 200


def _sentence(field: str, modifier: str, pattern: str, value: str, *, negated: bool, keyword: bool) -> str:
    if modifier == "is":
        return f"{field} is {'not ' if negated else ''}{pattern}."
    if pattern == "*" and not negated:
        return f"{field} has a value."
    verb = _WORDS.get(modifier, modifier)
    shown = _excerpt(value, pattern)
    if negated:
        return f"It is not so that {field} {verb} “{pattern}”: it is “{shown}”."
    if modifier == "equals" and not keyword:
        return f"{field} is “{shown}”."
    return f"{field} {verb} “{pattern}”: it is “{shown}”."


def _excerpt(value: str, pattern: str) -> str:
    """The value, or what stands around the pattern in a long one."""
    if len(value) <= _LONGEST_SHOWN:
        return value
    middle = max(value.lower().find(pattern.lower()), 0)
    start = max(0, min(middle - _LONGEST_SHOWN // 4, len(value) - _LONGEST_SHOWN))
    end = start + _LONGEST_SHOWN
    return f"{'…' if start else ''}{value[start:end]}{'…' if end < len(value) else ''}"


def _source(event: Event) -> str:
    parts = [part for part in (event.channel, f"event {event.code}" if event.code else "") if part]
    return f"The rule looks at {event.kind} events" + (f" ({', '.join(parts)})." if parts else ".")
