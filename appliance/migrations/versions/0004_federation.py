"""Directories and single sign-on."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from appliance.migrations.raising import raise_walls

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = (
    "identity_providers",
    "external_identities",
    "sign_on_requests",
    "spent_assertions",
    "scim_groups",
    "scim_members",
)
_FUNCTIONS = (
    "provider_owner(uuid)",
    "scim_owner(bytea)",
    "offered_providers()",
    "password_directories()",
)


def upgrade() -> None:
    op.create_table(
        "identity_providers",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("shown", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("secret", sa.LargeBinary(), server_default="", nullable=False),
        sa.Column("certificate", sa.Text(), server_default="", nullable=False),
        sa.Column("scim_token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("warned_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organisations.id"], name=op.f("fk_identity_providers_org_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_identity_providers")),
        sa.UniqueConstraint("org_id", "name", name=op.f("uq_identity_providers_org_id_name")),
    )
    op.create_index(
        "ix_identity_providers_scim_token_hash", "identity_providers", ["scim_token_hash"], unique=False
    )
    op.create_table(
        "external_identities",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "provider_id"],
            ["identity_providers.org_id", "identity_providers.id"],
            name=op.f("fk_external_identities_org_id_provider_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"],
            ["users.org_id", "users.id"],
            name=op.f("fk_external_identities_org_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_external_identities")),
        sa.UniqueConstraint(
            "org_id", "provider_id", "subject", name=op.f("uq_external_identities_org_id_provider_id_subject")
        ),
        sa.UniqueConstraint(
            "org_id", "provider_id", "user_id", name=op.f("uq_external_identities_org_id_provider_id_user_id")
        ),
    )
    op.create_table(
        "sign_on_requests",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("next_path", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id", "provider_id"],
            ["identity_providers.org_id", "identity_providers.id"],
            name=op.f("fk_sign_on_requests_org_id_provider_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_sign_on_requests")),
        sa.UniqueConstraint(
            "org_id",
            "provider_id",
            "request_id",
            name=op.f("uq_sign_on_requests_org_id_provider_id_request_id"),
        ),
    )
    op.create_table(
        "spent_assertions",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("assertion_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "provider_id"],
            ["identity_providers.org_id", "identity_providers.id"],
            name=op.f("fk_spent_assertions_org_id_provider_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "provider_id", "assertion_hash", name=op.f("pk_spent_assertions")),
    )
    op.create_index("ix_spent_assertions_expires_at", "spent_assertions", ["expires_at"], unique=False)
    op.create_table(
        "scim_groups",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "provider_id"],
            ["identity_providers.org_id", "identity_providers.id"],
            name=op.f("fk_scim_groups_org_id_provider_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_scim_groups")),
        sa.UniqueConstraint(
            "org_id", "provider_id", "name", name=op.f("uq_scim_groups_org_id_provider_id_name")
        ),
    )
    op.create_table(
        "scim_members",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("display", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "group_id"],
            ["scim_groups.org_id", "scim_groups.id"],
            name=op.f("fk_scim_members_org_id_group_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "identity_id"],
            ["external_identities.org_id", "external_identities.id"],
            name=op.f("fk_scim_members_org_id_identity_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "group_id", "identity_id", name=op.f("pk_scim_members")),
    )
    op.create_index(
        op.f("ix_scim_members_org_id_identity_id"), "scim_members", ["org_id", "identity_id"], unique=False
    )
    raise_walls(_TABLES)
    op.execute((Path(__file__).parent.parent / "federation_doors.sql").read_text())


def downgrade() -> None:
    for function in _FUNCTIONS:
        op.execute(f"DROP FUNCTION app.{function}")
    for table in reversed(_TABLES):
        op.drop_table(table)
