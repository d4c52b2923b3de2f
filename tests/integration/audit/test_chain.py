"""Entries become a chain that both verifiers find intact."""

from tests.integration.audit.conftest import read


async def test_what_was_written_is_sealed_in_order_and_found_intact(trail):
    await trail.write(5)
    await trail.seal()

    verdict = await trail.verify()
    offline = read(await trail.export())

    assert verdict.ok, verdict.problem
    assert offline.ok, offline.problem
    assert offline.records >= 5
    assert verdict.checkpoints == 1
    assert verdict.last_checkpoint is not None
