"""
Evaluates alert rules over a node's metrics and tells receivers; on every node, without the database too.

Each node speaks for itself: one that is cut off cannot know whether another one tells.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog
from sqlalchemy import text

from appliance.cluster.members import ClusterState
from appliance.foundation.database import Database
from appliance.foundation.observability import exposition
from appliance.foundation.settings import AlertReceiver, Settings
from appliance.integrations.alert_receivers import receivers
from appliance.integrations.patroni.client import Patroni
from appliance.jobs.running import run
from appliance.support import alert_rules
from appliance.support.alerting import Book, Evaluation, ReceiverTerms, read_book, silences, write_book
from appliance.support.checks import watched
from appliance.support.expressions import selectors
from appliance.support.notifying import Notifying
from appliance.support.samples import Samples

log = structlog.get_logger()

_PROBLEM, _DATABASE = "xdr_problem", "xdr_database_up"
_DATABASE_SECONDS = 5.0
# Asking the cluster takes seconds when a node is silent.
_CHECK_EVERY_SECONDS = 60.0
_DELIVER_EVERY_SECONDS = 1.0


async def alert(settings: Settings, stop: asyncio.Event) -> None:
    """Evaluate and tell until told to stop."""
    database = Database(settings, pool_size=1)
    watch = _Watch(settings, database, stop)
    try:
        await asyncio.gather(
            watch.every(settings.alerts.evaluate_seconds, watch.evaluate),
            watch.every(_CHECK_EVERY_SECONDS, watch.check),
            watch.every(_DELIVER_EVERY_SECONDS, watch.deliver),
        )
    finally:
        await database.close()


class _Watch:
    def __init__(self, settings: Settings, database: Database, stop: asyncio.Event) -> None:
        self._settings, self._database, self._stop = settings, database, stop
        rules = alert_rules.shipped()
        needed = [each for rule in rules for each in selectors(rule.expression)]
        back = max(each.seconds for each in needed)
        self._samples = Samples({each.name for each in needed}, back + 60)
        self._book = _book(settings.state_dir)
        self._evaluation = Evaluation(
            settings.node, rules, map(_terms, settings.alerts.receivers), settings.alerts.alive_seconds
        )
        self._notifying = Notifying(receivers(settings), self._save)
        self._problems: dict[tuple[str, str], float] | None = None
        log.info("alerts_watched", rules=len(rules), receivers=len(settings.alerts.receivers))

    async def every(self, seconds: float, act: Callable[[], object]) -> None:
        """Do it again and again; what fails is tried again at the next turn."""
        while not self._stop.is_set():
            try:
                await act()  # type: ignore[misc]  # the three below are coroutines
            except Exception:
                # The outermost loop: what watches has to outlive whatever it meets.
                log.exception("alert_round_failed")
            try:
                await asyncio.wait_for(self._stop.wait(), seconds)
            except TimeoutError:
                continue

    async def evaluate(self) -> None:
        now = time.time()
        self._samples.add((await asyncio.to_thread(exposition)).decode(), now)
        self._samples.put(_DATABASE, {}, float(await self._database_answers()), now)
        if self._problems is None:
            # Without a first look a problem that fires since before a restart would seem to have ended.
            await self.check()
        for (kind, check), value in (self._problems or {}).items():
            self._samples.put(_PROBLEM, {"id": kind, "check": check}, value, now)
        self._samples.forget(now)
        if left_out := self._samples.left_out:
            log.warning("alert_series_left_out", values=left_out)
            self._samples.left_out = 0
        moment = datetime.fromtimestamp(now, UTC)
        quiet = [each.rule for each in silences(self._settings.state_dir, moment)]
        self._evaluation.step(self._book, self._samples, quiet, moment)
        self._save()

    async def check(self) -> None:
        found = await asyncio.to_thread(lambda: list(watched(self._settings, self._ask_cluster)))
        there = {(each.id, each.check): 1.0 for each in found if not each.ok}
        # One that is gone is told as 0: what is not told at all counts for five minutes more.
        self._problems = dict.fromkeys(self._problems or {}, 0.0) | there

    async def deliver(self) -> None:
        await self._notifying.step(self._book, datetime.now(UTC))

    async def _database_answers(self) -> bool:
        try:
            async with asyncio.timeout(_DATABASE_SECONDS), self._database.app.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except Exception as error:  # noqa: BLE001 — whatever keeps it from answering is what is measured
            log.info("database_silent", cause=str(error) or type(error).__name__)
            return False
        return True

    def _ask_cluster(self) -> ClusterState:
        with Patroni(self._settings.cluster) as patroni:
            return patroni.state()

    def _save(self) -> None:
        write_book(self._settings.state_dir, self._book)


def _book(state_dir: Path) -> Book:
    try:
        return read_book(state_dir)
    except (OSError, msgspec.MsgspecError) as error:
        log.error("alerts_forgotten", cause=str(error))  # noqa: TRY400 — the cause is the whole story
        return Book()


def _terms(receiver: AlertReceiver) -> ReceiverTerms:
    return ReceiverTerms(receiver.name, frozenset(receiver.severities), receiver.alive)


def main() -> None:
    run("alert", alert)


if __name__ == "__main__":
    main()
