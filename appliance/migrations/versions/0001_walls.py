"""Walls from the first table on: organisations, telemetry, rules, findings, incidents, audit."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _create_tables() -> None:  # noqa: PLR0915 — one statement per table, in one place
    op.create_table(
        "audit_entries",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tx", sa.BigInteger(), server_default=sa.text("app.tx()"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_audit_entries")),
    )
    op.create_index(
        op.f("ix_audit_entries_org_id_action_at"), "audit_entries", ["org_id", "action", "at"], unique=False
    )
    op.create_index(
        op.f("ix_audit_entries_org_id_tx_id"), "audit_entries", ["org_id", "tx", "id"], unique=False
    )
    op.create_table(
        "correlator_states",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("incidents", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_correlator_states")),
    )
    op.create_table(
        "events",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("received_day", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("natural_key", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("org_id", "received_day", "id", name=op.f("pk_events")),
        sa.UniqueConstraint(
            "org_id", "received_day", "natural_key", name=op.f("uq_events_org_id_received_day_natural_key")
        ),
        postgresql_partition_by="RANGE (received_day)",
    )
    op.create_table(
        "feed_positions",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("tx", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "consumer", name=op.f("pk_feed_positions")),
    )
    op.create_table(
        "findings",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tx", sa.BigInteger(), server_default=sa.text("app.tx()"), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Text(), nullable=False),
        sa.Column("rule_set", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("techniques", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("tactics", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("entities", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("clauses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_findings")),
    )
    op.create_index("ix_findings_org_id_event_id", "findings", ["org_id", "event_id"], unique=False)
    op.create_index(
        "ix_findings_org_id_rule_id_event_time", "findings", ["org_id", "rule_id", "event_time"], unique=False
    )
    op.create_index("ix_findings_org_id_tx_id", "findings", ["org_id", "tx", "id"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("originator", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column(
            "progress",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "failures",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("org_id", "idempotency_key", name=op.f("uq_jobs_org_id_idempotency_key")),
    )
    op.create_index(
        "ix_jobs_due",
        "jobs",
        ["state", "not_before"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
    )
    op.create_table(
        "outbox",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tx", sa.BigInteger(), server_default=sa.text("app.tx()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_org_id_tx_id"), "outbox", ["org_id", "tx", "id"], unique=False)
    op.create_table(
        "pinned_events",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pinned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pinned_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("event", sa.LargeBinary(), nullable=False),
        sa.Column("original", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_pinned_events")),
    )
    op.create_table(
        "routes_seen",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "kind", "channel", "code", name=op.f("pk_routes_seen")),
    )
    op.create_table(
        "process_states",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("node", "name", name=op.f("pk_process_states")),
    )
    op.create_table(
        "rule_matches",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("matches", sa.BigInteger(), nullable=False),
        sa.Column("last_match_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "rule_id", "day", name=op.f("pk_rule_matches")),
    )
    op.create_table(
        "rule_sets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("loaded_by", sa.Text(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_sets")),
    )
    op.create_index(
        "ix_rule_sets_active", "rule_sets", ["active"], unique=True, postgresql_where=sa.text("active")
    )
    op.create_index("ix_rule_sets_loaded_at", "rule_sets", ["loaded_at"], unique=False)
    op.create_table(
        "rule_settings",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "rule_id", name=op.f("pk_rule_settings")),
    )
    op.create_table(
        "rules",
        sa.Column("set_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("owner_org_id", sa.Uuid(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("meta", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("set_id", "place", name=op.f("pk_rules")),
    )
    op.create_index("ix_rules_set_id_rule_id", "rules", ["set_id", "rule_id"], unique=False)
    op.create_table(
        "scheduler_epoch",
        sa.Column("only_one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("only_one", name=op.f("pk_scheduler_epoch")),
    )
    op.create_table(
        "segment_columns",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("received_day", sa.Date(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "org_id", "received_day", "segment_id", "field", name=op.f("pk_segment_columns")
        ),
        postgresql_partition_by="RANGE (received_day)",
    )
    op.create_table(
        "segments",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("received_day", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("last_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("dead", sa.LargeBinary(), nullable=True),
        sa.Column("rule_set", sa.Text(), nullable=False),
        sa.Column("min_time", sa.BigInteger(), nullable=False),
        sa.Column("max_time", sa.BigInteger(), nullable=False),
        sa.Column("originals", sa.LargeBinary(), nullable=False),
        sa.Column("originals_size", sa.BigInteger(), nullable=False),
        sa.Column("originals_sha256", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "received_day", "id", name=op.f("pk_segments")),
        postgresql_partition_by="RANGE (received_day)",
    )
    op.create_table(
        "signin_delays",
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_signin_delays")),
    )
    op.create_table(
        "sources",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("listener", sa.Text(), server_default="", nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("hmac_key", sa.LargeBinary(), nullable=True),
        sa.Column("durability", sa.Text(), server_default="node", nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organisations.id"], name=op.f("fk_sources_org_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_sources")),
        sa.UniqueConstraint("org_id", "name", name=op.f("uq_sources_org_id_name")),
    )
    op.create_index("ix_sources_listener", "sources", ["listener"], unique=False)
    op.create_table(
        "users",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), server_default="invited", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organisations.id"], name=op.f("fk_users_org_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_users")),
        sa.UniqueConstraint("org_id", "email", name=op.f("uq_users_org_id_email")),
    )
    op.create_index("ix_users_email", "users", ["email"], unique=False)
    op.create_table(
        "api_tokens",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"],
            ["users.org_id", "users.id"],
            name=op.f("fk_api_tokens_org_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("org_id", "token_hash", name=op.f("uq_api_tokens_org_id_token_hash")),
    )
    op.create_index("ix_api_tokens_token_hash", "api_tokens", ["token_hash"], unique=False)
    op.create_table(
        "batches",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("client_batch_id", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("stored", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "source_id"],
            ["sources.org_id", "sources.id"],
            name=op.f("fk_batches_org_id_source_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_batches")),
        sa.UniqueConstraint(
            "org_id", "source_id", "client_batch_id", name=op.f("uq_batches_org_id_source_id_client_batch_id")
        ),
    )
    op.create_index("ix_batches_received_at", "batches", ["received_at"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("severity_is_manual", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("risk", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("techniques", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("tactics", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("findings_count", sa.Integer(), nullable=False),
        sa.Column("events_count", sa.Integer(), nullable=False),
        sa.Column("first_event_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_event_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_by", sa.Uuid(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closure", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("why", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "owner_id"], ["users.org_id", "users.id"], name=op.f("fk_incidents_org_id_owner_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_incidents")),
        sa.UniqueConstraint("org_id", "number", name=op.f("uq_incidents_org_id_number")),
    )
    op.create_index("ix_incidents_queue", "incidents", ["org_id", "is_open", "risk", "id"], unique=False)
    op.create_index("ix_incidents_status", "incidents", ["org_id", "status", "risk", "id"], unique=False)
    op.create_index("ix_incidents_owner", "incidents", ["org_id", "owner_id", "risk", "id"], unique=False)
    op.create_index(
        "ix_incidents_severity", "incidents", ["org_id", "is_open", "severity", "id"], unique=False
    )
    op.create_index("ix_incidents_recent", "incidents", ["org_id", "last_event_at", "id"], unique=False)
    op.create_index(
        "ix_incidents_title",
        "incidents",
        ["title"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"title": "gin_trgm_ops"},
    )
    op.create_index("ix_incidents_updated", "incidents", ["org_id", "updated_at", "id"], unique=False)
    op.create_table(
        "one_time_links",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"],
            ["users.org_id", "users.id"],
            name=op.f("fk_one_time_links_org_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_one_time_links")),
    )
    op.create_index("ix_one_time_links_token_hash", "one_time_links", ["token_hash"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("replayed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id", "source_id"],
            ["sources.org_id", "sources.id"],
            name=op.f("fk_quarantine_org_id_source_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_quarantine")),
    )
    op.create_index("ix_quarantine_org_id_received_at", "quarantine", ["org_id", "received_at"], unique=False)
    op.create_table(
        "role_assignments",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"],
            ["users.org_id", "users.id"],
            name=op.f("fk_role_assignments_org_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "user_id", "role", name=op.f("pk_role_assignments")),
    )
    op.create_table(
        "sessions",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"],
            ["users.org_id", "users.id"],
            name=op.f("fk_sessions_org_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("org_id", "token_hash", name=op.f("uq_sessions_org_id_token_hash")),
    )
    op.create_index("ix_sessions_token_hash", "sessions", ["token_hash"], unique=False)
    op.create_table(
        "source_states",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
        sa.Column("last_event_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("skew_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id", "source_id"],
            ["sources.org_id", "sources.id"],
            name=op.f("fk_source_states_org_id_source_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "source_id", "day", name=op.f("pk_source_states")),
    )
    op.create_table(
        "source_tokens",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id", "source_id"],
            ["sources.org_id", "sources.id"],
            name=op.f("fk_source_tokens_org_id_source_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_source_tokens")),
        sa.UniqueConstraint("org_id", "token_hash", name=op.f("uq_source_tokens_org_id_token_hash")),
    )
    op.create_index("ix_source_tokens_token_hash", "source_tokens", ["token_hash"], unique=False)
    op.create_table(
        "incident_entities",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("weak", sa.Boolean(), nullable=False),
        sa.Column("risk", sa.Integer(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "incident_id"],
            ["incidents.org_id", "incidents.id"],
            name=op.f("fk_incident_entities_org_id_incident_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "incident_id", "kind", "value", name=op.f("pk_incident_entities")),
    )
    op.create_index(
        "ix_incident_entities_value", "incident_entities", ["org_id", "kind", "value"], unique=False
    )
    op.create_table(
        "incident_evidence",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("pinned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pinned_by", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "incident_id"],
            ["incidents.org_id", "incidents.id"],
            name=op.f("fk_incident_evidence_org_id_incident_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "incident_id", "event_id", name=op.f("pk_incident_evidence")),
    )
    op.create_table(
        "incident_findings",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("finding_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("origin_id", sa.Uuid(), nullable=True),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "incident_id"],
            ["incidents.org_id", "incidents.id"],
            name=op.f("fk_incident_findings_org_id_incident_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "finding_id", name=op.f("pk_incident_findings")),
    )
    op.create_index(
        "ix_incident_findings_page",
        "incident_findings",
        ["org_id", "incident_id", "event_time", "finding_id"],
        unique=False,
    )
    op.create_index(
        "ix_incident_findings_origin",
        "incident_findings",
        ["org_id", "origin_id"],
        unique=False,
        postgresql_where=sa.text("origin_id IS NOT NULL"),
    )
    op.create_table(
        "incident_timeline",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "incident_id"],
            ["incidents.org_id", "incidents.id"],
            name=op.f("fk_incident_timeline_org_id_incident_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_incident_timeline")),
    )
    op.create_index(
        "ix_incident_timeline_page", "incident_timeline", ["org_id", "incident_id", "at", "id"], unique=False
    )


_TENANT_TABLES = (
    "audit_entries",
    "correlator_states",
    "events",
    "feed_positions",
    "findings",
    "jobs",
    "outbox",
    "pinned_events",
    "routes_seen",
    "rule_matches",
    "rule_settings",
    "segment_columns",
    "segments",
    "sources",
    "users",
    "api_tokens",
    "batches",
    "incidents",
    "one_time_links",
    "quarantine",
    "role_assignments",
    "sessions",
    "source_states",
    "source_tokens",
    "incident_entities",
    "incident_evidence",
    "incident_findings",
    "incident_timeline",
)
_SHARED_TABLES = ("rule_sets", "rules", "process_states")


def _raise_walls() -> None:
    for table in _TENANT_TABLES:
        op.execute(f"SELECT app_private.wall('{table}')")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO xdr_app, xdr_platform")
    op.execute("SELECT app_private.wall('organisations', 'id')")
    op.execute("GRANT SELECT ON organisations TO xdr_app, xdr_platform")
    op.execute("GRANT INSERT ON organisations TO xdr_platform")
    # Rule sets are the appliance's (decision 13): everybody reads, services with permission write.
    for table in _SHARED_TABLES:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO xdr_app, xdr_platform")
    op.execute("GRANT SELECT, INSERT, UPDATE ON scheduler_epoch TO xdr_platform")
    op.execute("GRANT SELECT ON alembic_version TO xdr_app, xdr_platform")


def _freeze_the_trail() -> None:
    op.execute("REVOKE UPDATE, DELETE ON audit_entries FROM xdr_app, xdr_platform")
    op.execute(
        """
        CREATE FUNCTION app_private.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE insufficient_privilege USING MESSAGE = 'audit entries are only ever added'; END $$;
        CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
          FOR EACH STATEMENT EXECUTE FUNCTION app_private.refuse_change();
        """
    )


def upgrade() -> None:
    op.execute((Path(__file__).parent.parent / "walls.sql").read_text())
    _create_tables()
    # Both are zstd already; TOAST's own compression would only cost time.
    op.execute("ALTER TABLE segments ALTER COLUMN originals SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE segment_columns ALTER COLUMN body SET STORAGE EXTERNAL")
    _raise_walls()
    _freeze_the_trail()
    op.execute((Path(__file__).parent.parent / "doors.sql").read_text())


def downgrade() -> None:
    op.execute("DROP SCHEMA app CASCADE")
    op.execute("DROP SCHEMA app_private CASCADE")
    for table in (*_TENANT_TABLES, *_SHARED_TABLES, "organisations", "signin_delays", "scheduler_epoch"):
        op.execute(f"DROP TABLE IF EXISTS {table} CASCADE")
