"""Ports that the product listens on are free on a machine that is not installed yet."""

import errno
import socket

from installer.checks.finding import Context, Finding, ok, wrong

_NAME = "ports"
NEEDED = (443, 2379, 2380, 2514, 5000, 5432, 5514, 6432, 6514, 8008, 8087, 8088, 8090, 8443)


def taken(ports: tuple[int, ...]) -> list[int]:
    """Those that something listens on, on any address."""
    return [port for port in ports if not _is_free(port)]


def judge(busy: list[int]) -> Finding:
    if not busy:
        return ok(_NAME, "all free")
    return wrong(
        _NAME,
        f"something listens on {', '.join(map(str, busy))}",
        impact="services of the product cannot start",
        command=f"ss -lntp 'sport = :{busy[0]}'; stop and remove that program: the node belongs to the product alone",
    )


def check(context: Context) -> Finding:
    if context.is_begun:
        return ok(_NAME, "left out: installing was begun here, and they are the product's own by now")
    return judge(taken(NEEDED))


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("::", port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True
