"""The test of a directory, step by step: each failure with what to do about it."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

from appliance.identity.federation_mapping import trimmed_group
from appliance.identity.federation_schemas import LdapConfig, Step
from appliance.integrations.ldap.connecting import (
    Address,
    BindRefused,
    address_of,
    bind,
    close,
    opened,
    reason,
)
from appliance.integrations.ldap.library import LDAPException, ldap3
from appliance.integrations.ldap.searching import search

_HORIZON = timedelta(days=30)
_CLOCK_SKEW = timedelta(minutes=5)  # what Kerberos tolerates; certificates and tokens suffer sooner


def probe(config: LdapConfig, secret: str) -> list[Step]:
    """Every server in turn; what only needs one is asked of the first that lets us in."""
    steps: list[Step] = []
    connection: Any = None
    for url in config.servers:
        steps += _reach(config, address_of(url))
        if steps[-1].state != "failed" and connection is None:
            connection = _bind(config, address_of(url), secret, steps)
    if connection is None:
        return [*steps, *(Step(name=name, state="not_run") for name in ("search base", "groups", "clock"))]
    try:
        return [*steps, *_look(connection, config)]
    finally:
        close(connection)


def _reach(config: LdapConfig, address: Address) -> list[Step]:
    steps = [_resolve(address)]
    if steps[-1].state == "ok":
        steps.append(_connect(config, address))
    if steps[-1].state == "ok":
        steps.append(_certificate(config, address))
    return steps


def _resolve(address: Address) -> Step:
    name = f"resolve {address.host}"
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(address.host, address.port)}
    except OSError as error:
        return Step(name=name, state="failed", said=str(error), next="check the name, and this node's DNS")
    return Step(name=name, state="ok", said=", ".join(sorted(map(str, found))))


def _connect(config: LdapConfig, address: Address) -> Step:
    name = f"connect {address}"
    try:
        socket.create_connection((address.host, address.port), config.timeout_seconds).close()
    except OSError as error:
        return Step(
            name=name, state="failed", said=str(error), next="check the port, and firewalls on the way"
        )
    return Step(name=name, state="ok")


def _certificate(config: LdapConfig, address: Address) -> Step:
    name = f"TLS {address}"
    try:
        connection = opened(config, address, "", "")
    except (LDAPException, OSError, ssl.SSLError) as error:
        return Step(name=name, state="failed", said=reason(error), next=_certificate_advice(str(error)))
    try:
        seconds = ssl.cert_time_to_seconds(connection.socket.getpeercert()["notAfter"])
    finally:
        close(connection)
    until = datetime.fromtimestamp(seconds, UTC)
    said = f"the certificate is good until {until:%Y-%m-%d}"
    if until - datetime.now(UTC) < _HORIZON:
        return Step(name=name, state="warning", said=said, next="renew the server's certificate")
    return Step(name=name, state="ok", said=said)


def _certificate_advice(said: str) -> str:
    if "self-signed" in said or "self signed" in said or "unable to get local issuer" in said:
        return "add the authority that signed the server's certificate; never the certificate of a stranger"
    if "match" in said or "IP address mismatch" in said:
        return "name the server as its certificate does"
    if "expired" in said:
        return "renew the server's certificate, and check the clocks"
    return "check that the port speaks TLS (ldaps://) or offers StartTLS (ldap://)"


def _bind(config: LdapConfig, address: Address, secret: str, steps: list[Step]) -> Any:
    name = f"bind as {config.bind_dn}"
    try:
        bound = bind(config, address, config.bind_dn, secret)
    except BindRefused as error:
        advice = "check the service account's name and password"
        steps.append(Step(name=name, state="failed", said=str(error), next=advice))
        return None
    except (LDAPException, OSError) as error:
        steps.append(Step(name=name, state="failed", said=reason(error), next="look into the server's log"))
        return None
    steps.append(Step(name=name, state="ok"))
    return bound


def _look(connection: Any, config: LdapConfig) -> list[Step]:
    return [_base(connection, config), _groups(connection, config), _clock(connection)]


def _base(connection: Any, config: LdapConfig) -> Step:
    try:
        found = search(connection, config.base_dn, "(objectClass=person)", ["cn"], most=10)
    except LDAPException as error:
        return Step(name="search base", state="failed", said=str(error), next="check the base DN")
    if not found:
        advice = "check the base DN, and that the service account may read below it"
        return Step(name="search base", state="failed", said="nobody is found below it", next=advice)
    return Step(name="search base", state="ok", said=f"people are found below {config.base_dn}")


def _groups(connection: Any, config: LdapConfig) -> Step:
    if not config.group_roles:
        advice = "map at least one group to a role: without a match nobody gets in"
        return Step(name="groups", state="failed", said="no group is mapped", next=advice)
    missing = [line.group for line in config.group_roles if not _exists(connection, line.group)]
    if missing:
        advice = "write the group's whole distinguished name"
        return Step(name="groups", state="failed", said=f"not found: {'; '.join(missing)[:400]}", next=advice)
    return Step(name="groups", state="ok", said=f"all {len(config.group_roles)} mapped groups are there")


def _exists(connection: Any, dn: str) -> bool:
    try:
        return bool(
            search(connection, trimmed_group(dn), "(objectClass=*)", ["cn"], most=1, scope=ldap3.BASE)
        )
    except LDAPException:
        return False


def _clock(connection: Any) -> Step:
    root = search(connection, "", "(objectClass=*)", ["currentTime"], most=1, scope=ldap3.BASE)
    raw = root[0]["raw_attributes"].get("currentTime") if root else None
    if not raw:
        return Step(name="clock", state="not_run", said="this directory does not tell its time")
    there = datetime.strptime(raw[0].decode()[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    skew = abs(datetime.now(UTC) - there)
    said = f"{int(skew.total_seconds())} s apart"
    if skew > _CLOCK_SKEW:
        return Step(name="clock", state="failed", said=said, next="synchronise both clocks (NTP)")
    return Step(name="clock", state="ok", said=said)
