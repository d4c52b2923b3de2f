"""
Why an incident exists, in plain words, from evidence only.

Invariants:
- Every sentence is put together from findings, counts and stored history; nothing is guessed, and what
  is not known is not said.
- Quoted clauses are those the rule engine proved sufficient and necessary (detection/explaining.py).
- Each quoted rule is named with its author (DRL 1.1).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from appliance.detection.attack.table import TACTICS, current
from appliance.foundation.severity import Severity
from appliance.incidents.memory import EntityCount, Group, RuleCount
from appliance.incidents.next_steps import Scene, searches_for
from appliance.incidents.risk import combined, reasons_of, risk_of, total_of, weight_of
from appliance.incidents.schemas import EntityRisk, Rarity, Why, WhyClause

MOST_EXAMPLES = 10
_MOST_CLAUSES = 40
_MOST_RARE, _MOST_ENTITY_RISKS, _MOST_REASONS = 6, 20, 5
_LONGEST_TITLE = 200
_LONGEST_SHOWN = 500


class Example(msgspec.Struct, frozen=True):
    """The first finding of a rule in the incident, as stored."""

    finding_id: UUID
    rule_id: str
    title: str
    author: str
    techniques: tuple[str, ...]
    clauses: list[dict[str, Any]]


class History(msgspec.Struct, frozen=True):
    """
    What is stored about how common things are.

    Attributes:
        matches: How often each rule has matched in the organisation, ever, by rule id.
        others: In how many other incidents an entity is, by (kind, value).
    """

    matches: Mapping[str, int]
    others: Mapping[tuple[str, str], int]


def weightiest_rules(group: Group, most: int = MOST_EXAMPLES) -> list[str]:
    """The rules that say most, heaviest first; the rarer first where they weigh the same."""
    return [rule_id for rule_id, _ in sorted(group.rules.items(), key=_by_weight)][:most]


def _by_weight(item: tuple[str, RuleCount]) -> tuple[float, int, str]:
    return (-item[1].level, item[1].count, item[0])


def group_risk(group: Group) -> int:
    """0 to 100: what its rules add up to, along how many tactics."""
    weight = combined(total_of(rule.level, rule.count) for rule in group.rules.values())
    return risk_of(weight, len(group.tactics))


def entity_weight(group: Group, entity: EntityCount) -> float:
    """What the rules that named an entity add up to."""
    named = ((group.rules[rule_id].level, count) for rule_id, count in entity.rules.items())
    return combined(total_of(level, count) for level, count in named) + entity.carried


def entity_risk(group: Group, entity: EntityCount) -> EntityRisk:
    """The risk of an entity and what it was counted from."""
    rules = [
        (group.rules[rule_id].title, group.rules[rule_id].level, n) for rule_id, n in entity.rules.items()
    ]
    reasons = reasons_of(rules, entity.carried)
    shown = reasons[:_MOST_REASONS]
    if len(reasons) > len(shown):
        shown.append(f"and {len(reasons) - len(shown)} more")
    return EntityRisk(
        kind=entity.kind, value=entity.value, risk=risk_of(entity_weight(group, entity)), reasons=shown
    )


def explain(
    group: Group, examples: list[Example], history: History, entities: list[EntityCount] | None = None
) -> Why:
    """The whole of it; `entities` are the group's `riskiest`, where they are known already."""
    entities = riskiest(group) if entities is None else entities
    searches = searches_for(_scene(group, entities))
    return Why(
        summary=_summary(group, entities),
        clauses=_clauses(examples)[:_MOST_CLAUSES],
        rarity=[Rarity(sentence=sentence) for sentence in _rarities(group, entities, history)],
        entities=[entity_risk(group, entity) for entity in entities if not entity.weak][:_MOST_ENTITY_RISKS],
        next_steps=[search.title for search in searches],
        searches=searches,
    )


def title_of(group: Group, entities: list[EntityCount] | None = None) -> str:
    """What happened, where, by whom: by which rules one would know it again."""
    rules = [group.rules[rule_id].title for rule_id in weightiest_rules(group, 2)]
    entities = riskiest(group) if entities is None else entities
    acting = [entity for entity in entities if entity.role == "subject"]
    host, user = _first(acting, "host"), _first(acting, "user") or _first(entities, "user")
    address = _first(entities, "address")
    place = f" on {host}" if host else f" from {address}" if address else ""
    others = sum(1 for entity in entities if entity.kind == "host" and entity.role == "subject") - 1
    if host and others > 0:
        place += f" and {others} more"
    by = f" by {user}" if user else ""
    return f"{_headline(group)}{place}{by}: {', '.join(rules)}"[:_LONGEST_TITLE]


def riskiest(group: Group) -> list[EntityCount]:
    """The entities of a group: strong before weak, then by risk; what acted before what was acted on."""
    return sorted(
        group.entities.values(),
        key=lambda entity: (
            entity.weak,
            -risk_of(entity_weight(group, entity)),
            entity.role != "subject",
            -sum(entity.rules.values()),
            entity.kind,
            entity.value,
        ),
    )


def _headline(group: Group) -> str:
    """What the findings weigh most for, by tactic; what the gravest rule is called if none names one."""
    weights: dict[str, float] = {}
    for rule in group.rules.values():
        for tactic in rule.tactics:
            weights[tactic] = weights.get(tactic, 0.0) + weight_of(rule.level)
    # What an attack achieves says more than how it was done.
    ends = {tactic: weight for tactic, weight in weights.items() if tactic not in _MEANS} or weights
    if not ends:
        return max(group.rules.values(), key=lambda rule: (rule.level, -rule.count)).title
    heaviest = sorted(ends, key=lambda tactic: (-ends[tactic], -TACTICS.index(tactic)))[:_HEADLINE_TACTICS]
    telling = [tactic for tactic in heaviest if 2 * ends[tactic] >= ends[heaviest[0]]]
    names = " and ".join(_tactic_name(tactic) for tactic in TACTICS if tactic in telling)
    return names.capitalize()


_HEADLINE_TACTICS = 2
_MEANS = frozenset({"execution", "stealth", "defense-impairment", "privilege-escalation"})


def _tactic_name(tactic: str) -> str:
    return tactic.replace("-", " ")


def _summary(group: Group, entities: list[EntityCount]) -> str:
    findings = sum(rule.count for rule in group.rules.values())
    size = f"{_counted(findings, 'finding')} of {_counted(len(group.rules), 'rule')}"
    gravest = Severity(group.severity).label
    sentences = [f"{_during(group)} {size} belong together, the gravest of level {gravest}."]
    sentences += _about_entities(entities)
    tactics = [tactic for tactic in TACTICS if tactic in group.tactics]
    if tactics:
        sentences.append(
            f"In kill-chain order they show {_listed([_tactic_name(tactic) for tactic in tactics])}."
        )
    named = [f"{each} {technique.name}" for each in sorted(group.techniques) if (technique := current(each))]
    if named:
        sentences.append(f"Techniques: {_listed(named[:8])}{' and more' if len(named) > 8 else ''}.")  # noqa: PLR2004 — as many as can be read
    return " ".join(sentences)


def _about_entities(entities: list[EntityCount]) -> list[str]:
    found = []
    hosts = [entity.value for entity in entities if entity.kind == "host" and entity.role == "subject"]
    users = [entity.value for entity in entities if entity.kind == "user" and not entity.weak]
    addresses = [entity.value for entity in entities if entity.kind == "address" and entity.role == "source"]
    if hosts:
        found.append(f"They happened on {_listed(hosts[:3], len(hosts))}.")
    if users:
        found.append(f"Accounts named: {_listed(users[:3], len(users))}.")
    if addresses:
        found.append(f"Source addresses: {_listed(addresses[:3], len(addresses))}.")
    return found


def _during(group: Group) -> str:
    first, last = (
        datetime.fromtimestamp(each / 1_000_000, UTC) for each in (group.shown_first, group.shown_last)
    )
    start = first.strftime("%Y-%m-%d %H:%M:%S")
    if last.replace(microsecond=0) == first.replace(microsecond=0):
        return f"At {start} UTC"
    same_day = last.date() == first.date()
    return f"Between {start} and {last.strftime('%H:%M:%S' if same_day else '%Y-%m-%d %H:%M:%S')} UTC"


def _clauses(examples: Iterable[Example]) -> list[WhyClause]:
    return [
        WhyClause(
            finding_id=example.finding_id,
            rule_id=example.rule_id,
            rule_title=example.title,
            rule_author=example.author,
            field=clause.get("field") or None,
            modifier=clause.get("modifier") or None,
            pattern=str(clause.get("pattern", ""))[:_LONGEST_SHOWN],
            value=None if clause.get("value") is None else str(clause["value"])[:_LONGEST_SHOWN],
            sentence=str(clause.get("sentence", ""))[: 2 * _LONGEST_SHOWN],
            negated=clause.get("negated") is True,
        )
        for example in examples
        for clause in example.clauses
    ]


def _rarities(group: Group, entities: list[EntityCount], history: History) -> list[str]:
    """What is rare about it, the rarest first; what is common is said where it weakens the case."""
    counted = [
        (history.matches[rule_id], rule)
        for rule_id, rule in group.rules.items()
        if rule_id in history.matches
    ]
    counted.sort(key=lambda pair: (pair[0] - pair[1].count, pair[0], pair[1].title))
    found = [_rule_rarity(rule, total) for total, rule in counted[: _MOST_RARE - 2]]
    for entity in entities:
        if entity.weak or (entity.kind, entity.value) not in history.others:
            continue
        others = history.others[entity.kind, entity.value]
        where = "no other incident" if others == 0 else _counted(others, "other incident")
        found.append(f"The {entity.kind} {entity.value} is in {where} of this organisation.")
    return found[:_MOST_RARE]


def _rule_rarity(rule: RuleCount, total: int) -> str:
    if total <= rule.count:
        here = "its only match is" if total <= 1 else f"all {total} matches are"
        return f"“{rule.title}” has matched nothing else in this organisation: {here} here."
    times = _counted(total, "time")
    return f"“{rule.title}” has matched {times} in this organisation, {rule.count} of them here."


def _scene(group: Group, entities: list[EntityCount]) -> Scene:
    return Scene(
        tactics=tuple(tactic for tactic in TACTICS if tactic in group.tactics),
        first=group.shown_first,
        last=group.shown_last,
        host=_first(entities, "host"),
        user=_first(entities, "user"),
        address=_first(entities, "address"),
        process=_first(entities, "process").partition("@")[0],
        file_hash=_first(entities, "hash"),
        domain=_first(entities, "domain"),
    )


def _first(entities: list[EntityCount], kind: str) -> str:
    return next((each.value for each in entities if each.kind == kind and not each.weak), "")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _listed(words: list[str], total: int | None = None) -> str:
    more = (total or len(words)) - len(words)
    if more > 0:
        return f"{', '.join(words)} and {more} more"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
