"""
Suricata EVE JSON.

Source: Suricata user guide, "EVE JSON Format"; names after Sigma's taxonomy.
"""

from typing import Any

from appliance.telemetry.decoding.aliases import Aliases, add_uri
from appliance.telemetry.decoding.context import Context, kind_part, record_key
from appliance.telemetry.decoding.flattening import Fields, flatten
from appliance.telemetry.decoding.times import from_iso
from appliance.telemetry.events import Event

_COMMON: Aliases = (
    ("src_ip", ("SourceIp", "c-ip")),
    ("src_port", ("SourcePort",)),
    ("dest_ip", ("dst_ip", "DestinationIp", "s-ip")),
    ("dest_port", ("dst_port", "DestinationPort")),
    ("proto", ("Protocol",)),
)
_OF_OBJECT: dict[str, Aliases] = {
    "alert": (
        ("alert.signature", ("signature",)),
        ("alert.signature_id", ("signature_id",)),
        ("alert.category", ("category",)),
        ("alert.severity", ("severity",)),
        ("alert.action", ("action",)),
    ),
    "http": (
        ("http.hostname", ("cs-host",)),
        ("http.http_method", ("cs-method",)),
        ("http.http_user_agent", ("c-useragent", "cs-user-agent")),
        ("http.http_refer", ("cs-referer",)),
        ("http.status", ("sc-status",)),
        ("http.http_content_type", ("cs-content-type",)),
    ),
    "dns": (
        ("dns.rrname", ("query", "QueryName")),
        ("dns.rrtype", ("record_type",)),
        ("dns.rcode", ("rcode",)),
        ("dns.answers.rdata", ("answer", "answers")),
        # Suricata 8 names the question in an array.
        ("dns.queries.rrname", ("query", "QueryName")),
        ("dns.queries.rrtype", ("record_type",)),
    ),
    "tls": (("tls.sni", ("server_name", "DestinationHostname")),),
    "fileinfo": (
        ("fileinfo.filename", ("TargetFilename",)),
        ("fileinfo.md5", ("md5",)),
        ("fileinfo.sha1", ("sha1",)),
        ("fileinfo.sha256", ("sha256",)),
    ),
}
_TYPES = (
    "alert", "anomaly", "bittorrent_dht", "dcerpc", "dhcp", "dnp3", "dns", "drop", "enip", "fileinfo",
    "flow", "frame", "ftp", "ftp_data", "http", "http2", "ike", "krb5", "ldap", "mdns", "metadata",
    "modbus", "mqtt", "netflow", "nfs", "packet", "pgsql", "pop3", "quic", "rdp", "rfb", "sip", "smb",
    "smtp", "snmp", "ssh", "stats", "telnet", "template", "tftp", "tls", "websocket",
)  # fmt: skip
_KINDS = {name: f"suricata.{name}" for name in _TYPES}


def suricata_event(document: dict[str, Any], context: Context, piece: bytes) -> Event:
    """One EVE record."""
    event_type = document.get("event_type")
    fields = flatten(document, context.bounds)
    _alias(fields, _COMMON)
    for name, aliases in _OF_OBJECT.items():
        if name in document:
            _alias(fields, aliases)
    uri = fields.get("http.url")
    if isinstance(uri, str):
        add_uri(fields, uri)
    stamp = document.get("timestamp")
    host = document.get("host")
    kind = _KINDS.get(event_type) if isinstance(event_type, str) else None
    return Event(
        kind or f"suricata.{kind_part(event_type)}",
        "",
        "",
        fields,
        from_iso(stamp) if isinstance(stamp, str) else 0,
        host.lower() if isinstance(host, str) else context.host,
        record_key(piece) if isinstance(stamp, str) and "flow_id" in document else None,
    )


def _alias(fields: Fields, aliases: Aliases) -> None:
    # Unlike `aliases.apply` this overwrites: an attacker's own member must not shadow what the rules read.
    for native, names in aliases:
        if native in fields:
            value = fields[native]
            for name in names:
                fields[name] = value
