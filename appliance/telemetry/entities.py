"""
Who and what an event is about: the things by which findings are grouped into incidents.

Invariants:
- A value is normalised so that two sources naming the same thing give equal entities: lower case, canonical
  addresses, the first label of a Windows domain.
- What every machine has (loopback, the local system's accounts) either is no entity or is marked `weak`:
  it may be shown, but it must never join two incidents.
- Called for events with findings or on display, never in the matching path.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from appliance.telemetry.events import Event, Value

_MOST_ENTITIES = 128
_MOST_OF_A_FIELD = 16
_LONGEST = 1024


class EntityKind(StrEnum):
    HOST = "host"
    USER = "user"
    ADDRESS = "address"
    HASH = "hash"
    PROCESS = "process"
    SESSION = "session"
    DOMAIN = "domain"
    FILE = "file"
    URL = "url"


class Role(StrEnum):
    """What part the entity plays in the event."""

    SUBJECT = "subject"  # it acted, or it happened here
    SOURCE = "source"  # it came from there
    TARGET = "target"  # it went there, or was done to it
    PARENT = "parent"  # it started the subject


class Entity(NamedTuple):
    """
    One thing an event names.

    `weak` entities are true but say nothing about this event alone (SYSTEM, root, machine accounts).
    """

    kind: EntityKind
    value: str
    role: Role
    weak: bool = False


_ADDRESSES = (
    ("SourceIp", Role.SOURCE),
    ("src_ip", Role.SOURCE),
    ("IpAddress", Role.SOURCE),
    ("ClientAddress", Role.SOURCE),
    ("SourceAddress", Role.SOURCE),
    ("sourceIPAddress", Role.SOURCE),
    ("c-ip", Role.SOURCE),
    ("DestinationIp", Role.TARGET),
    ("dst_ip", Role.TARGET),
    ("DestAddress", Role.TARGET),
    ("s-ip", Role.TARGET),
)
# Field of the account, field of its domain, role.
_USERS = (
    ("User", "", Role.SUBJECT),
    ("SubjectUserName", "SubjectDomainName", Role.SUBJECT),
    ("user", "", Role.SUBJECT),
    ("username", "", Role.SUBJECT),
    ("AccountName", "AccountDomain", Role.SUBJECT),
    ("userIdentity.userName", "", Role.SUBJECT),
    ("cs-username", "", Role.SUBJECT),
    ("SourceUser", "", Role.SUBJECT),
    ("TargetUserName", "TargetDomainName", Role.TARGET),
    ("TargetUser", "", Role.TARGET),
    ("target_user", "", Role.TARGET),
    ("USER", "", Role.TARGET),
)
_HASHES = ("md5", "sha1", "sha256", "shasum", "SHA256", "SHA1", "MD5")
_PROCESSES = (
    ("ProcessGuid", Role.SUBJECT),
    ("SourceProcessGUID", Role.SUBJECT),
    ("SourceProcessGuid", Role.SUBJECT),
    ("TargetProcessGUID", Role.TARGET),
    ("TargetProcessGuid", Role.TARGET),
    ("ParentProcessGuid", Role.PARENT),
)
_LOGONS = (
    ("LogonId", Role.SUBJECT),
    ("SubjectLogonId", Role.SUBJECT),
    ("TargetLogonId", Role.TARGET),
)
_DOMAINS = (
    ("query", Role.TARGET),
    ("QueryName", Role.TARGET),
    ("server_name", Role.TARGET),
    ("cs-host", Role.TARGET),
)
_HOSTS = (
    ("DestinationHostname", Role.TARGET),
    ("SourceHostname", Role.SOURCE),
    ("WorkstationName", Role.SOURCE),
)
_FILES = ("TargetFilename",)
_URLS = ("url", "c-uri", "http.url")

_NOTHING = frozenset(("", "-", "--", "n/a", "null", "none", "(null)", "unknown", "unset", "(none)"))
_WEAK_USERS = frozenset(
    (
        "system", "local service", "network service", "anonymous logon", "localsystem", "root", "nobody",
        "lokaler dienst", "netzwerkdienst",
    )
)  # fmt: skip
_WEAK_USER = re.compile(r"(?:dwm|umfd|font driver host)-\d+\Z")
_WEAK_DOMAINS = frozenset(
    ("nt authority", "nt-autorität", "window manager", "font driver host", "nt service")
)
_HASH = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})\Z")
_EMPTY_FILE = frozenset(
    (
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    )
)
# The sessions of the machine itself: SYSTEM, LOCAL SERVICE, NETWORK SERVICE; audit's "no session".
_COMMON_LOGONS = frozenset(("0x0", "0x3e7", "0x3e4", "0x3e5", "0", "-1", "4294967295", "999", "996", "997"))
_DOMAIN = re.compile(r"(?=.{4,253}\Z)[\w-]{1,63}(?:\.[\w-]{1,63})+\Z")


def entities_of(event: Event) -> tuple[Entity, ...]:
    """The entities an event names, each once for each role, at most 128."""
    found: dict[tuple[EntityKind, str, Role], Entity] = {}
    for entity in _all(event):
        found.setdefault(entity[:3], entity)
        if len(found) >= _MOST_ENTITIES:
            break
    return tuple(found.values())


def _all(event: Event) -> Iterator[Entity]:
    fields = event.fields
    if event.host and event.host not in _NOTHING:
        yield _host_or_address(event.host, Role.SUBJECT)
    for name, role in _ADDRESSES:
        yield from _addresses(fields.get(name), role)
    yield from _users(event)
    yield from _hashes(event)
    yield from _of_host(event)
    for name, role in _HOSTS:
        for text in _texts(fields.get(name)):
            yield _host_or_address(text, role)
    for name, role in _DOMAINS:
        yield from _domains(fields.get(name), role)
    yield from _files_and_urls(event)


def _files_and_urls(event: Event) -> Iterator[Entity]:
    for name in _FILES:
        for text in _texts(event.fields.get(name)):
            yield Entity(EntityKind.FILE, text, Role.TARGET)
    for name in _URLS:
        for text in _texts(event.fields.get(name)):
            if "://" in text:
                yield Entity(EntityKind.URL, text, Role.TARGET)


def _users(event: Event) -> Iterator[Entity]:
    for name, domain_name, role in _USERS:
        domain = next(_texts(event.fields.get(domain_name)), "") if domain_name else ""
        for text in _texts(event.fields.get(name)):
            # Logons of a honeypot name passwords' guesses, not people: true, but joining nothing.
            weak = event.kind.startswith(("cowrie.", "honeypot.", "opencanary"))
            yield _user(text, domain, role, weak=weak)


def _user(text: str, domain: str, role: Role, *, weak: bool) -> Entity:
    if "\\" in text:
        domain, _, text = text.rpartition("\\")
    elif "@" in text and not domain:
        text, _, domain = text.partition("@")
    is_weak = (
        weak
        or text in _WEAK_USERS
        or text.endswith("$")
        or domain in _WEAK_DOMAINS
        or _WEAK_USER.match(text) is not None
    )
    label = domain.split(".", 1)[0]
    return Entity(EntityKind.USER, f"{label}\\{text}" if label else text, role, is_weak)


def _addresses(value: Value, role: Role) -> Iterator[Entity]:
    for text in _texts(value):
        entity = _address(text, role)
        if entity is not None:
            yield entity


def _address(text: str, role: Role) -> Entity | None:
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    is_noise = address.is_loopback or address.is_unspecified or address.is_multicast
    if is_noise or str(address) == "255.255.255.255":
        return None
    return Entity(EntityKind.ADDRESS, str(address), role, address.is_link_local)


def _host_or_address(text: str, role: Role) -> Entity:
    return _address(text, role) or Entity(
        EntityKind.HOST, text.strip("\\").rstrip("."), role, text == "localhost"
    )


def _hashes(event: Event) -> Iterator[Entity]:
    listed = (part.partition("=") for text in _texts(event.fields.get("Hashes")) for part in text.split(","))
    # An import hash is shared by all programs of one build system.
    values = [value for name, _, value in listed if name != "imphash"]
    for name in _HASHES:
        values.extend(_texts(event.fields.get(name)))
    for value in values:
        if _HASH.match(value) and value not in _EMPTY_FILE and value.strip("0"):
            yield Entity(EntityKind.HASH, value, Role.TARGET)


def _of_host(event: Event) -> Iterator[Entity]:
    """Processes and sessions: their ids mean something only together with the host."""
    for name, role in _PROCESSES:
        for text in _texts(event.fields.get(name)):
            guid = text.strip("{}")
            if guid.strip("0-"):
                yield Entity(EntityKind.PROCESS, f"{guid}@{event.host}", role)
    for name, role in _LOGONS:
        for text in _texts(event.fields.get(name)):
            if text not in _COMMON_LOGONS:
                yield Entity(EntityKind.SESSION, f"{text}@{event.host}", role)
    if event.kind.startswith("cowrie."):
        for text in _texts(event.fields.get("session")):
            yield Entity(EntityKind.SESSION, f"{text}@{event.host}", Role.SUBJECT)


def _domains(value: Value, role: Role) -> Iterator[Entity]:
    for text in _texts(value):
        name = text.rstrip(".").partition(":")[0]
        address = _address(name, role)
        if address is not None:
            yield address
        elif _DOMAIN.match(name) and not name.endswith(".arpa") and not name.replace(".", "").isdigit():
            yield Entity(EntityKind.DOMAIN, name, role)


def _texts(value: Value) -> Iterator[str]:
    items: Iterable[object] = value[:_MOST_OF_A_FIELD] if isinstance(value, tuple) else (value,)
    for item in items:
        if item is None:
            continue
        text = str(item).strip().lower()[:_LONGEST]
        if text not in _NOTHING:
            yield text
