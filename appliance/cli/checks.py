"""Checks of a node that need neither API nor database. Each finding names cause, impact and command."""

import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from appliance.cli.failures import CommandFailure
from appliance.cli.session import Session
from appliance.cluster.members import problems
from appliance.foundation.errors import Invalid, Unavailable
from appliance.foundation.settings import Settings
from appliance.integrations.patroni.client import Patroni

CREDENTIALS = ("database-app", "database-platform", "scope-key", "field-key", "web-key", "cache-key")
_LESS_SPARE = "fewer nodes, or none, may be lost before writing stops"
_ALMOST_FULL_PERCENT = 95
_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at. `cause` says what was found; the others are empty where all is well."""

    check: str
    ok: bool
    cause: str
    impact: str = ""
    command: str = ""


def run_checks(session: Session) -> list[Finding]:
    """All checks; without readable settings there is nothing else to look at."""
    try:
        settings = session.settings
    except CommandFailure as failure:
        impact = "no process of the appliance can start"
        return [
            Finding("settings", False, str(failure), impact, failure.next_step or "correct the file it names")
        ]
    checks = [Finding("settings", True, f"state in {settings.state_dir}")]
    for check in (credentials, spool, disk, ports, cluster):
        checks += check(settings)
    return checks


def credentials(settings: Settings) -> Iterator[Finding]:
    """Each is there, not empty, and nobody else can read it."""
    for name in CREDENTIALS:
        path = settings.credentials_dir / name
        yield _credential(name, path)


def _credential(name: str, path: Path) -> Finding:
    check = f"credential {name}"
    try:
        found = path.stat()
    except OSError as error:
        impact = "the processes that need it do not start"
        return Finding(check, False, f"{path}: {error.strerror}", impact, "restore it from its backup")
    if not found.st_size:
        return Finding(
            check,
            False,
            f"{path} is empty",
            "the processes that need it do not start",
            "restore it from its backup",
        )
    if found.st_mode & _OPEN_TO_OTHERS:
        mode = stat.filemode(found.st_mode)
        return Finding(
            check,
            False,
            f"{path} is {mode}",
            "other accounts of this machine can read the secret",
            f"chmod 600 {path}",
        )
    return Finding(check, True, "present, private")


def spool(settings: Settings) -> Iterator[Finding]:
    """No record of it is damaged, and it is not about to overflow."""
    folder = settings.state_dir / "spool"
    damaged = len(list(folder.glob("*.damaged")))
    if damaged:
        yield Finding(
            "spool",
            False,
            f"{damaged} damaged records in {folder}",
            "events that were acknowledged could not be stored",
            f"ls -l {folder}/*.damaged   # then have their senders send again",
        )
    waiting = sum(path.stat().st_size for path in folder.glob("*.spool"))
    percent = 100 * waiting // max(settings.ingest.spool_bytes, 1)
    if waiting:
        yield Finding(
            "spool",
            percent < _ALMOST_FULL_PERCENT,
            f"{waiting:,} bytes wait, {percent} % of what it may hold",
            "the database does not take them; when it is full, senders are refused",
            "xdr status",
        )
    elif not damaged:
        yield Finding("spool", True, "empty")


def disk(settings: Settings) -> Iterator[Finding]:
    """The share that retention aims at is kept, and the disk is not full."""
    try:
        usage = shutil.disk_usage(settings.state_dir)
    except OSError as error:
        yield Finding(
            "disk",
            False,
            f"{settings.state_dir}: {error.strerror}",
            "nothing can be stored",
            f"mkdir -p {settings.state_dir}",
        )
        return
    percent = round(100 * (usage.total - usage.free) / usage.total)
    share = settings.retention.disk_share_percent
    cause = f"{percent} % used, {usage.free / 1024**3:.1f} GiB free; retention aims at {share} %"
    if percent >= _ALMOST_FULL_PERCENT:
        yield Finding(
            "disk",
            False,
            cause,
            "ingest is about to refuse events",
            f"du -xh -d2 {settings.state_dir} | sort -h",
        )
    elif percent > share:
        yield Finding(
            "disk",
            False,
            cause,
            "history is shorter than its days say: the oldest day goes first",
            f"du -xh -d2 {settings.state_dir} | sort -h",
        )
    else:
        yield Finding("disk", True, cause)


def ports(settings: Settings) -> Iterator[Finding]:
    """While it runs, it listens; while it does not, nobody else does."""
    runs = bool(settings.web.admin_socket) and _answers_unix(settings.web.admin_socket)
    yield Finding(
        "web process",
        runs,
        "its socket answers" if runs else f"{settings.web.admin_socket or 'no socket'} is silent",
        "" if runs else "no console, no API",
        "" if runs else "systemctl status xdr-web, or `xdr dev run`",
    )
    wanted = [
        ("console and API", settings.web.host, settings.web.port),
        ("ingest over HTTP", settings.ingest.host, settings.ingest.http_port),
        ("syslog over TCP", settings.ingest.host, settings.ingest.syslog_tcp_port),
        ("syslog over TLS", settings.ingest.host, settings.ingest.syslog_tls_port),
        ("RELP", settings.ingest.host, settings.ingest.relp_port),
    ]
    for name, host, port in wanted:
        if port:
            yield _port(name, host, port, runs=runs)


def cluster(settings: Settings) -> Iterator[Finding]:
    """One leads, the others follow, etcd has its majority, Patroni may act; nothing on a single node."""
    if not settings.cluster.nodes:
        return
    try:
        with Patroni(settings.cluster) as patroni:
            state = patroni.state()
    except (Invalid, Unavailable) as error:
        impact = "nobody can say who leads, and nothing may be writable"
        yield Finding("cluster", False, str(error), impact, "systemctl status xdr-patroni etcd")
        return
    found = problems(state)
    for problem in found:
        yield Finding("cluster", False, problem, _LESS_SPARE, "xdr cluster status; journalctl -u xdr-patroni")
    if not found and state.leader:
        yield Finding("cluster", True, f"{state.leader.name} leads; {state.spare} nodes may be lost")


def _port(name: str, host: str, port: int, *, runs: bool) -> Finding:
    taken = _answers(host, port)
    if taken == runs:
        return Finding(f"port {port}", True, f"{name}: {'listening' if taken else 'free'}")
    look = f"ss -ltnp 'sport = :{port}'"
    if taken:
        return Finding(
            f"port {port}",
            False,
            f"another program listens where {name} should",
            "the process cannot start",
            look,
        )
    return Finding(
        f"port {port}",
        False,
        f"nothing listens for {name}",
        "what is sent there is lost or waits at its sender",
        f"{look}; systemctl status 'xdr-*'",
    )


def _answers(host: str, port: int) -> bool:
    address = {"::": "::1", "0.0.0.0": "127.0.0.1"}.get(host, host)  # noqa: S104 — asked, not bound
    try:
        with socket.create_connection((address, port), timeout=2):
            return True
    except OSError:
        return False


def _answers_unix(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(2)
        try:
            asking.connect(path)
        except OSError:
            return False
        return True
