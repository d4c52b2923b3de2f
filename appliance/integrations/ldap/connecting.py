"""
Connections to a directory: encrypted, verified, bounded, and to the named servers only.

Invariants: no byte of a bind leaves before TLS was verified; no referral is followed; every wait and every
answer has a bound; a refused service account is not tried at the next server, which would lock it.
"""

import contextlib
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from appliance.identity.federation_schemas import LdapConfig
from appliance.integrations.ldap.explaining import explained
from appliance.integrations.ldap.library import LDAPException, StrictTls, ldap3

_PORTS = {"ldaps": 636, "ldap": 389}
INVALID_CREDENTIALS = 49


class DirectoryFailure(Exception):
    """No server answered as it must; says which, and why."""


class BindRefused(Exception):
    """The directory said no to a name and a password; carries its reason in words."""


class Address(msgspec.Struct, frozen=True):
    """One server. `starts_tls`: plain at first, and TLS before anything else is said."""

    host: str
    port: int
    starts_tls: bool

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def address_of(url: str) -> Address:
    """
    What a server's URL says.

    Raises:
        ValueError: It is no `ldaps://name` or `ldap://name`.
    """
    parts = urlsplit(url)
    is_bare = not (parts.path.strip("/") or parts.query or parts.username or parts.password)
    if parts.scheme not in _PORTS or not parts.hostname or not is_bare:
        raise ValueError(f"{url!r} is no server; write ldaps://NAME:636 or ldap://NAME:389 (StartTLS)")
    return Address(parts.hostname, parts.port or _PORTS[parts.scheme], parts.scheme == "ldap")


@contextlib.contextmanager
def service(config: LdapConfig, secret: str) -> Iterator[tuple[Any, Address]]:
    """
    A connection of the service account to the first server that answers.

    Raises:
        DirectoryFailure: None does, or the service account is refused.
    """
    connection, address = _first(config, secret)
    try:
        yield connection, address
    except (LDAPException, OSError) as error:
        raise DirectoryFailure(f"{address}: {reason(error)}") from error
    finally:
        close(connection)


def check_password(config: LdapConfig, address: Address, dn: str, password: str) -> None:
    """
    Bind as a person, on a connection of its own.

    Raises:
        BindRefused: The password is wrong, or the account may not sign in.
        DirectoryFailure: The server went away meanwhile.
    """
    # An empty password is an anonymous bind, which succeeds (RFC 4513 5.1.2).
    if not password:
        raise BindRefused("the password is empty")
    if "\x00" in password:
        raise BindRefused("the password holds a NUL, behind which a directory might not read on")
    try:
        bound = bind(config, address, dn, password)
    except (LDAPException, OSError) as error:
        raise DirectoryFailure(f"{address}: {reason(error)}") from error
    close(bound)


def bind(config: LdapConfig, address: Address, dn: str, password: str) -> Any:
    """
    An encrypted connection on which this bind succeeded.

    Raises:
        BindRefused: It did not.
        LDAPException, OSError: The server cannot be reached or is not who it should be.
    """
    connection = opened(config, address, dn, password)
    try:
        is_bound = connection.bind()
    except BaseException:
        close(connection)
        raise
    if not is_bound:
        refused = explained(connection.result)
        close(connection)
        raise BindRefused(refused)
    return connection


def opened(config: LdapConfig, address: Address, dn: str, password: str) -> Any:
    """A connection with TLS verified and nothing said yet."""
    server = ldap3.Server(
        address.host, port=address.port, use_ssl=not address.starts_tls, get_info=ldap3.NONE,
        tls=StrictTls(config.ca_certificates), connect_timeout=config.timeout_seconds,
        allowed_referral_hosts=[],
    )  # fmt: skip
    connection = ldap3.Connection(
        server, user=dn, password=password, authentication=ldap3.SIMPLE, client_strategy=ldap3.SYNC,
        auto_bind=ldap3.AUTO_BIND_NONE, auto_referrals=False, read_only=True, raise_exceptions=False,
        receive_timeout=config.timeout_seconds,
    )  # fmt: skip
    try:
        connection.open(read_server_info=False)
        is_safe = not address.starts_tls or connection.start_tls(read_server_info=False)
    except BaseException:
        close(connection)
        raise
    if not is_safe:
        close(connection)
        raise LDAPException("StartTLS was refused")
    return connection


def close(connection: Any) -> None:
    with contextlib.suppress(LDAPException, OSError):
        connection.unbind()


def reason(error: Exception) -> str:
    """In words what went wrong on the way to a server."""
    said = str(error)
    if isinstance(error.__context__, ssl.SSLError) and "CERTIFICATE" not in said:
        said = f"{said}: {error.__context__}"
    return said.replace("\n", " ")[:400]


def _first(config: LdapConfig, secret: str) -> tuple[Any, Address]:
    failures = []
    for url in config.servers:
        address = address_of(url)
        try:
            return bind(config, address, config.bind_dn, secret), address
        except BindRefused as error:
            raise DirectoryFailure(f"{address}: the service account was refused: {error}") from error
        except (LDAPException, OSError) as error:
            failures.append(f"{address}: {reason(error)}")
    raise DirectoryFailure("; ".join(failures))
