"""
`N of selection_*` with N above one, which pySigma refuses, spelled with what it knows.

The condition is rewritten to the combinations themselves, so that nothing later has to know of counting.
"""

import re
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from itertools import combinations
from math import comb
from typing import Any, Final

from appliance.detection.sigma.refusals import Refused
from appliance.detection.sigma.rules import Reason

_COUNTED: Final = re.compile(r"(?<![\w-])([2-9]|[1-9]\d)\s+of\s+([\w*]+)")
_MOST_COMBINATIONS: Final = 200


def with_counts_spelled_out(detection: Mapping[str, Any]) -> dict[str, Any]:
    """
    The detection with every `N of` in its condition as an OR of ANDs.

    Raises:
        Refused: There are fewer selections than N, or too many combinations.
    """
    condition = detection.get("condition")
    names = [name for name in detection if name != "condition"]
    if isinstance(condition, str):
        return {**detection, "condition": _spelled_out(condition, names)}
    if isinstance(condition, list):
        spelled = [_spelled_out(each, names) if isinstance(each, str) else each for each in condition]
        return {**detection, "condition": spelled}
    return dict(detection)


def _spelled_out(condition: str, names: Collection[str]) -> str:
    return _COUNTED.sub(lambda found: _combinations(int(found[1]), found[2], names), condition)


def _combinations(count: int, pattern: str, names: Collection[str]) -> str:
    matching = [
        name
        for name in names
        if (pattern == "them" or fnmatchcase(name, pattern)) and not name.startswith("_")
    ]
    if len(matching) < count:
        raise Refused(Reason.INVALID, f"`{count} of {pattern}` asks for more selections than there are.")
    if comb(len(matching), count) > _MOST_COMBINATIONS:
        raise Refused(Reason.UNSUPPORTED, f"`{count} of {pattern}` has more than 200 combinations.")
    return "(" + " or ".join(f"({' and '.join(each)})" for each in combinations(matching, count)) + ")"
