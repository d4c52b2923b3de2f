"""While the appliance runs, it listens; while it does not, nobody else does."""

import socket
from collections.abc import Iterator

from appliance.foundation.settings import Settings
from appliance.support.checks.finding import Finding, Kind, good, wrong

_SECONDS = 2


def listening(settings: Settings) -> Iterator[Finding]:
    runs = bool(settings.web.admin_socket) and _answers_unix(settings.web.admin_socket)
    if runs:
        yield good("web process", "its socket answers")
    else:
        yield wrong(
            Kind.WEB_SILENT,
            "web process",
            f"{settings.web.admin_socket or 'no socket'} is silent",
            impact="no console, no API",
            command="systemctl status xdr-web, or `xdr dev run`",
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


def _port(name: str, host: str, port: int, *, runs: bool) -> Finding:
    taken = _answers(host, port)
    check = f"port {port}"
    if taken == runs:
        return good(check, f"{name}: {'listening' if taken else 'free'}")
    look = f"ss -ltnp 'sport = :{port}'"
    if taken:
        return wrong(
            Kind.PORT_TAKEN,
            check,
            f"another program listens where {name} should",
            impact="the process cannot start",
            command=look,
        )
    return wrong(
        Kind.PORT_SILENT,
        check,
        f"nothing listens for {name}",
        impact="what is sent there is lost or waits at its sender",
        command=f"{look}; systemctl status 'xdr-*'",
    )


def _answers(host: str, port: int) -> bool:
    address = {"::": "::1", "0.0.0.0": "127.0.0.1"}.get(host, host)  # noqa: S104 — asked, not bound
    try:
        with socket.create_connection((address, port), timeout=_SECONDS):
            return True
    except OSError:
        return False


def _answers_unix(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(_SECONDS)
        try:
            asking.connect(path)
        except OSError:
            return False
        return True
