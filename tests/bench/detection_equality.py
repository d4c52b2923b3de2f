"""
Index against naive evaluator over every event of the corpora: prints events, matches, differences.

Usage: python tests/bench/detection_equality.py XDR_CORPORA [--every N]
"""

import argparse
import sys
import time
from collections import Counter
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from appliance.detection.compiling import compile_rule_set  # noqa: E402
from tests.unit.detection.corpora_events import naive_rules, other_events, rule_sources, windows_events  # noqa: E402


def main() -> int:
    arguments = _arguments()
    sources = rule_sources(arguments.corpora)
    rule_set, report = compile_rule_set(sources)
    naive = naive_rules(sources, {rule.id for rule in rule_set.rules})
    numbers = {rule.id: number for number, rule in enumerate(rule_set.rules)}
    carrying: dict[tuple[str, str, str], list] = {}
    counted: Counter[str] = Counter()
    by_route: Counter[tuple[str, ...]] = Counter()
    fired: set[int] = set()
    started = time.process_time()
    events = chain(windows_events(arguments.corpora), other_events(arguments.corpora))
    for position, event in enumerate(events):
        if position % arguments.every:
            continue
        rules = carrying.get(event.route)
        if rules is None:
            rules = carrying[event.route] = [rule for rule in naive if rule.carries(event)]
        expected = sorted(numbers[rule.id] for rule in rules if rule.matches(event))
        found = list(rule_set.match(event))
        counted["events"] += 1
        by_route[event.route[:2]] += 1
        counted["matches"] += len(found)
        fired.update(found)
        for number in set(expected) ^ set(found):
            counted["differences"] += 1
            print(f"difference: {rule_set.rules[number].id} index={number in found} {event.fields}"[:2000])
    print(
        f"events {counted['events']}, rules active {report.active}, rules that fired {len(fired)}, "
        f"matches {counted['matches']}, differences {counted['differences']}, "
        f"CPU {time.process_time() - started:.0f} s"
    )
    for route, number in by_route.most_common():
        print(f"{number:>9} {' '.join(filter(None, route))}")
    return 1 if counted["differences"] else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--every", type=int, default=1, help="look at every Nth event only")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
