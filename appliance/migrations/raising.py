"""What every migration does with a new table of organisations: walls around it, and the two roles' rights."""

from collections.abc import Iterable

from alembic import op


def raise_walls(tables: Iterable[str]) -> None:
    """Forced row-level security for each table, whose rows carry `org_id`."""
    for table in tables:
        op.execute(f"SELECT app_private.wall('{table}')")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO xdr_app, xdr_platform")
