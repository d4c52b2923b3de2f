"""Bring a database to the schema of this release: bootstrap once as superuser, migrate as owner."""

import hashlib
from importlib import resources
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import URL, Connection, create_engine, text

_HERE = Path(str(resources.files("appliance.migrations")))
_BLOCK_BYTES = 64  # of SHA-256, RFC 2104


def bootstrap(superuser_dsn: str, *, database: str, passwords: dict[str, str]) -> None:
    """
    Create roles and the database, and mark the operators that stay indexable. Safe to run again.

    Args:
        superuser_dsn: How a superuser reaches the maintenance database.
        database: The product's database.
        passwords: Role name to password, for `xdr_owner`, `xdr_app` and `xdr_platform`.
    """
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        _create_roles(connection)
        for role, password in passwords.items():
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
            )
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if found is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER xdr_owner ENCODING 'UTF8' TEMPLATE template0").format(
                    sql.Identifier(database)
                )
            )
    with psycopg.connect(superuser_dsn, dbname=database, autocommit=True) as connection:
        connection.execute((_HERE / "bootstrap.sql").read_bytes())


def _create_roles(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    for role in ("xdr_owner", "xdr_app", "xdr_platform"):
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))


def migrate(owner_url: URL, *, scope_key: bytes, revision: str = "head") -> None:
    """
    Migrate up to `revision` as the owner, and store the key that scopes are signed with.

    Args:
        owner_url: The database as `xdr_owner`.
        scope_key: The credential `scope-key`; only its HMAC pads reach the database.
        revision: An Alembic revision; "head" is the newest.
    """
    engine = create_engine(owner_url)
    try:
        with engine.begin() as connection:
            command.upgrade(_config(connection), revision)
        if revision != "base":
            with engine.begin() as connection:
                _store_key(connection, scope_key)
    finally:
        engine.dispose()


def downgrade(owner_url: URL, revision: str) -> None:
    engine = create_engine(owner_url)
    try:
        with engine.begin() as connection:
            command.downgrade(_config(connection), revision)
    finally:
        engine.dispose()


def config(connection: Connection) -> Config:
    """Alembic's configuration for an open connection (for the drift test)."""
    return _config(connection)


def _config(connection: Connection) -> Config:
    made = Config()
    made.set_main_option("script_location", str(_HERE))
    made.attributes["connection"] = connection
    return made


def _store_key(connection: Connection, key: bytes) -> None:
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\x00")
    connection.execute(
        text(
            "INSERT INTO app_private.scope_key (inner_pad, outer_pad) VALUES (:inner, :outer)"
            " ON CONFLICT (only_one) DO UPDATE SET inner_pad = excluded.inner_pad, outer_pad = excluded.outer_pad"
        ),
        {"inner": bytes(b ^ 0x36 for b in block), "outer": bytes(b ^ 0x5C for b in block)},
    )
