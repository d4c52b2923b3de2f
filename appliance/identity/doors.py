"""The narrow questions that may be asked before anybody is inside an organisation (migrations/*doors.sql)."""

from typing import Any

from sqlalchemy import text

from appliance.foundation.database import Database, anonymous_transaction


async def ask(database: Database, function: str, key: object) -> list[Any]:
    """Organisation and id of whoever the secret or name belongs to; none if nobody's."""
    async with anonymous_transaction(database) as session:
        # S608: the function is a constant of the caller.
        return list((await session.execute(text(f"SELECT * FROM {function}(:key)"), {"key": key})).all())  # noqa: S608 — see above
