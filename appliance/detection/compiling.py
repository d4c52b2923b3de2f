"""
From Sigma files to a rule set and a report of what became of every document.

Invariants:
- Compiling touches no rule set that is in use; the caller swaps the new one in.
- Every document is active or has a reason: `LoadReport.documents` equals the documents read.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from appliance.detection.cache import RuleCache
from appliance.detection.matching.memory import DEFAULT_BYTES
from appliance.detection.matching.routes import decided, looks_at_route, narrowed
from appliance.detection.ruleset import RuleSet
from appliance.detection.sigma.logsources import Streams, streams_of
from appliance.detection.sigma.parsing import Outcome, ParsedRule, Refusal, parse
from appliance.detection.sigma.rules import Inactive, LoadReport, Reason, Rule, RuleSource
from appliance.detection.sigma.tree import Clause, Node, Not, Text

NO_VALUES: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})


def compile_rule_set(
    sources: Iterable[RuleSource],
    *,
    cache: RuleCache | None = None,
    expand: Mapping[str, Sequence[str]] = NO_VALUES,
    memory_bytes: int = DEFAULT_BYTES,
) -> tuple[RuleSet, LoadReport]:
    """
    The rule set of all active rules in the sources, and the report.

    Args:
        sources: Sigma files, in the order of precedence: the first rule with an id wins.
        cache: Where parsed rules and databases are kept between starts.
        expand: Value lists for placeholders, by name without `%`.
        memory_bytes: Most that remembered values may take; 0 remembers nothing.
    """
    outcomes, from_cache = _outcomes(sources, cache, expand)
    active: dict[str, ParsedRule] = {}
    inactive: list[Inactive] = []
    for outcome in outcomes:
        checked = outcome if isinstance(outcome, Refusal) else _checked(outcome, active)
        if isinstance(checked, Refusal):
            inactive.append(checked.inactive)
        else:
            active[checked.rule.id] = checked
    unmapped = sum(not each.rule.mapped for each in active.values())
    report = LoadReport(len(active), unmapped, tuple(inactive), min(from_cache, len(active)))
    return RuleSet(tuple(active.values()), store=cache, memory_bytes=memory_bytes), report


def _outcomes(
    sources: Iterable[RuleSource], cache: RuleCache | None, expand: Mapping[str, Sequence[str]]
) -> tuple[list[Outcome], int]:
    """What every document is, and how many rules were not parsed again."""
    if cache is None:
        return [outcome for source in sources for outcome in parse(source, expand)], 0
    session = cache.open(expand)
    outcomes = [outcome for source in sources for outcome in session.outcomes(source)]
    session.save()
    return outcomes, session.recalled


def _checked(parsed: ParsedRule, active: Mapping[str, ParsedRule]) -> ParsedRule | Refusal:
    """The rule with its log source resolved, or why it is not active after all."""
    rule = parsed.rule
    if rule.id in active:
        other = active[rule.id].rule.path
        return _refusal(rule, Reason.DUPLICATE, f"Another active rule has the same id: {other}")
    streams = streams_of(rule.logsource)
    if streams is None:
        return _refusal(rule, Reason.LOG_SOURCE, "Its log source names no category, product or service.")
    if not _can_be_true(parsed.tree, streams):
        explanation = "No event of its log source can match: the condition demands another EventID."
        return _refusal(rule, Reason.NEVER_TRUE, explanation)
    return parsed if streams.mapped else _unmapped(parsed)


def _unmapped(parsed: ParsedRule) -> ParsedRule:
    return msgspec.structs.replace(parsed, rule=msgspec.structs.replace(parsed.rule, mapped=False))


def _refusal(rule: Rule, reason: Reason, explanation: str) -> Refusal:
    return Refusal(Inactive(rule.path, rule.title, rule.id, rule.owner, reason, explanation))


def _can_be_true(tree: Node, streams: Streams) -> bool:
    """Whether some route of the log source leaves anything of the tree."""
    if not looks_at_route(tree):
        return True
    named = sorted(_named_codes(tree))
    for stream in streams.streams:
        for code in [*(sorted(stream.codes) or [*named, ""])]:
            if decided(narrowed(tree, stream.event_types), stream.kind, code) is not False:
                return True
    return False


def _named_codes(tree: Node) -> set[str]:
    """The event ids that a tree spells out."""
    if isinstance(tree, Clause):
        is_plain = tree.field == "EventID" and isinstance(tree.test, Text)
        return {"".join(map(str, tree.test.parts))} if is_plain else set()  # type: ignore[union-attr]  # is_plain
    items = (tree.item,) if isinstance(tree, Not) else tree.items
    return set().union(*map(_named_codes, items))
