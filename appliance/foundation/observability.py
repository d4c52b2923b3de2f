"""Structured logs and metrics, set up once per process."""

import logging
import os
import sys
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

REGISTRY = CollectorRegistry(auto_describe=True)

EVENTS_STORED = Counter("xdr_events_stored", "Events committed.", registry=REGISTRY)
EVENTS_MATCHED = Counter(
    "xdr_events_matched", "Events matched against the rule set.", ["rule_set"], registry=REGISTRY
)
EVENTS_QUARANTINED = Counter("xdr_events_quarantined", "Pieces that were no event.", registry=REGISTRY)
EVENTS_DUPLICATE = Counter(
    "xdr_events_duplicate", "Events that were resent and left alone.", registry=REGISTRY
)
FINDINGS = Counter("xdr_findings", "Rule matches committed.", ["level"], registry=REGISTRY)
INCIDENTS = Counter("xdr_incidents", "Incidents opened.", registry=REGISTRY)
CACHE_HITS = Counter("xdr_cache_hits", "Answers that Valkey remembered.", registry=REGISTRY)
CACHE_MISSES = Counter("xdr_cache_misses", "Answers that had to be made.", registry=REGISTRY)
BATCH_SECONDS = Histogram("xdr_batch_seconds", "Receipt of a batch to its commit.", registry=REGISTRY)
QUEUE_BYTES = Gauge(
    "xdr_ingest_queue_bytes",
    "Bytes accepted and not yet answered.",
    registry=REGISTRY,
    multiprocess_mode="livemostrecent",
)
SPOOL_BYTES = Gauge(
    "xdr_ingest_spool_bytes", "Bytes in the spool.", registry=REGISTRY, multiprocess_mode="livemostrecent"
)
SPOOL_COPIES = Counter(
    "xdr_spool_copies",
    "Spooled records for which another node was asked to keep a copy; outcome kept or none.",
    ["outcome"],
    registry=REGISTRY,
)
SPOOL_COPY_SECONDS = Histogram(
    "xdr_spool_copy_seconds", "Time until another node had fsynced a copy.", registry=REGISTRY
)
DATAGRAMS_LOST = Gauge(
    "xdr_syslog_datagrams_lost",
    "UDP datagrams the kernel dropped.",
    registry=REGISTRY,
    multiprocess_mode="livemostrecent",
)
HTTP_SECONDS = Histogram(
    "http_request_duration_seconds", "Time to answer.", ["method", "route", "status"], registry=REGISTRY
)
DETECTION_LAG = Gauge(
    "xdr_detection_lag_seconds",
    "Age of the oldest finding not yet correlated.",
    registry=REGISTRY,
    multiprocess_mode="livemostrecent",
)
PROCESS_STARTS = Counter("xdr_process_starts", "Starts of each process.", ["process"], registry=REGISTRY)

AUDIT_SEAL_LAG = Gauge(
    "audit_seal_lag_seconds",
    "Age of the oldest audit entry that is not in the chain yet.",
    registry=REGISTRY,
    multiprocess_mode="livemostrecent",
)

TRIPWIRE = Gauge(
    "xdr_tripwire_tripped",
    "1 once a leader was found to lack acknowledged commits.",
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
POOL_USED = Gauge(
    "xdr_database_pool_used_ratio",
    "Share of the most connections a process may have that is taken.",
    ["role"],
    registry=REGISTRY,
    multiprocess_mode="livemax",
)


def exposition() -> bytes:
    """
    All metrics of this node as Prometheus text.

    Processes share their values through the files that PROMETHEUS_MULTIPROC_DIR names, set where they are
    started; without it a process can only tell its own.
    """
    registry = CollectorRegistry()
    _forget_the_dead()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    except ValueError:
        registry = REGISTRY
    return generate_latest(registry)


def _forget_the_dead() -> None:
    """What a process that is gone said last of its present state is true no longer; what it counted is."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    for path in Path(folder).glob("gauge_live*_*.db") if folder else ():
        pid = path.stem.rpartition("_")[2]
        if pid.isdigit() and not _lives(int(pid)):
            mark_process_dead(int(pid))  # type: ignore[no-untyped-call]  # the library leaves it untyped


def _lives(pid: int) -> bool:
    """Asked by a signal that is none: /proc hides the processes of other accounts from a confined one."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def configure_logging(*, json: bool, level: int = logging.INFO) -> None:
    """
    Log lines as JSON (or for a person at a terminal), to standard error.

    Control characters cannot forge a line: the JSON renderer escapes them, the console renderer shows
    values by repr.
    """
    renderer = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(repr_native_str=True)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
