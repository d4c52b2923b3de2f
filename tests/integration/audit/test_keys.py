"""A key takes over from another inside the chain; whoever pinned either finds the trail intact."""

import os

import pytest

from appliance.audit.keyring import Keyring, loaded
from appliance.audit.sealing import Sealing
from appliance.audit.verifier.hashing import fingerprint
from appliance.composition import open_services
from appliance.foundation.actors import appliance
from appliance.foundation.errors import Conflict, Invalid
from appliance.foundation.settings import Audit
from tests.integration.audit.conftest import read

BY = appliance("tests")


@pytest.fixture
async def rotation(trail, settings, forge):
    """The keyring with a next key; the appliance's keys are put back as they were afterwards."""
    seed = os.urandom(32)
    both = Keyring(settings.credential("audit-key"), seed)
    old, new = both.public
    trail.sealing = Sealing(trail.database, both, Audit(), trail.clock)
    await trail.write(3)
    await trail.seal()
    await trail.sealing.start()
    yield old, new
    await forge("DELETE FROM audit_keys WHERE fingerprint <> %s", old)
    await forge("UPDATE audit_keys SET state = 'active', retired_at = NULL WHERE fingerprint = %s", old)


async def ask(trail) -> None:
    async with open_services(trail.database, trail.scope, trail.sealer, trail.clock) as services:
        await services.trail.rotate_key(by=BY)


async def states(trail) -> dict[str, str]:
    async with open_services(trail.database, trail.scope, trail.sealer, trail.clock) as services:
        return {key.fingerprint: key.state for key in await services.trail.keys(by=BY)}


async def test_the_next_key_signs_after_a_record_under_both(trail, rotation):
    old, new = rotation
    assert (await states(trail))[new] == "next"

    await ask(trail)
    await trail.seal()
    await trail.write(3)
    await trail.seal()

    export = await trail.export()
    found = await states(trail)
    assert (found[old], found[new]) == ("retired", "active")
    for pin in (old, new):
        offline, live = read(export, pin=pin), await trail.verify(fingerprint=pin)
        assert offline.ok, offline.problem
        assert live.ok, live.problem
        assert offline.keys == [old, new]
    assert not read(export, pin=fingerprint(os.urandom(32))).ok


async def test_after_a_rotation_the_old_key_seals_nothing(trail, rotation):
    await ask(trail)
    await trail.seal()
    await trail.write(1)
    alone = Sealing(trail.database, trail.keyring, Audit(), trail.clock)

    with pytest.raises(Exception, match="is in force"):
        await alone.step(trail.org)


async def test_a_rotation_with_no_next_key_is_refused(trail, forge):
    await forge("DELETE FROM audit_keys WHERE state = 'next'")

    with pytest.raises(Conflict):
        await ask(trail)


def test_a_key_of_the_wrong_length_is_refused_and_never_shown(settings, tmp_path):
    import msgspec

    (tmp_path / "audit-key").write_bytes(b"too short")
    wrong = msgspec.structs.replace(settings, credentials_dir=tmp_path)

    with pytest.raises(Invalid, match="32 raw bytes"):
        loaded(wrong)
    assert "too short" not in repr(Keyring(bytes(32)))
