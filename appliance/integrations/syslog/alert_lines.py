"""
Alerts by syslog (RFC 5424): over TLS (RFC 5425), TCP (RFC 6587, octet counting) or UDP (RFC 5426).

UDP confirms nothing, and TCP only that the other side's kernel took it: who has to be sure adds a webhook.
"""

import asyncio
import socket
import ssl

from appliance.foundation.errors import Unavailable
from appliance.foundation.settings import AlertReceiver
from appliance.integrations.alert_words import endpoint, headline
from appliance.support.alerting import Notification

_PORTS = {"tls": 6514, "tcp": 514, "udp": 514}
_SECONDS = 10.0
# Facility 3 "system daemons"; severities of RFC 5424 §6.2.1.
_FACILITY = 3 * 8
_SEVERITY = {"critical": 2, "warning": 4, "none": 6}
# 32473 is the number that RFC 5612 sets aside for what has none of its own.
_DATA_ID = "xdr@32473"


class AlertLines:
    """
    Implements `support.notifying.Receiver`.

    Raises:
        Invalid: `to` is not HOST:PORT.
    """

    def __init__(self, receiver: AlertReceiver, node: str) -> None:
        self._receiver, self._node = receiver, node
        self._host, self._port = endpoint(receiver.to, _PORTS[receiver.transport])

    async def tell(self, notification: Notification) -> None:
        """
        One message over a connection of its own.

        Raises:
            Unavailable: Nobody takes it there.
        """
        line = message(notification, self._node)
        try:
            if self._receiver.transport == "udp":
                await asyncio.to_thread(self._datagram, line)
            else:
                await asyncio.wait_for(self._stream(b"%d %b" % (len(line), line)), _SECONDS)
        except (OSError, TimeoutError) as error:
            raise Unavailable(f"syslog at {self._receiver.to} does not take it: {error!r}") from error

    async def _stream(self, framed: bytes) -> None:
        context = self._context() if self._receiver.transport == "tls" else None
        _, writer = await asyncio.open_connection(self._host, self._port, ssl=context)
        try:
            writer.write(framed)
            await writer.drain()
        finally:
            writer.close()
        await writer.wait_closed()

    def _datagram(self, line: bytes) -> None:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            self._host, self._port, type=socket.SOCK_DGRAM
        )
        with socket.socket(family, kind, protocol) as sending:
            sending.sendto(line, address)

    def _context(self) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=self._receiver.ca_file or None)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        return made


def message(told: Notification, node: str) -> bytes:
    """The whole message of RFC 5424, in UTF-8 with its mark."""
    severity = 5 if told.change == "resolved" else _SEVERITY[told.severity]
    data = told.labels | {
        "alert": told.rule, "state": told.change, "severity": told.severity, "fingerprint": told.fingerprint,
        "runbook": told.annotations.get("runbook", ""),
    }  # fmt: skip
    parameters = " ".join(f'{name}="{_escaped(value)}"' for name, value in data.items())
    at = told.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    head = f"<{_FACILITY + severity}>1 {at} {node} xdr-alert - alert [{_DATA_ID} {parameters}] "
    return head.encode() + b"\xef\xbb\xbf" + headline(told).encode()


def _escaped(value: str) -> str:
    """RFC 5424 §6.3.3; a line break would end the message for receivers that frame by it."""
    return " ".join(value.split()).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
