"""A keyword is looked for in what a number says as text, however JSON would write it."""

import pytest

from appliance.detection.compiling import compile_rule_set
from appliance.detection.sigma.rules import RuleSource
from appliance.telemetry.events import Event

RULE = """
title: A keyword that may stand in a number
id: 5b8c2a51-6f3f-4d8e-9a0e-2f5b7d1c9e11
status: test
author: Mini-XDR Appliance
logsource: {{product: windows}}
detection: {{keywords: ['{keyword}'], condition: keywords}}
level: low
"""


@pytest.mark.parametrize("keyword", ["-", "e-05", "7.49", "492303848266602"])
def test_a_small_number_holds_what_its_text_holds(keyword):
    rule_set, _ = compile_rule_set([RuleSource("number.yml", RULE.format(keyword=keyword))])
    event = Event("windows", "Application", "1", {"Ratio": 7.492303848266602e-05})

    assert list(rule_set.match(event)) == [0]
