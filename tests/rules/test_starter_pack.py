"""Every rule of the starter pack fires for the event it is meant for, and not for its nearest neighbour."""

from importlib.resources import files
from pathlib import Path

import pytest

from appliance.detection.compiling import compile_rule_set
from appliance.detection.content import starter_pack
from appliance.telemetry.decoding.registry import decoder
from appliance.telemetry.events import Bounds

HERE = Path(__file__).parent
NAMES = sorted(path.name for path in HERE.iterdir() if (path / "match.json").exists())
RULE_SET, REPORT = compile_rule_set(starter_pack())
NUMBERS = {Path(rule.path).stem: number for number, rule in enumerate(RULE_SET.rules)}


def _decoded(path: Path):
    decoded = decoder("json")(path.read_bytes(), Bounds(), {})
    assert decoded.malformed == []
    (event,) = decoded.events
    return event


def test_every_rule_is_active_and_has_its_two_events():
    assert REPORT.inactive == ()
    assert sorted(NUMBERS) == NAMES
    assert len(list(files("appliance.detection.content").iterdir())) >= len(NAMES) >= 25


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_fires_for_its_event_and_not_for_the_near_miss(name):
    match, near_miss = _decoded(HERE / name / "match.json"), _decoded(HERE / name / "near_miss.json")

    assert NUMBERS[name] in RULE_SET.match(match), match
    assert NUMBERS[name] not in RULE_SET.match(near_miss), near_miss
    # A near miss comes from the same log source, or missing it would say nothing.
    assert match.kind == near_miss.kind


@pytest.mark.parametrize("rule", RULE_SET.rules, ids=lambda rule: Path(rule.path).stem)
def test_a_rule_is_ours_and_its_tags_are_real(rule):
    assert rule.author == "Mini-XDR Appliance"
    assert rule.unknown_tags == ()
    assert rule.mapped
    assert rule.description
    assert rule.falsepositives
