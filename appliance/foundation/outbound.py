"""
The one way out: HTTP to targets an administrator configured, and to nothing a target leads to.

Server-side request forgery is stopped where it happens: the name is resolved once, every address it has is
judged, and the connection goes to the judged address (with the name for TLS and Host), so that a name
which changes its mind between check and use gains nothing. Redirects are not followed. Proxies of the
environment are not used. An on-premises target is usually private, so networks are allowed one by one;
loopback only by a loopback network, link-local (cloud metadata) and unspecified addresses never.

Source: OWASP SSRF Prevention; RFC 6890 (special addresses), RFC 6598 (CGNAT), RFC 6052 (NAT64).
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any

import httpcore
import httpx

from appliance.foundation.errors import Invalid, NotPermitted, Unavailable
from appliance.foundation.settings import Outbound as Settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Coroutine[Any, Any, list[str]]]

_NAT64 = ip_network("64:ff9b::/96")
_SHARED = ip_network("100.64.0.0/10")
_RESERVED = ip_network("240.0.0.0/4")
_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
_MOST_BYTES = 16 * 1_048_576


class TargetRefused(NotPermitted):
    """The target's address may not be spoken to."""

    code = "target_refused"


class Outbound:
    """
    Args:
        allowed: Networks in CIDR notation that may be reached although they are private.
        ports: TCP ports that may be spoken to.
        resolve: How names become addresses; tests answer for the resolver.
        ca_file: The site's authority; "" for the system's list.
        ca_certificates: PEM of authorities to trust instead.
        most_bytes: The longest answer that is read.
    """

    def __init__(
        self,
        *,
        allowed: Iterable[str] = (),
        ports: Iterable[int] = (443,),
        resolve: Resolve | None = None,
        ca_file: str = "",
        ca_certificates: str = "",
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self._allowed = tuple(ip_network(network) for network in allowed)
        self._most_bytes = most_bytes
        self._ports, self._resolve = frozenset(ports), resolve or _resolved
        context = ssl.create_default_context(
            cafile=None if ca_certificates else ca_file or None, cadata=ca_certificates or None
        )
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._client = httpx.AsyncClient(
            transport=_transport(_Judging(self), context),
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=False,
        )

    @classmethod
    def of(cls, settings: Settings, **more: Any) -> "Outbound":
        """As the site's settings say."""
        return cls(allowed=settings.networks, ports=settings.ports, ca_file=settings.ca_file, **more)

    async def request(self, method: str, url: str, **request: Any) -> httpx.Response:
        """
        The answer, whatever its status; at most `most_bytes` of it.

        Raises:
            Invalid: Not https (http on this machine itself, where nobody listens in between), or no host.
            TargetRefused: An address or port that may not be spoken to; names it.
            Unavailable: Nobody answers.
        """
        parts = httpx.URL(url)
        if not parts.host or (parts.scheme != "https" and not _stays_here(parts)):
            raise Invalid(f"{url} is no https address")
        try:
            async with self._client.stream(method, parts, **request) as answer:
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > self._most_bytes:
                        raise Unavailable(f"{parts.host} sends more than {self._most_bytes} bytes")
                return httpx.Response(answer.status_code, headers=_plain(answer), content=bytes(body))
        except httpx.TransportError as error:
            raise Unavailable(f"{parts.host} does not answer: {error}") from error

    async def judged(self, host: str, port: int) -> list[str]:
        """
        The addresses of a name, all of which may be spoken to.

        One that may not refuses the whole name: whoever controls it decides which is used.
        """
        if port not in self._ports:
            raise TargetRefused(f"port {port} of {host} is not named in the settings ([outbound] ports)")
        try:
            found = await self._resolve(host, port)
        except OSError as error:
            raise Unavailable(f"the name {host} cannot be resolved: {error}") from error
        for text in found:
            if reason := self.objection(ip_address(text)):
                raise TargetRefused(f"{host} is at {text}, which {reason}")
        return found

    def objection(self, address: Address) -> str:
        """Why an address may not be spoken to; "" if it may."""
        bare = _unwrapped(address)
        if bare.is_unspecified or (bare.is_loopback and not self._names_loopback(bare)):
            return "is this host itself"
        if bare.is_link_local or bare.is_multicast:
            return "is link-local or multicast and never allowed"
        if bare in _RESERVED:
            return "is reserved"
        is_private = bare.is_private or bare in _SHARED or not bare.is_global
        if is_private and not any(bare in network for network in self._allowed):
            return "is private; name its network in the settings first ([outbound] networks)"
        return ""

    def _names_loopback(self, address: Address) -> bool:
        return any(network.is_loopback and address in network for network in self._allowed)

    async def close(self) -> None:
        await self._client.aclose()


class _Judging(httpcore.AsyncNetworkBackend):
    """Connects to judged addresses only; TLS still sees the name."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound, self._inner = outbound, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 — the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        last: Exception | None = None
        for address in await self._outbound.judged(host, port):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last or httpcore.ConnectError(f"{host} has no address")

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("no way out leads through a socket file")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


def _transport(backend: httpcore.AsyncNetworkBackend, context: Any) -> httpx.AsyncHTTPTransport:
    transport = httpx.AsyncHTTPTransport(verify=context, trust_env=False, retries=0)
    # httpx has no argument for the network backend of the pool it makes.
    transport._pool = httpcore.AsyncConnectionPool(ssl_context=context, network_backend=backend, http1=True)  # noqa: SLF001 — see above
    return transport


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one: mapped, NAT64, 6to4 or Teredo."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        return address.sixtofour
    return address


def _stays_here(url: httpx.URL) -> bool:
    try:
        return url.scheme == "http" and (url.host == "localhost" or ip_address(url.host).is_loopback)
    except ValueError:
        return False


def _plain(answer: httpx.Response) -> dict[str, str]:
    # The body was decoded and is whole.
    gone = {"content-encoding", "content-length", "transfer-encoding"}
    return {name: value for name, value in answer.headers.items() if name.lower() not in gone}


async def _resolved(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]
