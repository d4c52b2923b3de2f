"""Factors, refresh tokens, custom roles, policies, proposals: identity made complete."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from appliance.migrations.raising import raise_walls

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = (
    "access_reviews",
    "custom_roles",
    "proposals",
    "challenges",
    "former_passwords",
    "passkeys",
    "pending_sign_ins",
    "recovery_codes",
    "totp_factors",
    "refresh_tokens",
)
_ADDED = {
    "api_tokens": ("created_by", "networks"),
    "organisations": ("status", "profile", "mfa_required", "sso_enforced"),
    "sessions": (
        "kind",
        "methods",
        "stepped_up_at",
        "revoked_reason",
        "provider_id",
        "provider_subject",
        "provider_session",
    ),
    "users": ("origin", "is_break_glass", "password_changed_at", "last_sign_in_at"),
}

_FUNCTIONS = (
    "pending_owner(bytea)",
    "refresh_owner(bytea)",
    "signin_attempt(bytea, int, int, int)",
    "signin_undo(bytea)",
)


def _create_tables() -> None:
    op.create_table(
        "access_reviews",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.Column("key_id", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_access_reviews")),
    )
    op.create_table(
        "custom_roles",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "name", name=op.f("pk_custom_roles")),
    )
    op.create_table(
        "proposals",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("payload_hash", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("decided_by", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_proposals")),
    )
    op.create_index("ix_proposals_open", "proposals", ["org_id", "state", "expires_at"], unique=False)
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
    )
    op.create_index(
        "uq_signing_keys_one_active",
        "signing_keys",
        ["state"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "challenges",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"],
            ["users.org_id", "users.id"],
            name=op.f("fk_challenges_org_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "user_id", "purpose", name=op.f("pk_challenges")),
    )
    op.create_table(
        "former_passwords",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"],
            ["users.org_id", "users.id"],
            name=op.f("fk_former_passwords_org_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_former_passwords")),
    )
    op.create_table(
        "passkeys",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"],
            ["users.org_id", "users.id"],
            name=op.f("fk_passkeys_org_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("org_id", "credential_id", name=op.f("uq_passkeys_org_id_credential_id")),
    )
    op.create_table(
        "pending_sign_ins",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("methods", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column("provider_subject", sa.Text(), server_default="", nullable=False),
        sa.Column("provider_session", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"],
            ["users.org_id", "users.id"],
            name=op.f("fk_pending_sign_ins_org_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_pending_sign_ins")),
    )
    op.create_index("ix_pending_sign_ins_token_hash", "pending_sign_ins", ["token_hash"], unique=False)
    op.create_table(
        "recovery_codes",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"],
            ["users.org_id", "users.id"],
            name=op.f("fk_recovery_codes_org_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint(
            "org_id", "user_id", "code_hash", name=op.f("uq_recovery_codes_org_id_user_id_code_hash")
        ),
    )
    op.create_table(
        "totp_factors",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"],
            ["users.org_id", "users.id"],
            name=op.f("fk_totp_factors_org_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "user_id", name=op.f("pk_totp_factors")),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id", "session_id"],
            ["sessions.org_id", "sessions.id"],
            name=op.f("fk_refresh_tokens_org_id_session_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint("org_id", "token_hash", name=op.f("uq_refresh_tokens_org_id_token_hash")),
    )
    op.create_index("ix_refresh_tokens_token_hash", "refresh_tokens", ["token_hash"], unique=False)


def _add_columns() -> None:
    op.add_column("api_tokens", sa.Column("created_by", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "api_tokens", sa.Column("networks", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.alter_column("api_tokens", "user_id", existing_type=sa.UUID(), nullable=True)
    op.add_column("organisations", sa.Column("status", sa.Text(), server_default="active", nullable=False))
    op.add_column("organisations", sa.Column("profile", sa.Text(), server_default="nist", nullable=False))
    op.add_column(
        "organisations",
        sa.Column("mfa_required", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "organisations",
        sa.Column("sso_enforced", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("role_assignments", sa.Column("origin", sa.Text(), server_default="local", nullable=False))
    op.add_column("sessions", sa.Column("kind", sa.Text(), server_default="browser", nullable=False))
    op.add_column(
        "sessions", sa.Column("methods", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("sessions", sa.Column("stepped_up_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sessions", sa.Column("revoked_reason", sa.Text(), server_default="", nullable=False))
    op.add_column("sessions", sa.Column("provider_id", sa.Uuid(), nullable=True))
    op.add_column("sessions", sa.Column("provider_subject", sa.Text(), server_default="", nullable=False))
    op.add_column("sessions", sa.Column("provider_session", sa.Text(), server_default="", nullable=False))
    op.add_column("users", sa.Column("origin", sa.Text(), server_default="local", nullable=False))
    op.add_column(
        "users", sa.Column("is_break_glass", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("users", sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=True))


def _key_assignments_by_origin() -> None:
    # The same role may come from an administrator and from a directory's group; each takes back its own.
    op.drop_constraint("pk_role_assignments", "role_assignments")
    op.create_primary_key("pk_role_assignments", "role_assignments", ["org_id", "user_id", "role", "origin"])


def upgrade() -> None:
    _create_tables()
    _add_columns()
    _key_assignments_by_origin()
    raise_walls(_TABLES)
    op.execute("GRANT UPDATE (status, profile, mfa_required, sso_enforced, name) ON organisations TO xdr_app")
    op.execute("GRANT UPDATE ON organisations TO xdr_platform")
    # Keys are the appliance's: every process reads them, only the platform's role changes them.
    op.execute("GRANT SELECT ON signing_keys TO xdr_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON signing_keys TO xdr_platform")
    op.execute((Path(__file__).parent.parent / "identity_doors.sql").read_text())


def downgrade() -> None:
    for function in _FUNCTIONS:
        op.execute(f"DROP FUNCTION app.{function}")
    op.execute("DELETE FROM api_tokens WHERE user_id IS NULL")
    op.alter_column("api_tokens", "user_id", nullable=False)
    op.execute("DELETE FROM role_assignments WHERE origin <> 'local'")
    op.drop_constraint("pk_role_assignments", "role_assignments")
    op.create_primary_key("pk_role_assignments", "role_assignments", ["org_id", "user_id", "role"])
    op.drop_column("role_assignments", "origin")
    for table, columns in _ADDED.items():
        for column in columns:
            op.drop_column(table, column)
    for table in (*reversed(_TABLES), "signing_keys"):
        op.drop_table(table)
