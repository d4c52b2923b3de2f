"""
How findings add up to risk, in event time. Pure arithmetic.

A finding of a level is taken as that chance of being part of an attack; findings are combined as
independent chances (1 - product of 1 - p), which gives diminishing returns by itself. Kept as its
logarithm ("weight"), it is a plain sum that can decay and be split into the reasons it was made of.

Invariants:
- The same rule again counts half of the time before: repetition is not new evidence.
- Each further rule counts less than the one before, the weightiest first: several rules that see the
  same deed are no several deeds. Otherwise every real attack would be at 100 and the queue unsorted.
- A rule that fires all the time on a host counts less the longer it has done so.
- Decay goes by event time, in both directions: a late finding weighs what it would have weighed in time.
"""

import math
from collections.abc import Iterable

from appliance.foundation.severity import Severity

_CHANCE = {
    Severity.INFORMATIONAL: 0.02,
    Severity.LOW: 0.08,
    Severity.MEDIUM: 0.32,
    Severity.HIGH: 0.55,
    Severity.CRITICAL: 0.80,
}
# From here on somebody should look: one finding of medium level, or what adds up to it.
OPENING_RISK = 30
HALF_LIFE = 24 * 3_600_000_000  # microseconds of event time
_PER_TACTIC = 0.05
_PER_RULE = 0.7
_MOST_REPEATS = 24


def weight_of(level: int, *, repeats: int = 0, noisy_hours: int = 0) -> float:
    """
    What one finding adds.

    Args:
        level: Of the rule.
        repeats: How often the same rule has counted already.
        noisy_hours: In how many separate hours the rule has fired on this host before, once that is so
            many that it is called noise; otherwise 0.
    """
    chance = -math.log1p(-_CHANCE[Severity(level)])
    return chance * 0.5 ** min(repeats, _MOST_REPEATS) / (1 + noisy_hours)


def total_of(level: int, count: int) -> float:
    """What a rule adds that has fired `count` times."""
    return weight_of(level) * 2 * (1 - 0.5 ** min(count, _MOST_REPEATS))


def combined(weights: Iterable[float]) -> float:
    """What rules add up to that speak of the same thing."""
    ordered = sorted(weights, reverse=True)
    return sum(weight * _PER_RULE**place for place, weight in enumerate(ordered))


def risk_of(weight: float, tactics: int = 1) -> int:
    """
    0 to 100. Findings along several tactics weigh a little more for each beyond the first: a chain is
    less likely to be chance than its links.
    """
    return round(100 * -math.expm1(-weight * (1 + _PER_TACTIC * max(0, tactics - 1))))


def decayed(weight: float, elapsed: int) -> float:
    """What is left after that many microseconds of event time, whichever way they run."""
    return weight * math.exp2(-abs(elapsed) / HALF_LIFE)


def reasons_of(rules: Iterable[tuple[str, int, int]], carried: float = 0.0) -> list[str]:
    """
    What a risk was counted from, the heaviest first.

    Args:
        rules: Title, level and count of each rule.
        carried: Weight left from earlier incidents.
    """
    weighed = sorted(rules, key=lambda rule: (-total_of(rule[1], rule[2]), rule[0]))
    reasons = [
        f"{title} ({Severity(level).label}{f', {count} times' if count > 1 else ''}): "
        f"{risk_of(total_of(level, count))} by itself"
        for title, level, count in weighed
    ]
    if risk_of(carried) > 0:
        reasons.append(f"Earlier findings outside this incident, decayed with time: {risk_of(carried)}")
    return reasons
