"""
Syslog over UDP (RFC 5426): the sender learns nothing, so what is lost is counted where it can be.

Lost in the kernel (its buffer was full) and lost here (the batcher was full) are counted apart; what the
network lost nobody can count.
"""

import asyncio
import socket
from pathlib import Path

from appliance.jobs.receivers.batching import Batcher, Message

_RECEIVE_BUFFER_BYTES = 16 * 1_048_576
_LONGEST_DATAGRAM = 65_536
# Reading many at a time keeps the kernel's buffer empty while the loop is busy with batches.
_MOST_AT_ONCE = 512
_KERNEL_TABLES = (Path("/proc/net/udp"), Path("/proc/net/udp6"))


class SyslogDatagrams:
    """One UDP port, IPv6 and IPv4 at once where the host has both."""

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher
        self._sockets: list[socket.socket] = []
        self.received_datagrams = 0
        self.dropped_here = 0

    async def start(self, host: str | None, port: int) -> int:
        """Binds every address of `host` (None: all); the port in use."""
        loop = asyncio.get_running_loop()
        for family, address in await _addresses(host, port):
            bound = _bind(family, (address, port))
            port = bound.getsockname()[1]
            self._sockets.append(bound)
            loop.add_reader(bound.fileno(), self._read, bound)
        return port

    async def stop(self) -> None:
        """Reads what the kernel still holds, then closes."""
        loop = asyncio.get_running_loop()
        for bound in self._sockets:
            loop.remove_reader(bound.fileno())
            while self._read(bound):
                pass
            bound.close()
        self._sockets.clear()

    @property
    def dropped_in_kernel(self) -> int:
        """Datagrams the kernel threw away because its buffer for these sockets was full."""
        inodes = {str(_inode(bound)) for bound in self._sockets}
        return sum(_drops(table, inodes) for table in _KERNEL_TABLES)

    def _read(self, bound: socket.socket) -> int:
        for count in range(_MOST_AT_ONCE):
            try:
                data, address = bound.recvfrom(_LONGEST_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return count
            except OSError:
                # An ICMP error of an earlier answer can surface here; the socket itself is well.
                continue
            self.received_datagrams += 1
            if data and not self._batcher.add_now(Message(data, _peer(address[0]))):
                self.dropped_here += 1
        return _MOST_AT_ONCE


async def _addresses(host: str | None, port: int) -> list[tuple[int, str]]:
    if host is None:
        return [(socket.AF_INET6, "::")] if socket.has_dualstack_ipv6() else [(socket.AF_INET, "0.0.0.0")]  # noqa: S104 — a listener for the whole network is what is asked for
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return [(family, str(address[0])) for family, _, _, _, address in found]


def _bind(family: int, address: tuple[str, int]) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1 if address[0] != "::" else 0)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    bound.setblocking(False)
    bound.bind(address)
    return bound


def _peer(address: str) -> str:
    return address.removeprefix("::ffff:")


def _inode(bound: socket.socket) -> int:
    return Path(f"/proc/self/fd/{bound.fileno()}").stat().st_ino


def _drops(table: Path, inodes: set[str]) -> int:
    """The drop counters of our sockets in the kernel's table; 0 where there is no such table."""
    try:
        lines = table.read_text("ascii").splitlines()[1:]
    except OSError:
        return 0
    rows = (line.split() for line in lines)
    return sum(int(row[-1]) for row in rows if len(row) > 12 and row[9] in inodes)  # noqa: PLR2004 — columns of the table
