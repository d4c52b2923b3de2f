"""The published schema, judged by a validator that is not ours: it takes the examples and refuses what we refuse."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from installer import answers
from installer.failures import InstallFailure

ROOT = Path(__file__).parents[3]
SCHEMA = jsonschema_rs.validator_for(json.loads((ROOT / "docs/reference/site.schema.json").read_text()))


def example(name: str) -> dict[str, Any]:
    return dict(yaml.load((ROOT / f"installer/examples/{name}.yml").read_text(), answers._Loader))


@pytest.mark.parametrize("name", ["single", "three"])
def test_an_example_is_valid(name: str) -> None:
    SCHEMA.validate(example(name))


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"cluster": "Main_1"},
        {"nodes": [{"name": "node1"}]},
        {"nodes": [{"name": "node1", "address": "192.0.2.11", "role": "leader"}]},
        {"watchdog": {"mode": "maybe"}},
        {"admin_keys": "one"},
        {"clustre": "main"},
    ],
    ids=str,
)
def test_what_the_program_refuses_by_its_form_the_schema_refuses_too(change: dict[str, Any]) -> None:
    site = example("three") | change
    assert not SCHEMA.is_valid(site)
    with pytest.raises(InstallFailure):
        answers.parse(yaml.safe_dump(site))
