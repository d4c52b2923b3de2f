"""The ATT&CK table and what tags mean in it."""

from appliance.detection.attack import table


def test_the_table_is_complete_and_its_tactics_are_the_fifteen():
    known = table.techniques()

    assert len(table.TACTICS) == 15
    assert len(known) > 600
    assert {tactic for technique in known.values() for tactic in technique.tactics} <= set(table.TACTICS)


def test_every_revoked_technique_leads_to_one_that_is_not():
    for technique in table.techniques().values():
        current = table.current(technique.id)
        assert current is not None
        assert not current.replaced_by


def test_the_old_name_of_a_tactic_means_stealth():
    assert table.tactic("defense-evasion") == "stealth"
    assert table.tactic("defense_impairment") == "defense-impairment"
    assert table.tactic("invented") is None


def test_tags_are_sorted_into_known_unverified_and_unknown():
    tags = table.read_tags(
        [
            "attack.t1059.001",
            "attack.impact",
            "attack.execution",
            "attack.s0002",
            "attack.t9999",
            "cve.2021-1",
        ]
    )

    assert tags.techniques == ("T1059.001",)
    assert tags.tactics == ("execution", "impact")
    assert tags.unverified == ("attack.s0002",)
    assert tags.unknown == ("attack.t9999",)
