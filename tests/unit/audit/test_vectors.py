"""The published vectors: every verifier reaches these verdicts, and the files are what the maker makes."""

import io
import json

import pytest

from appliance.audit.verifier.checkpoints import parsed
from appliance.audit.verifier.export import verify
from tests.vectors.audit.make import FOLDER, VECTORS, text_of


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("thorough", [False, True])
def test_the_offline_verifier_reaches_the_verdict(name, thorough):
    vector = json.loads((FOLDER / f"{name}.json").read_text())
    expected = vector["verdict"]

    verdict = verify(
        io.BytesIO(vector["export"].encode()),
        pin=vector["fingerprint"],
        expected=[parsed(line) for line in vector["expect"]],
        thorough=thorough,
    )

    found = {"ok": verdict.ok}
    if verdict.problem is not None:
        print(f"{name}: {verdict.problem.kind} at {verdict.problem.seq}: {verdict.problem.message}")
        assert verdict.problem.kind in expected.get("kinds", []), verdict.problem
        found |= {"kinds": expected["kinds"], "seq": verdict.problem.seq}
    assert found == expected


@pytest.mark.parametrize("name", VECTORS)
def test_the_file_is_what_the_maker_makes(name):
    assert (FOLDER / f"{name}.json").read_text() == text_of(name)


def test_each_file_has_a_maker():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(VECTORS)
