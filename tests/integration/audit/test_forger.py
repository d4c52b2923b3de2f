"""
An attacker who owns the database forges the trail; both verifiers name the first record that is wrong.

Twenty entries are sealed, with a checkpoint after the tenth and the twentieth. Every forgery is plain SQL as
superuser with all triggers off. The browser's verifier is held to the same forgeries by tests/vectors/audit.
"""

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.audit.keyring import Keyring
from appliance.audit.verifier import checkpoints, merkle
from appliance.audit.verifier.hashing import (
    CHECKPOINT,
    fingerprint,
    leaf_hash,
    next_head,
    record_statement,
)
from appliance.cli.embedded import EmbeddedPostgres
from tests.integration.audit.conftest import Forge, Trail, read

FORGED = UUID("ffffffff-ffff-4fff-bfff-ffffffffffff")


class Forger:
    """What can be done to a trail without asking the appliance."""

    def __init__(self, trail: Trail, forge: Forge, postgres: EmbeddedPostgres, ids: list[Any]) -> None:
        self.trail, self.sql, self.postgres, self.ids = trail, forge, postgres, ids
        self.org = trail.org

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        dsn = self.postgres.superuser_dsn
        async with await psycopg.AsyncConnection.connect(dsn, dbname="xdr") as connection:
            return await (await connection.execute(sql, values)).fetchall()

    async def rehash(self, key: Ed25519PrivateKey | None = None) -> None:
        """Make leaves and heads fit again all along, and sign anew if there is a key."""
        rows = await self.rows(
            "SELECT c.seq, c.sealed_at, e.body FROM audit_chain c JOIN audit_entries e ON e.org_id = c.org_id"
            " AND e.id = c.entry_id WHERE c.org_id = %s ORDER BY c.seq",
            self.org,
        )
        head = bytes(32)
        for seq, at, body in rows:
            leaf = leaf_hash(bytes(body))
            head = next_head(head, leaf)
            await self.sql(
                "UPDATE audit_chain SET leaf = %s, head = %s WHERE org_id = %s AND seq = %s",
                leaf,
                head,
                self.org,
                seq,
            )
            if key is not None:
                signature = key.sign(record_statement(self.org.bytes, seq, at, head))
                await self.sql(
                    "UPDATE audit_chain SET signature = %s WHERE org_id = %s AND seq = %s",
                    signature,
                    self.org,
                    seq,
                )

    async def renumber(self) -> None:
        await self.sql("UPDATE audit_chain SET seq = seq + 1000000 WHERE org_id = %s", self.org)
        await self.sql(
            "UPDATE audit_chain c SET seq = n.seq FROM (SELECT entry_id, row_number() OVER (ORDER BY seq) AS seq"
            " FROM audit_chain WHERE org_id = %s) n WHERE c.org_id = %s AND c.entry_id = n.entry_id",
            self.org,
            self.org,
        )

    async def edit(self) -> None:
        await self.sql(
            "UPDATE audit_entries SET body = convert_to(replace(convert_from(body, 'UTF8'), '\"n\":4', '\"n\":7'),"
            " 'UTF8') WHERE org_id = %s AND id = %s",
            self.org,
            self.ids[4],
        )

    async def edit_and_rehash(self) -> None:
        await self.edit()
        await self.rehash()

    async def delete_entry(self) -> None:
        await self.sql("DELETE FROM audit_entries WHERE org_id = %s AND id = %s", self.org, self.ids[6])

    async def delete(self) -> None:
        await self.delete_entry()
        await self.sql("DELETE FROM audit_chain WHERE org_id = %s AND entry_id = %s", self.org, self.ids[6])

    async def delete_and_renumber(self) -> None:
        await self.delete()
        await self.renumber()
        await self.rehash()

    async def swap(self) -> None:
        """Two records change places, whole."""
        for old, new in ((12, -12), (13, 12), (-12, 13)):
            await self.sql(
                "UPDATE audit_chain SET seq = %s WHERE org_id = %s AND seq = %s", new, self.org, old
            )

    async def swap_and_rehash(self) -> None:
        await self.swap()
        await self.rehash()

    async def insert(self) -> None:
        """An entry put in behind the sealer's back."""
        await self.sql(
            "INSERT INTO audit_entries (org_id, id, tx, at, action, outcome, body) SELECT org_id,"
            " %s, tx, at, action, outcome, body FROM audit_entries WHERE org_id = %s AND id = %s",
            FORGED,
            self.org,
            self.ids[8],
        )

    async def insert_into_chain(self) -> None:
        """An entry with a record of its own, the rest moved on."""
        await self.insert()
        await self.sql("UPDATE audit_chain SET seq = seq + 1000001 WHERE org_id = %s AND seq >= 15", self.org)
        await self.sql(
            "UPDATE audit_chain SET seq = seq - 1000000 WHERE org_id = %s AND seq > 1000000", self.org
        )
        await self.sql(
            "INSERT INTO audit_chain SELECT org_id, 15, %s, sealed_at, leaf, head, signature FROM audit_chain"
            " WHERE org_id = %s AND seq = 14",
            FORGED,
            self.org,
        )
        await self.rehash()

    async def truncate(self) -> None:
        await self.forget(17)

    async def truncate_with_checkpoints(self) -> None:
        await self.forget(17)
        await self.sql("DELETE FROM audit_checkpoints WHERE org_id = %s AND size > 17", self.org)

    async def forget(self, after: int) -> None:
        await self.sql(
            "DELETE FROM audit_entries WHERE org_id = %s AND id IN"
            " (SELECT entry_id FROM audit_chain WHERE org_id = %s AND seq > %s)",
            self.org,
            self.org,
            after,
        )
        await self.sql("DELETE FROM audit_chain WHERE org_id = %s AND seq > %s", self.org, after)

    async def restore_old_backup(self) -> None:
        """All as it was when the tenth entry had been sealed."""
        await self.forget(10)
        await self.sql("DELETE FROM audit_checkpoints WHERE org_id = %s AND number > 1", self.org)
        await self.sql(
            "DELETE FROM audit_entries e WHERE org_id = %s AND NOT EXISTS"
            " (SELECT FROM audit_chain c WHERE c.org_id = e.org_id AND c.entry_id = e.id)",
            self.org,
        )

    async def fork(self) -> None:
        """An old backup, and life goes on, sealed with the real key."""
        await self.restore_old_backup()
        await self.trail.write(12, life="another")
        await self.trail.seal()

    async def swap_key(self) -> None:
        """Everything signed anew with a key of the attacker's."""
        key = Ed25519PrivateKey.generate()
        raw = key.public_key().public_bytes_raw()
        await self.edit()
        await self.rehash(key)
        await self.sql(
            "INSERT INTO audit_keys (fingerprint, public_key, state, published_at) VALUES (%s, %s, 'retired', now())",
            fingerprint(raw),
            raw,
        )
        await self.sql(
            "UPDATE audit_key_uses SET fingerprint = %s WHERE org_id = %s", fingerprint(raw), self.org
        )
        await self.sign_checkpoints(key)

    async def sign_checkpoints(self, key: Ed25519PrivateKey) -> None:
        rows = await self.rows(
            "SELECT k.number, k.size, k.body, c.head FROM audit_checkpoints k JOIN audit_chain c"
            " ON c.org_id = k.org_id AND c.seq = k.size WHERE k.org_id = %s ORDER BY k.number",
            self.org,
        )
        previous = checkpoints.NO_CHECKPOINT
        for number, size, body, head in rows:
            leaves = await self.rows(
                "SELECT leaf FROM audit_chain WHERE org_id = %s AND seq <= %s ORDER BY seq", self.org, size
            )
            said = json.loads(bytes(body)) | {
                "head": bytes(head).hex(), "previous": previous, "root": merkle.root_of([bytes(x[0]) for x in leaves]).hex(),
                "key": fingerprint(key.public_key().public_bytes_raw()),
            }  # fmt: skip
            forged = json.dumps(said, separators=(",", ":"), sort_keys=True).encode()
            previous = checkpoints.read(forged, b"").digest
            await self.sql(
                "UPDATE audit_checkpoints SET body = %s, signature = %s WHERE org_id = %s AND number = %s",
                forged,
                key.sign(CHECKPOINT + forged),
                self.org,
                number,
            )

    async def set_clock_back(self) -> None:
        self.trail.clock.advance(hours=-3)
        await self.trail.write(3)
        await self.trail.seal()

    async def edit_checkpoint(self) -> None:
        await self.sql(
            "UPDATE audit_checkpoints SET body = convert_to(replace(convert_from(body, 'UTF8'), '\"size\":10',"
            " '\"size\":9'), 'UTF8') WHERE org_id = %s AND number = 1",
            self.org,
        )

    async def edit_record(self) -> None:
        await self.sql("UPDATE audit_chain SET leaf = sha256('x') WHERE org_id = %s AND seq = 16", self.org)


# What is done; the record that must be named; what it may be called; whether checkpoints kept elsewhere are
# needed to see it.
FORGERIES = [
    ("edit", 5, {"altered"}, False),
    ("edit_and_rehash", 5, {"altered"}, False),
    ("delete_entry", 7, {"deleted"}, False),
    ("delete", 7, {"deleted"}, False),
    ("delete_and_renumber", 7, {"altered"}, False),
    ("swap", 12, {"reordered", "chain_altered"}, False),
    ("swap_and_rehash", 12, {"reordered"}, False),
    ("insert", 10, {"inserted"}, False),
    ("insert_into_chain", 15, {"inserted"}, False),
    ("truncate", 18, {"truncated"}, False),
    ("truncate_with_checkpoints", 18, {"truncated"}, True),
    ("restore_old_backup", 11, {"rolled_back"}, True),
    ("fork", 11, {"forked"}, True),
    ("swap_key", 1, {"key_swapped"}, False),
    ("set_clock_back", 21, {"clock_back"}, False),
    ("edit_checkpoint", 9, {"checkpoint_altered"}, False),
]
# What only the database can see: its own notes about an entry, and an entry that the chain knows nothing of.
IN_THE_DATABASE = {"insert", "edit_record"}


@pytest.fixture
async def forger(trail: Trail, forge: Forge, postgres: EmbeddedPostgres) -> Forger:
    ids = await trail.write(10)
    await trail.seal()
    ids += await trail.write(10)
    await trail.seal()
    return Forger(trail, forge, postgres, ids)


def pin(keyring: Keyring) -> str:
    return next(iter(keyring.public))


@pytest.mark.parametrize(("how", "seq", "kinds", "by_kept"), FORGERIES)
async def test_a_forgery_is_detected_and_the_first_record_named(forger, keyring, how, seq, kinds, by_kept):
    trail: Trail = forger.trail
    kept = await trail.checkpoint_lines()
    expected = [checkpoints.parsed(line) for line in kept] if by_kept else []
    assert (await trail.verify(fingerprint=pin(keyring), expect=kept)).ok

    await getattr(forger, how)()

    live = await trail.verify(fingerprint=pin(keyring), expect=kept if by_kept else [])
    found = {"service": live}
    if how not in IN_THE_DATABASE:
        found["offline"] = read(await trail.export(), pin=pin(keyring), expected=expected)
    for verifier, verdict in found.items():
        assert verdict.problem is not None, verifier
        print(
            f"{how:26} {verifier:8} {verdict.problem.kind} at {verdict.problem.seq}: {verdict.problem.message}"
        )
        assert (verdict.problem.seq, verdict.problem.kind in kinds) == (seq, True), verdict.problem


async def test_a_record_that_was_changed_is_told_from_its_entry(forger, keyring):
    await forger.edit_record()

    verdict = await forger.trail.verify(fingerprint=pin(keyring))

    assert verdict.problem is not None
    assert (verdict.problem.kind, verdict.problem.seq) == ("chain_altered", 16)


async def test_what_is_told_of_a_forgery_is_in_the_trail_itself(forger):
    await forger.edit()

    await forger.trail.verify()

    rows = await forger.rows(
        "SELECT convert_from(body, 'UTF8') FROM audit_entries WHERE org_id = %s AND action = 'audit.verified'",
        forger.org,
    )
    assert [json.loads(row[0])["outcome"] for row in rows] == ["failed"]
