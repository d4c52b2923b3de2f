"""
By which of its entities a finding joins others, how strongly, and for how long.

Invariants:
- A weak entity (SYSTEM, root, loopback) never joins.
- One strong entity in common is enough; a hub (a domain controller, a NAT address, a service account)
  or a file's hash joins only together with another, for it is in common with everybody.
- A user without a domain is somebody only on his host: every Linux machine has an `ubuntu`.
"""

from typing import NamedTuple

from appliance.detection.attack.table import TACTICS
from appliance.incidents.memory import EntityMemory, Mention, Sighting, Span

HOUR = 3_600_000_000  # microseconds
# How long after, and before, a shared entity still joins.
_WINDOW = {"host": HOUR, "user": HOUR, "address": HOUR, "session": 2 * HOUR, "process": 4 * HOUR}
_WINDOW |= {"hash": 4 * HOUR, "rule": HOUR}
# And where the later finding is further along the kill chain.
ALONG_TACTICS = 4 * HOUR
_WEIGHT = {"hash": 0.5}
_HUB_WEIGHT = 0.5
_HUB_PEERS = {"host": 12, "user": 8, "address": 8, "hash": 8}
# Peers of the last hours may be the attack itself spreading; a hub has had its peers for longer.
HUB_AGE = ALONG_TACTICS

_TACTIC_BIT = {tactic: 1 << place for place, tactic in enumerate(TACTICS)}


class Key(NamedTuple):
    """What an entity joins by; equal keys are the same thing."""

    kind: str
    value: str

    @property
    def text(self) -> str:
        return f"{self.kind}:{self.value}"


def keys_of(sighting: Sighting) -> list[Key]:
    """The keys of a finding; one of rule and source if it names nothing that joins."""
    found = dict.fromkeys(
        key for mention in sighting.entities if (key := key_of(mention, sighting.host)) is not None
    )
    return list(found) or [Key("rule", f"{sighting.rule_id}@{sighting.source_id}")]


def key_of(mention: Mention, host: str) -> Key | None:
    """What an entity joins by, or None if it joins nothing."""
    if mention.weak or mention.kind not in _WINDOW:
        return None
    if mention.kind == "host":
        # Windows names a machine by its first label in some events and in full in others.
        return Key("host", mention.value.split(".", 1)[0])
    if mention.kind == "user" and "\\" not in mention.value:
        return Key("user", f"{mention.value}@{host.split('.', 1)[0]}")
    return Key(mention.kind, mention.value)


def mask_of(tactics: tuple[str, ...]) -> int:
    """Tactics as bits in kill-chain order."""
    return sum({_TACTIC_BIT[tactic] for tactic in tactics if tactic in _TACTIC_BIT})


def joins(key: Key, time: int, mask: int, span: Span, *, strict: bool = False) -> bool:
    """
    Whether a finding of that time and those tactics belongs to what the span tells of.

    Args:
        key: The entity they share.
        time: Of the finding.
        mask: Its tactics.
        span: When the entity was seen in a group.
        strict: Only near in time, not along the kill chain.
    """
    gap = max(0, span.first - time, time - span.last)
    if gap <= _WINDOW[key.kind]:
        return True
    if strict or gap > ALONG_TACTICS:
        return False
    later, earlier = (mask, span.tactics) if time > span.last else (span.tactics, mask)
    return later.bit_length() > earlier.bit_length()


def window_of(key: Key) -> int:
    return _WINDOW[key.kind]


def weight_of(key: Key, memory: EntityMemory | None, time: int) -> float:
    """How strongly the entity joins at that time: 1 is enough by itself."""
    weight = _WEIGHT.get(key.kind, 1.0)
    most = _HUB_PEERS.get(key.kind)
    if memory is None or most is None or len(memory.peers) < most:
        return weight
    old = sum(1 for since in memory.peers.values() if abs(time - since) > HUB_AGE)
    return weight * _HUB_WEIGHT if old >= most else weight


def peers_of(key: Key, keys: list[Key]) -> list[str]:
    """The other entities by whose number this one would be a hub."""
    wanted = {"host": ("user", "address"), "user": ("host",), "address": ("host", "user"), "hash": ("host",)}
    kinds = wanted.get(key.kind, ())
    return [other.text for other in keys if other.kind in kinds]
