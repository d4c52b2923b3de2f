"""
Whose batch is this? Source tokens and listeners resolved to a source, with a short memory.

Kept in memory for five seconds while the database answers and up to fifteen minutes while it does not:
an outage of the database must not stop what the spool can still take (decision 30).
"""

import hmac
import time
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from appliance.foundation.actors import Scope
from appliance.foundation.database import Database, anonymous_transaction, transaction
from appliance.foundation.errors import Unavailable
from appliance.foundation.sealing import Sealer
from appliance.foundation.tokens import hash_of, is_well_formed
from appliance.telemetry.errors import SignatureMismatch, SourceUnknown
from appliance.telemetry.intake import Submission

TOKEN_PREFIX = "xdr_src"  # noqa: S105 — the public part of every source token
_FRESH_SECONDS, _STALE_SECONDS = 5.0, 900.0
_MOST_REMEMBERED = 10_000


class KnownSource(msgspec.Struct, frozen=True):
    """What ingest needs to know of a source. `hmac_key` is opened, so this never leaves the process."""

    org_id: UUID
    id: UUID
    name: str
    format: str
    options: dict[str, str]
    durability: str
    hmac_key: bytes | None
    disabled_rules: frozenset[str]

    def __repr__(self) -> str:
        return f"KnownSource({self.name}, {self.id})"


class SourceDirectory:
    """Answers from memory, then from the database. One per ingest process."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database, self._sealer = database, sealer
        self._known: dict[str | bytes, tuple[float, KnownSource | None]] = {}

    async def resolve(self, submission: Submission, *, signed: bool = True) -> KnownSource:
        """
        The source of a submission; `signed` False asks without a body, so without its signature.

        Raises:
            SourceUnknown: No enabled source has this token or listener, or the path names another one.
            SignatureMismatch: The source demands an HMAC and this body's is missing or wrong.
            Unavailable: The database does not answer and the source is not remembered.
        """
        source = await self._find(_key_of(submission))
        if source is None or submission.source not in ("", source.name, str(source.id)):
            raise SourceUnknown("the token belongs to no enabled source of that name; see `xdr source list`")
        if signed and source.hmac_key is not None:
            _check_signature(source.hmac_key, submission)
        return source

    async def by_id(self, org_id: UUID, source_id: UUID) -> KnownSource:
        """
        A source by its id, for work of the appliance itself.

        Raises:
            SourceUnknown: There is none, or it is switched off.
        """
        source = await self._load(org_id, source_id)
        if source is None:
            raise SourceUnknown(f"source {source_id} is gone or switched off")
        return source

    async def _find(self, key: str | bytes) -> KnownSource | None:
        at, known = self._known.get(key, (0.0, None))
        age = time.monotonic() - at
        if at and age < _FRESH_SECONDS:
            return known
        try:
            known = await self._ask(key)
        except Unavailable:
            if not at or age > _STALE_SECONDS:
                raise
            return known
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[key] = (time.monotonic(), known)
        return known

    async def _ask(self, key: str | bytes) -> KnownSource | None:
        function = "app.source_token_owner" if isinstance(key, bytes) else "app.listener_owner"
        async with anonymous_transaction(self._database) as session:
            # S608: the function is one of two constants above.
            owner = (
                await session.execute(text(f"SELECT org_id, source_id FROM {function}(:key)"), {"key": key})  # noqa: S608 — see above
            ).first()
        return None if owner is None else await self._load(owner.org_id, owner.source_id)

    async def _load(self, org_id: UUID, source_id: UUID) -> KnownSource | None:
        async with transaction(self._database, Scope(org_id=org_id)) as session:
            row = (
                await session.execute(
                    text("SELECT * FROM sources WHERE org_id = :org AND id = :id AND enabled"),
                    {"org": org_id, "id": source_id},
                )
            ).first()
            disabled = await session.execute(
                text("SELECT rule_id FROM rule_settings WHERE org_id = :org AND NOT enabled"), {"org": org_id}
            )
            return None if row is None else self._known_source(row, frozenset(disabled.scalars()))

    def _known_source(self, row: Any, disabled: frozenset[str]) -> KnownSource:
        key = row.hmac_key and self._sealer.open(
            row.hmac_key, table="sources", column="hmac_key", org_id=row.org_id, row_id=row.id
        )
        return KnownSource(
            org_id=row.org_id, id=row.id, name=row.name, format=row.format, options=row.options,
            durability=row.durability, hmac_key=key, disabled_rules=disabled,
        )  # fmt: skip


def _key_of(submission: Submission) -> str | bytes:
    if submission.listener and not submission.credential:
        return submission.listener
    if not is_well_formed(submission.credential, TOKEN_PREFIX):
        raise SourceUnknown("send the source's token as `Authorization: Bearer xdr_src_…`")
    return hash_of(submission.credential)


def _check_signature(key: bytes, submission: Submission) -> None:
    # The batch id is inside the MAC and unique: a recorded request replayed later changes nothing.
    expected = hmac.new(key, submission.batch_id.encode() + b"\n" + submission.body, sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), submission.signature.removeprefix("sha256=").encode()):
        raise SignatureMismatch(
            "this source wants X-Signature: sha256=HMAC(key, X-Batch-Id + newline + body), and it differs"
        )
