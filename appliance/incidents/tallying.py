"""What a group knows of itself: rules, entities, tactics, times. Counted as findings join."""

from appliance.incidents import memory as bounds
from appliance.incidents.memory import EntityCount, EntityMemory, Group, Mention, RuleCount, Sighting
from appliance.incidents.risk import decayed, weight_of


def count_in(group: Group, sighting: Sighting, memories: dict[tuple[str, str], EntityMemory]) -> None:
    """Add a finding to what a group knows of itself."""
    group.shown_first = min(group.shown_first, sighting.time)
    group.shown_last = max(group.shown_last, sighting.time)
    group.severity = max(group.severity, sighting.level)
    group.sources.add(sighting.source_id)
    for tactic in sighting.tactics:
        group.tactics[tactic] = min(group.tactics.get(tactic, sighting.time), sighting.time)
    for technique in sighting.techniques:
        group.techniques[technique] = min(group.techniques.get(technique, sighting.time), sighting.time)
    _count_rule(group, sighting)
    for mention in sighting.entities:
        _count_entity(group, sighting, mention, memories)


def _count_rule(group: Group, sighting: Sighting) -> None:
    rule = group.rules.get(sighting.rule_id)
    if rule is None:
        if len(group.rules) < bounds.MOST_GROUP_RULES:
            group.rules[sighting.rule_id] = RuleCount(
                sighting.title, sighting.level, 1, sighting.id, sighting.time, sighting.tactics
            )
        return
    rule.count += 1
    if (sighting.time, sighting.id) < (rule.example_time, rule.example):
        rule.example, rule.example_time = sighting.id, sighting.time


def _count_entity(
    group: Group, sighting: Sighting, mention: Mention, memories: dict[tuple[str, str], EntityMemory]
) -> None:
    name = f"{mention.kind}:{mention.value}"
    entity = group.entities.get(name)
    if entity is None:
        if len(group.entities) >= bounds.MOST_GROUP_ENTITIES and mention.kind not in {
            "host",
            "user",
            "address",
        }:
            return
        if len(group.entities) >= 2 * bounds.MOST_GROUP_ENTITIES:
            return
        memory = memories.get((mention.kind, mention.value))
        entity = group.entities[name] = EntityCount(
            mention.kind, mention.value, mention.role, mention.weak, rules={},
            carried=_carried(memory, sighting),
        )  # fmt: skip
    if sighting.rule_id in group.rules:
        entity.rules[sighting.rule_id] = entity.rules.get(sighting.rule_id, 0) + 1


def _carried(memory: EntityMemory | None, sighting: Sighting) -> float:
    """What an entity weighed before this finding did."""
    if memory is None:
        return 0.0
    now = decayed(memory.weight, sighting.time - memory.at)
    return max(0.0, now - weight_of(sighting.level))


def absorb(into: Group, other: Group) -> None:
    """What both knew of themselves, together."""
    into.first, into.last = min(into.first, other.first), max(into.last, other.last)
    into.shown_first = min(into.shown_first, other.shown_first)
    into.shown_last = max(into.shown_last, other.shown_last)
    into.severity = max(into.severity, other.severity)
    into.sources |= other.sources
    for mine, its in ((into.tactics, other.tactics), (into.techniques, other.techniques)):
        for name, time in its.items():
            mine[name] = min(mine.get(name, time), time)
    for rule_id, rule in other.rules.items():
        known = into.rules.setdefault(rule_id, rule)
        if known is not rule:
            known.count += rule.count
            if (rule.example_time, rule.example) < (known.example_time, known.example):
                known.example, known.example_time = rule.example, rule.example_time
    for name, entity in other.entities.items():
        mine_too = into.entities.setdefault(name, entity)
        if mine_too is not entity:
            mine_too.carried = min(mine_too.carried, entity.carried)
            for rule_id, count in entity.rules.items():
                mine_too.rules[rule_id] = mine_too.rules.get(rule_id, 0) + count
