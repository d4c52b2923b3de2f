import msgspec
import pytest

from appliance.foundation.severity import Severity
from appliance.incidents.explaining import Example, History, explain, group_risk, title_of, weightiest_rules
from appliance.incidents.grouping import Correlator
from appliance.incidents.next_steps import Scene, searches_for
from appliance.telemetry.query import bounded, parse
from tests.unit.incidents.sightings import MINUTE, address, host, seen, user

NOTHING_KNOWN = History({}, {})
ANN, WKSTN = user("corp\\ann"), host("wkstn-5")


def group_of(*sightings):
    (change,) = Correlator().add(sightings)
    return change.group


def attack():
    return group_of(
        seen(WKSTN, ANN, rule="LSASS read", tactics=("credential-access",)),
        seen(WKSTN, ANN, rule="LSASS read", tactics=("credential-access",), at=MINUTE),
        seen(WKSTN, address("203.0.113.5", "target"), rule="Beacon", level=Severity.MEDIUM, at=2 * MINUTE),
        seen(WKSTN, user("nt authority\\system", weak=True), rule="Task", level=Severity.LOW, at=MINUTE),
    )


def test_the_title_names_what_happened_where_and_by_whom():
    assert title_of(attack()) == "Credential access on wkstn-5 by corp\\ann: LSASS read, Beacon"


def test_a_title_without_tactic_or_machine_says_only_what_is_known():
    assert title_of(group_of(seen(address("203.0.113.5"), rule="Odd"))) == "Odd from 203.0.113.5: Odd"


def test_small_findings_do_not_give_an_incident_its_name():
    group = group_of(
        seen(WKSTN, rule="LSASS read", tactics=("credential-access",)),
        seen(WKSTN, rule="Logoff", level=Severity.INFORMATIONAL, tactics=("impact",), at=MINUTE),
    )

    assert title_of(group).startswith("Credential access on")


def test_the_summary_counts_what_is_there():
    summary = explain(attack(), [], NOTHING_KNOWN).summary

    assert summary.startswith(
        "Between 2020-05-01 22:55:32 and 22:57:32 UTC 4 findings of 3 rules belong together, the gravest of"
        " level high. They happened on wkstn-5. Accounts named: corp\\ann."
    )
    assert "system" not in summary


def test_each_entity_has_its_own_risk_and_the_rules_it_came_from():
    by_value = {each.value: each for each in explain(attack(), [], NOTHING_KNOWN).entities}

    assert by_value["corp\\ann"].reasons == ["LSASS read (high, 2 times): 70 by itself"]
    assert by_value["203.0.113.5"].reasons == ["Beacon (medium): 32 by itself"]
    assert by_value["wkstn-5"].risk > by_value["corp\\ann"].risk > by_value["203.0.113.5"].risk
    assert "nt authority\\system" not in by_value


def test_what_was_known_of_an_entity_before_is_carried_over_and_said():
    correlator = Correlator()
    correlator.add([seen(WKSTN, rule="Yesterday", level=Severity.CRITICAL, at=-600 * MINUTE)])

    (change,) = correlator.add([seen(WKSTN, rule="Today", level=Severity.MEDIUM)])

    (entity,) = explain(change.group, [], NOTHING_KNOWN).entities
    assert entity.reasons[-1].startswith("Earlier findings outside this incident")
    assert entity.risk > 32


def test_quoted_clauses_carry_rule_and_author_and_are_never_invented():
    group = attack()
    clause = {"field": "TargetImage", "modifier": "endswith", "pattern": "\\lsass.exe", "value": "x",
              "sentence": "TargetImage ends with it."}  # fmt: skip
    example = Example(group.rules["Beacon"].example, "Beacon", "Beacon", "A. Author", (), [clause])

    clauses = explain(group, [example], NOTHING_KNOWN).clauses

    assert [(c.rule_author, c.field, c.sentence) for c in clauses] == [
        ("A. Author", "TargetImage", "TargetImage ends with it.")
    ]
    assert explain(group, [], NOTHING_KNOWN).clauses == []


@pytest.mark.parametrize(
    ("stored", "shown"), [({"negated": True}, True), ({"negated": False}, False), ({}, False)]
)
def test_a_clause_that_must_not_hold_is_marked(stored, shown):
    group = attack()
    clause = {"field": "Image", "modifier": "", "pattern": "x", "value": "y", "sentence": "It is not x."}
    example = Example(group.rules["Beacon"].example, "Beacon", "Beacon", "A. Author", (), [clause | stored])

    (quoted,) = explain(group, [example], NOTHING_KNOWN).clauses

    assert quoted.negated is shown


def test_rarity_is_only_what_is_stored():
    history = History(
        matches={"LSASS read": 2, "Beacon": 900}, others={("host", "wkstn-5"): 0, ("user", "corp\\ann"): 3}
    )

    said = [each.sentence for each in explain(attack(), [], history).rarity]

    assert said == [
        "“LSASS read” has matched nothing else in this organisation: all 2 matches are here.",
        "“Beacon” has matched 900 times in this organisation, 1 of them here.",
        "The host wkstn-5 is in no other incident of this organisation.",
        "The user corp\\ann is in 3 other incidents of this organisation.",
    ]
    assert explain(attack(), [], NOTHING_KNOWN).rarity == []


def test_the_gravest_rules_are_quoted_first():
    assert weightiest_rules(attack()) == ["LSASS read", "Beacon", "Task"]


def test_every_next_step_is_a_search_that_runs():
    scene = Scene(
        tactics=("initial-access", "persistence", "credential-access", "lateral-movement", "impact"),
        first=0, last=MINUTE, host="wkstn-5", user="corp\\ann", address="203.0.113.5", process="a-b",
        file_hash="f" * 64, domain="evil.example",
    )  # fmt: skip
    for tactic in (*scene.tactics, "stealth", "defense-impairment", "exfiltration", "privilege-escalation"):
        searches = searches_for(msgspec.structs.replace(scene, tactics=(tactic,)))
        assert searches
        for search in searches:
            assert bounded(parse(msgspec.json.encode(search.where))) is not None
            assert "$" not in msgspec.json.encode(search.where).decode()
            assert "{" not in search.title


def test_a_step_about_an_account_needs_an_account():
    titles = [each.title for each in searches_for(Scene(("lateral-movement",), 0, 0, host="wkstn-5"))]

    assert titles == [
        "Remote logons, shares and services on wkstn-5",
        "Everything on wkstn-5 around that time",
    ]


def test_the_domain_of_an_account_is_left_out_where_events_write_it_bare():
    (search,) = searches_for(Scene((), 0, 0, user="corp\\ann"))

    assert search.where == {"op": "entity", "kind": "user", "value": "ann"}


def test_the_risk_of_an_incident_is_more_than_its_gravest_rule_alone():
    assert group_risk(attack()) > group_risk(group_of(seen(WKSTN, rule="LSASS read")))
