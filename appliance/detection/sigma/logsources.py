"""
Which events a Sigma log source means: from (category, product, service) to kinds, channels and codes.

Invariants:
- Routing looks at what an event is, never at the file or source it came through: forwarded events
  keep their channel.
- Every log source that names anything gets a stream. One that no table here knows is matched by name,
  so that events sent through a mapping reach its rules, and `mapped` says so.
"""

from typing import Final

import msgspec

from appliance.detection.sigma.windows import CATEGORIES, SERVICES
from appliance.telemetry.events import LogSource

WINDOWS: Final = "windows"


class Stream(msgspec.Struct, frozen=True):
    """
    Some of the events that a log source means.

    Attributes:
        kind: The kind of event; it includes kinds below it: "zeek" includes "zeek.dns".
        channel: In lower case; "" for any.
        codes: Empty for any.
        event_types: If not empty, the field EventType must be one of these.
    """

    kind: str
    channel: str = ""
    codes: frozenset[str] = frozenset()
    event_types: tuple[str, ...] = ()

    def carries(self, kind: str, channel: str, code: str) -> bool:
        """Whether events of this route are in the stream; `channel` in lower case."""
        if kind != self.kind and not kind.startswith(self.kind + "."):
            return False
        return self.channel in ("", channel) and (not self.codes or code in self.codes)


class Streams(msgspec.Struct, frozen=True):
    """What a log source means. `mapped` is False if only its name gave the kind."""

    streams: tuple[Stream, ...]
    mapped: bool = True


def _kinds(*kinds: str) -> tuple[Stream, ...]:
    return tuple(Stream(kind) for kind in kinds)


# What audit records carry a command; decoders give those Image and CommandLine.
_EXECUTION_RECORDS: Final = frozenset({"EXECVE", "SYSCALL", "PROCTITLE", "USER_CMD", "execve", "execveat"})

_HTTP: Final = ("suricata.http", "zeek.http")
_DNS: Final = ("suricata.dns", "zeek.dns")

_WITHOUT_PRODUCT: Final[dict[tuple[str | None, str | None], tuple[Stream, ...]]] = {
    ("webserver", None): _kinds("webserver", "apache", "nginx", "iis", "honeypot", *_HTTP),
    ("proxy", None): _kinds("proxy", *_HTTP),
    ("dns", None): _kinds("dns", *_DNS),
    ("firewall", None): _kinds("firewall", "suricata.flow", "zeek.conn"),
    ("antivirus", None): _kinds("antivirus", "linux.clamd", "linux.clamav", "linux.freshclam"),
    ("database", None): _kinds("database", "sql", "linux.mysqld", "linux.postgres", "linux.postgresql"),
    (None, "apache"): _kinds("apache", "webserver", "linux.apache", "linux.apache2", "linux.httpd"),
    (None, "nginx"): _kinds("nginx", "webserver", "linux.nginx"),
    (None, "netflow"): _kinds("netflow", "suricata.netflow", "suricata.flow", "zeek.conn"),
}

_BY_PRODUCT: Final[dict[tuple[str, str | None, str | None], tuple[Stream, ...]]] = {
    ("linux", "process_creation", None): (
        *_kinds("linux.process", "cowrie.command", "osquery.process_events"),
        Stream("linux.sysmon", codes=frozenset({"1"})),
        Stream("linux.auditd", codes=_EXECUTION_RECORDS),
    ),
    ("linux", "network_connection", None): (
        Stream("linux.network"),
        Stream("linux.sysmon", codes=frozenset({"3"})),
    ),
    ("linux", "process_termination", None): (Stream("linux.sysmon", codes=frozenset({"5"})),),
    ("linux", "file_event", None): (
        *_kinds("linux.file", "osquery.file_events"),
        Stream("linux.sysmon", codes=frozenset({"11"})),
    ),
    ("linux", "file_delete", None): (Stream("linux.sysmon", codes=frozenset({"23"})),),
    ("linux", None, None): _kinds("linux"),
    ("linux", None, "syslog"): _kinds("linux"),
    ("linux", None, "auth"): _kinds(
        "linux.auth", "linux.sshd", "linux.sudo", "linux.su", "linux.login", "linux.systemd-logind"
    ),
    ("linux", None, "sshd"): _kinds("linux.sshd"),
    ("linux", None, "cron"): _kinds("linux.cron", "linux.crond", "linux.anacron", "linux.crontab"),
    ("linux", None, "clamav"): _kinds("linux.clamav", "linux.clamd", "linux.freshclam"),
    ("linux", None, "guacamole"): _kinds("linux.guacamole", "linux.guacd"),
    ("macos", "process_creation", None): _kinds("macos.process", "osquery.es_process_events"),
    ("macos", "file_event", None): _kinds("macos.file", "osquery.es_process_file_events"),
    ("kubernetes", "application", "audit"): _kinds("kubernetes.audit"),
    ("opencanary", "application", None): _kinds("opencanary"),
    ("gcp", None, "gcp.audit"): _kinds("gcp.audit"),
    # RPC Firewall writes to a Windows channel of its own.
    ("rpc_firewall", "application", None): (Stream("rpc_firewall"), Stream(WINDOWS, "rpcfw")),
}

# The unified audit log carries every service of these products, whatever its rules call it.
_WHOLE_PRODUCTS: Final = frozenset({"okta", "m365"})

_NAMED_KINDS: Final = frozenset(
    [
        "honeypot",
        "linux",
        "zeek",
        "aws",
        "azure",
        "gcp",
        "m365",
        "okta",
        "github",
        "kubernetes",
        "opencanary",
        "cowrie",
        "suricata",
        "osquery",
    ]
)


def streams_of(source: LogSource) -> Streams | None:
    """What a log source means, or None if it names nothing at all."""
    category, product, service = source
    if product == WINDOWS:
        return _windows(category, service)
    if product is None:
        return _without_product(category, service)
    known = _BY_PRODUCT.get((product, category, service))
    if known:
        return Streams(known)
    if product in _WHOLE_PRODUCTS:
        return Streams(_kinds(product))
    return Streams(_by_name(product, category, service), mapped=product in _NAMED_KINDS)


def _windows(category: str | None, service: str | None) -> Streams:
    if category is None and service is None:
        return Streams((Stream(WINDOWS),))
    if category in CATEGORIES:
        channels = SERVICES.get(service) if service else None
        ways = [way for way in CATEGORIES[category] if channels is None or way.channel in channels]
        return Streams(tuple(Stream(WINDOWS, way.channel, way.codes, way.event_types) for way in ways))
    if service in SERVICES:
        return Streams(tuple(Stream(WINDOWS, channel) for channel in SERVICES[service]))
    # A channel can be written as the service, so that a site's own rules reach any channel.
    return Streams((Stream(WINDOWS, (service or category or "").lower()),), mapped=False)


def _without_product(category: str | None, service: str | None) -> Streams | None:
    if category is None and service is None:
        return None
    known = _WITHOUT_PRODUCT.get((category, service))
    if known is None:
        return Streams(_kinds((category or service or "").lower()), mapped=False)
    if category != "antivirus":
        return Streams(known)
    return Streams(known + _windows("antivirus", None).streams)


def _by_name(product: str, category: str | None, service: str | None) -> tuple[Stream, ...]:
    """`product.service`, or the whole product where the rule names no service."""
    if service is None:
        narrowed = category if category not in (None, "application") else None
        return _kinds(product if narrowed is None else f"{product}.{narrowed}")
    if service == product or service.startswith(product + "."):
        return _kinds(service, product) if "." not in service else _kinds(service)
    return _kinds(f"{product}.{service}", service)
