"""
Ingest: receivers in front, confined workers behind, one transaction per unit.

One process per node. Ends gracefully: receivers close first, what was accepted is answered, then the
workers end.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog
import uvicorn

from appliance.detection.ingestion import Ingestion
from appliance.detection.loading import RuleFile, write_rule_file
from appliance.detection.reloading import RuleFollower
from appliance.foundation import observability as metrics
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import Database
from appliance.foundation.errors import Unavailable
from appliance.foundation.heartbeat import beat
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Ingest, Settings
from appliance.jobs.checkpoint_peers import PeerCheckpoints
from appliance.jobs.drop_folder import watch_drop_folder
from appliance.jobs.own_log import OwnLog
from appliance.jobs.receivers.http import ingest_application
from appliance.jobs.receivers.listeners import Listener, Listeners, Transport
from appliance.jobs.replays import work_replays
from appliance.jobs.running import run
from appliance.jobs.spool_peers import peers_of, serve_peers
from appliance.jobs.workers import Workers
from appliance.telemetry.sources import SourceDirectory
from appliance.telemetry.spool import Spool

log = structlog.get_logger()

_WAIT_SECONDS = 2.0
_AGAIN_SECONDS = 5.0
Work = Callable[[], Coroutine[Any, Any, None]]


async def ingest(settings: Settings, stop: asyncio.Event) -> None:
    """Run the receivers until told to stop."""
    database = Database(settings)
    sealer = Sealer(settings.credential("field-key"))
    spool = Spool(settings.state_dir / "spool", settings.ingest.spool_bytes)
    foreign = Spool(settings.state_dir / "peer-spool", settings.ingest.spool_bytes)
    peers, checkpoints = peers_of(settings), PeerCheckpoints(settings.state_dir / "peer-checkpoints")
    workers = Workers(settings.ingest.workers, settings.state_dir / "rule-cache")
    follower = RuleFollower(database)
    await _first_rules(settings, follower, workers, stop)
    intake = Ingestion(
        database=database,
        sources=SourceDirectory(database, sealer),
        spool=spool,
        peer=peers,
        foreign=foreign,
        prepare=workers.prepare,
        clock=SystemClock(),
        settings=settings.ingest,
    )
    own_log = OwnLog(settings, intake)
    background = _started(
        intake.replay,
        lambda: _follow_rules(settings, follower, workers),
        lambda: work_replays(database, intake, sealer, settings.node),
        own_log.follow,
        lambda: watch_drop_folder(settings, intake),
        lambda: serve_peers(settings, intake.keep_for_peer, intake.forget_for_peer, checkpoints.keep, stop),
    )
    listeners = Listeners(intake, _listeners(settings.ingest))
    listening = await _start(listeners)
    background += _started(
        lambda: beat(
            database,
            settings.node,
            "ingest",
            lambda: _detail(spool, workers, listeners) | {"own_log": own_log.reads},
        )
    )
    if listening and listeners.ports:  # of no listeners, all would have ended at once
        broken = asyncio.create_task(listeners.watch())
        # A listener that died silently would swallow its messages.
        broken.add_done_callback(lambda _: stop.set())
    await _serve(settings, intake, stop)
    await listeners.stop()
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    await intake.drain()
    await workers.close()
    if peers is not None:
        await peers.close()
    await database.close()


async def _start(listeners: Listeners) -> bool:
    """A taken port must not take HTTP and this machine's own log down with it."""
    try:
        await listeners.start()
    except OSError as error:
        log.error("listeners_not_started", cause=str(error), remedy="free the port, or change it in [ingest]")  # noqa: TRY400 — the cause is the whole story
        return False
    return True


def _listeners(settings: Ingest) -> list[Listener]:
    host = None if settings.host in ("", "::") else settings.host
    wanted = (
        ("syslog-udp", Transport.UDP, settings.syslog_udp_port),
        ("syslog-tcp", Transport.TCP, settings.syslog_tcp_port),
        ("syslog-tls", Transport.TLS, settings.syslog_tls_port),
        ("relp", Transport.RELP, settings.relp_port),
        ("relp-tls", Transport.RELP_TLS, settings.relp_tls_port),
    )
    return [
        Listener(name, transport, port, host, settings.tls_certificate, settings.tls_key)
        for name, transport, port in wanted
        if port
    ]


def _started(*work: Work) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(kept_going(one)) for one in work]


async def kept_going(work: Work, pause_seconds: float = _AGAIN_SECONDS) -> None:
    """A background task that fails says so and is begun again; else the process would quietly do less."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("background_task_failed", task=getattr(work, "__qualname__", ""))
            await asyncio.sleep(pause_seconds)
        else:
            return


async def _serve(settings: Settings, intake: Ingestion, stop: asyncio.Event) -> None:
    if not settings.ingest.http_port:
        await stop.wait()
        return
    try:
        listening = http_socket(settings.ingest.host, settings.ingest.http_port)
    except OSError as error:
        log.error("http_not_started", cause=str(error), remedy="free the port, or change it in [ingest]")  # noqa: TRY400 — the cause is the whole story
        raise
    config = uvicorn.Config(
        ingest_application(intake, batches=intake),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=30,
        http="httptools",
        lifespan="off",
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # `running` owns them
    serving = asyncio.create_task(server._serve([listening]))  # noqa: SLF001 — `serve` would take the signals
    log.info("ingest_listening", port=settings.ingest.http_port)
    await stop.wait()
    server.should_exit = True
    await serving


def http_socket(host: str, port: int) -> socket.socket:
    """
    Listens on one address, or on all of both families for "::", where uvicorn would leave IPv4 out.

    Raises:
        OSError: The port is taken, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host or not host else socket.AF_INET
    is_everywhere = host in ("", "::")
    return socket.create_server(
        ("::" if is_everywhere else host, port), family=family, backlog=2048, dualstack_ipv6=is_everywhere
    )


async def _first_rules(
    settings: Settings, follower: RuleFollower, workers: Workers, stop: asyncio.Event
) -> None:
    while not stop.is_set():
        try:
            await workers.exchange(_written(settings, await follower.current()))
        except Unavailable as error:
            log.warning("waiting_for_rules", cause=str(error))
            await asyncio.sleep(_WAIT_SECONDS)
        else:
            return


async def _follow_rules(settings: Settings, follower: RuleFollower, workers: Workers) -> None:
    async for rules in follower.changes():
        try:
            await workers.exchange(_written(settings, rules))
        except Unavailable:
            log.exception("rule_set_not_exchanged", remedy="the previous set goes on; import the rules again")


def _written(settings: Settings, rules: RuleFile) -> Path:
    sealed = RuleFile(
        sources=rules.sources,
        expand=rules.expand,
        cache_key=settings.credential("cache-key"),
        routes=rules.routes,
    )
    path = settings.state_dir / "rules.msgpack"
    write_rule_file(path, sealed)
    return path


def _detail(spool: Spool, workers: Workers, listeners: Listeners) -> dict[str, Any]:
    counters = listeners.counters()
    lost = {name: each.lost_in_kernel + each.lost_here for name, each in counters.items()}
    metrics.DATAGRAMS_LOST.set(sum(lost.values()))
    return {
        "spool_bytes": spool.size_bytes,
        "spool_damaged": spool.damaged,
        "rule_set": workers.rule_set,
        "lost_datagrams": lost,
    }


def main() -> None:
    run("ingest", ingest)


if __name__ == "__main__":
    main()
