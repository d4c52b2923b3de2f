"""What an administrator does on a node without the API; each deed is in the audit trail, if need be later."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.audit.deferring import deferred
from appliance.cli.session import Session
from appliance.foundation.clock import SystemClock


def who() -> str:
    """The account that types, by name; behind sudo the one that called it."""
    uid = int(os.environ.get("SUDO_UID", "") or os.getuid())
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@contextmanager
def audited(session: Session, action: str, **detail: str) -> Iterator[None]:
    """Do something and have it in the trail, with how it ended."""
    settings = session.settings
    with deferred(
        settings.state_dir, action, by=f"local administrator {who()}", address=f"unix:{os.getuid()}",
        node=settings.node, clock=SystemClock(), detail=detail,
    ):  # fmt: skip
        yield
