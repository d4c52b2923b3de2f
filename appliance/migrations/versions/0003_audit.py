"""The audit trail chained, sealed and checkpointed; people's keys."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = (
    "audit_chain",
    "audit_nodes",
    "audit_checkpoints",
    "audit_key_uses",
    "audit_subject_keys",
    "audit_segment_arrivals",
)
_ADDED_ONLY = ("audit_chain", "audit_nodes", "audit_checkpoints", "audit_key_uses")


def _add_columns() -> None:
    op.add_column("audit_entries", sa.Column("actor_id", sa.Uuid(), nullable=True))
    op.add_column("audit_entries", sa.Column("subject", sa.Text(), nullable=True))
    for columns in (["org_id", "actor_id", "at"], ["org_id", "subject", "at"], ["org_id", "at", "id"]):
        op.create_index(op.f("ix_audit_entries_" + "_".join(columns)), "audit_entries", columns)


def _create_chain() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "seq", name=op.f("pk_audit_chain")),
        sa.UniqueConstraint("org_id", "entry_id", name=op.f("uq_audit_chain_org_id_entry_id")),
    )
    op.create_table(
        "audit_nodes",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "level", "place", name=op.f("pk_audit_nodes")),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tx", sa.BigInteger(), server_default=sa.text("app.tx()"), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "number", name=op.f("pk_audit_checkpoints")),
        sa.UniqueConstraint("org_id", "id", name=op.f("uq_audit_checkpoints_org_id_id")),
    )
    op.create_index(op.f("ix_audit_checkpoints_org_id_tx_id"), "audit_checkpoints", ["org_id", "tx", "id"])


def _create_keys() -> None:
    op.create_table(
        "audit_keys",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_audit_keys")),
        sa.UniqueConstraint("public_key", name=op.f("uq_audit_keys_public_key")),
    )
    op.create_table(
        "audit_key_uses",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("from_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "from_seq", name=op.f("pk_audit_key_uses")),
    )
    op.create_table(
        "audit_subject_keys",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("org_id", "subject_id", name=op.f("pk_audit_subject_keys")),
    )
    op.create_table(
        "audit_segment_arrivals",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tx", sa.BigInteger(), server_default=sa.text("app.tx()"), nullable=False),
        sa.Column("received_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_audit_segment_arrivals")),
    )
    op.create_index(
        op.f("ix_audit_segment_arrivals_org_id_tx_id"), "audit_segment_arrivals", ["org_id", "tx", "id"]
    )


def _grant() -> None:
    for table in _TABLES:
        op.execute(f"SELECT app_private.wall('{table}')")
    for table in _ADDED_ONLY:
        # Only the sealer, on the platform's role, adds; injected SQL of the application cannot.
        op.execute(f"GRANT SELECT ON {table} TO xdr_app")
        op.execute(f"GRANT SELECT, INSERT ON {table} TO xdr_platform")
        op.execute(
            f"CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION app_private.refuse_change()"
        )
    op.execute("GRANT SELECT ON audit_keys TO xdr_app")
    op.execute("GRANT SELECT, INSERT, UPDATE (state, activated_at, retired_at) ON audit_keys TO xdr_platform")
    op.execute(
        "CREATE TRIGGER only_added BEFORE DELETE OR TRUNCATE ON audit_keys"
        " FOR EACH STATEMENT EXECUTE FUNCTION app_private.refuse_change()"
    )
    op.execute(
        "GRANT SELECT, INSERT, UPDATE (sealed_key, erased_at) ON audit_subject_keys TO xdr_app, xdr_platform"
    )
    op.execute("GRANT SELECT ON audit_segment_arrivals TO xdr_app")
    op.execute("GRANT SELECT, DELETE ON audit_segment_arrivals TO xdr_platform")


def upgrade() -> None:
    _add_columns()
    _create_chain()
    _create_keys()
    _grant()
    op.execute((Path(__file__).parent.parent / "audit_doors.sql").read_text())


def downgrade() -> None:
    op.execute("DROP TRIGGER noted ON segments")
    op.execute("DROP FUNCTION app_private.note_segment()")
    for table in (*_TABLES, "audit_keys"):
        op.drop_table(table)
    for columns in (["org_id", "actor_id", "at"], ["org_id", "subject", "at"], ["org_id", "at", "id"]):
        op.drop_index(op.f("ix_audit_entries_" + "_".join(columns)), "audit_entries")
    op.drop_column("audit_entries", "subject")
    op.drop_column("audit_entries", "actor_id")
