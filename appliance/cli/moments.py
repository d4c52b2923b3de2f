"""Which stretch of time is meant by what somebody typed: a time, an incident, an event, the last failover."""

from datetime import datetime, timedelta
from uuid import UUID

from appliance.cli.cluster import open_patroni
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.incidents import path_of
from appliance.cli.querying import duration, instant
from appliance.cli.session import Session

LAST_FAILOVER = "last-failover"
_PAST = timedelta(hours=1)
Stretch = tuple[datetime, datetime | None]


def stretch(since: str, until: str, now: datetime) -> Stretch:
    """
    From when until when; the last hour if neither is said.

    Raises:
        CommandFailure: A time cannot be read, or the end is before the beginning.
    """
    end = _ago(until, now) if until else None
    begin = _ago(since, now) if since else (end or now) - _PAST
    if end is not None and end <= begin:
        raise invalid(f"--until {until} is not after --since {since}")
    return begin, end


def around(session: Session, what: str, within: str) -> Stretch:
    """
    As much before it as after it.

    Raises:
        CommandFailure: There is no such thing, or nobody who knows of it answers.
    """
    at = _happened(session, what)
    margin = duration(within)
    try:
        return at - margin, at + margin
    except OverflowError as error:
        raise invalid(f"{within} around {what} is longer than a calendar") from error


def _ago(text: str, now: datetime) -> datetime:
    return now - duration(text) if text[-1] in "smhdw" else instant(text)


def _happened(session: Session, what: str) -> datetime:
    """Times of the appliance's own work: telemetry that is read late is in no journal of its own time."""
    if what == LAST_FAILOVER:
        return _last_failover(session)
    if what.startswith("#") or (what.isascii() and what.isdigit()):
        return _incident(session, what)
    try:
        UUID(what)
    except ValueError:
        return instant(what)
    try:
        return _incident(session, what)
    except CommandFailure as failure:
        if failure.code is not ExitCode.NOT_FOUND:
            raise
    return instant(session.api.get(f"/events/{what}")["received_at"])


def _incident(session: Session, which: str) -> datetime:
    return instant(session.api.get(path_of(session, which))["created_at"])


def _last_failover(session: Session) -> datetime:
    """The last time that another node began to lead, by plan or not; Patroni says which."""
    with open_patroni(session) as patroni:
        history = patroni.state().history
    if not history:
        raise CommandFailure("the leader has never changed", code=ExitCode.NOT_FOUND)
    session.say(f"{history[-1].leader} leads since {history[-1].at} ({history[-1].why})")
    return instant(history[-1].at)
