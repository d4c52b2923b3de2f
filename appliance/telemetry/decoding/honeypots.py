"""
The T-Pot set of honeypots, beside Cowrie: one kind each, "honeypot.<pot>".

Which pot a record is from is in T-Pot's `type`, in a prefix of `eventid`, in `app_name`, or in members that
only that pot writes. Every pot spells addresses and credentials its own way; here they get one spelling.
"""

from typing import Any

from appliance.telemetry.decoding.aliases import CONNECTION, Aliases, add_uri, apply, first
from appliance.telemetry.decoding.commands import add_command
from appliance.telemetry.decoding.context import Context, kind_part, natural_key, text_of
from appliance.telemetry.decoding.flattening import Fields, flatten
from appliance.telemetry.decoding.times import from_anything
from appliance.telemetry.events import Event

_POTS = (
    "adbhoney", "ciscoasa", "citrixhoneypot", "conpot", "cowrie", "ddospot", "dicompot", "dionaea",
    "elasticpot", "endlessh", "galah", "glutton", "h0neytr4p", "hellpot", "heralding", "honeyaml",
    "honeypots", "honeytrap", "ipphoney", "log4pot", "mailoney", "medpot", "miniprint", "nginx",
    "redishoneypot", "sentrypeer", "snare", "tanner", "wordpot",
)  # fmt: skip
POTS = frozenset(_POTS)
# Members by which a pot is known when it does not say its name.
_MARKS: tuple[tuple[str, frozenset[str]], ...] = (
    ("honeytrap", frozenset(("attack_connection", "proxy_connection"))),
    ("heralding", frozenset(("auth_attempts", "num_auth_attempts", "session_id"))),
    ("heralding", frozenset(("auth_attempts", "session_id", "protocol"))),
    ("conpot", frozenset(("sensorid", "data_type", "src_ip"))),
    ("dionaea", frozenset(("connection", "src_ip", "dst_port"))),
    ("tanner", frozenset(("peer", "path", "headers", "uuid"))),
    ("sentrypeer", frozenset(("called_number", "source_ip"))),
    ("wordpot", frozenset(("plugin", "src_ip", "url"))),
    ("redishoneypot", frozenset(("action", "addr", "msg", "level"))),
    ("mailoney", frozenset(("data", "src_ip", "src_port", "timestamp"))),
)
_ADDRESSES: Aliases = (
    ("source_ip", ("src_ip",)),
    ("src_host", ("src_ip",)),
    ("remote_ip", ("src_ip",)),
    ("peer.ip", ("src_ip",)),
    ("peer.port", ("src_port",)),
    ("attack_connection.remote_ip", ("src_ip",)),
    ("attack_connection.remote_port", ("src_port",)),
    ("attack_connection.local_ip", ("dst_ip",)),
    ("attack_connection.local_port", ("dst_port",)),
    ("attack_connection.protocol", ("proto",)),
    ("source_port", ("src_port",)),
    ("dest_ip", ("dst_ip",)),
    ("dest_port", ("dst_port",)),
    ("destination_ip", ("dst_ip",)),
    ("destination_port", ("dst_port",)),
    ("auth_attempts.username", ("username",)),
    ("auth_attempts.password", ("password",)),
    ("credentials.username", ("username",)),
    ("credentials.password", ("password",)),
    ("method", ("cs-method",)),
    ("http_method", ("cs-method",)),
    ("user_agent", ("c-useragent", "cs-user-agent")),
    ("headers.user-agent", ("c-useragent", "cs-user-agent")),
    ("headers.User-Agent", ("c-useragent", "cs-user-agent")),
    ("headers.host", ("cs-host",)),
    ("status", ("sc-status",)),
)
_URIS = ("path", "url", "uri", "http_request.path")
_TIMES = ("timestamp", "@timestamp", "event_timestamp", "start_time", "time", "startTime")
_COMMANDS = ("input", "command", "cmd")


def pot_of(document: dict[str, Any]) -> str:
    """Which honeypot wrote this; "" if none did."""
    for member in ("type", "app_name", "honeypot", "app"):
        name = text_of(document.get(member)).lower()
        if name in POTS:
            return name
    prefix = text_of(document.get("eventid")).split(".", 1)[0].lower()
    if prefix in POTS:
        return prefix
    keys = document.keys()
    return next((pot for pot, marks in _MARKS if marks <= keys and _plausible(pot, document)), "")


def honeypot_event(document: dict[str, Any], context: Context, piece: bytes) -> Event:
    """One record of a honeypot; the option `pot` names it where the record does not."""
    pot = pot_of(document) or kind_part(context.options.get("pot", "unknown"))
    fields = flatten(document, context.bounds)
    _split_address(fields)
    apply(fields, _ADDRESSES)
    apply(fields, CONNECTION)
    uri = first(fields, _URIS)
    if uri and (uri.startswith("/") or "://" in uri):
        add_uri(fields, uri)
    command = first(fields, _COMMANDS)
    if command:
        add_command(fields, command)
    stamp = next((document[name] for name in _TIMES if document.get(name)), None)
    return Event(
        f"honeypot.{pot}",
        "",
        "",
        fields,
        from_anything(stamp, context.zone),
        (first(fields, ("sensor", "sensorid", "hostname", "host")) or context.host).lower(),
        natural_key(pot, piece) if stamp is not None else None,
    )


def _plausible(pot: str, document: dict[str, Any]) -> bool:
    # A generic record can have a member of the same name; its shape tells.
    if pot in ("dionaea", "tanner", "honeytrap"):
        member = {"dionaea": "connection", "tanner": "peer", "honeytrap": "attack_connection"}[pot]
        return type(document.get(member)) is dict
    if pot == "mailoney":
        return len(document) <= 8 and document.get("dst_port") in (None, 25, 465, 587)  # noqa: PLR2004 — mail ports
    return True


def _split_address(fields: Fields) -> None:
    """Redishoneypot writes "addr": "192.0.2.1:6379"."""
    address = fields.get("addr")
    if isinstance(address, str) and ":" in address and "src_ip" not in fields:
        host, _, port = address.rpartition(":")
        fields["src_ip"] = host.strip("[]")
        if port.isdecimal() and len(port) <= 5:  # noqa: PLR2004 — the digits of 65535
            fields["src_port"] = int(port)
