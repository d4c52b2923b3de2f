"""
Zeek logs in JSON, one object a line.

The log's name is in `_path` (json-streaming-logs), in `@stream`, in the option `path`, or follows from the
option `filename` ("SCRANTON_conn.log", "conn.2026-01-01-00.log.gz"). Some shippers spell `id.orig_h` as
`id_orig_h`: both names are kept.
"""

import re
from typing import Any

from appliance.telemetry.decoding.aliases import Aliases, add_uri, apply
from appliance.telemetry.decoding.context import Context, kind_part, natural_key
from appliance.telemetry.decoding.flattening import flatten
from appliance.telemetry.decoding.times import from_anything
from appliance.telemetry.events import Event

_KNOWN = (
    "conn", "dns", "http", "ssl", "x509", "files", "notice", "kerberos", "smb_files", "smb_mapping",
    "ntlm", "dce_rpc", "rdp", "ssh", "smtp", "ftp", "weird", "dhcp", "software", "known_hosts",
    "known_services", "tunnel", "pe", "irc", "radius", "sip", "snmp", "syslog", "mysql", "intel", "ntp",
    "ocsp", "dpd", "socks", "modbus", "dnp3", "rfb", "mqtt", "ldap", "quic", "analyzer",
)  # fmt: skip
_IDENTITY: Aliases = (
    ("id_orig_h", ("id.orig_h",)),
    ("id_orig_p", ("id.orig_p",)),
    ("id_resp_h", ("id.resp_h",)),
    ("id_resp_p", ("id.resp_p",)),
    ("id.orig_h", ("src_ip", "SourceIp", "c-ip")),
    ("id.orig_p", ("src_port", "SourcePort")),
    ("id.resp_h", ("dst_ip", "DestinationIp", "s-ip")),
    ("id.resp_p", ("dst_port", "DestinationPort")),
    ("proto", ("Protocol",)),
)
_OF_PATH: dict[str, Aliases] = {
    "dns": (
        ("query", ("QueryName",)),
        ("qtype_name", ("record_type",)),
        ("answers", ("answer",)),
    ),
    "http": (
        ("host", ("cs-host",)),
        ("method", ("cs-method",)),
        ("user_agent", ("c-useragent", "cs-user-agent")),
        ("referrer", ("cs-referer",)),
        ("status_code", ("sc-status",)),
        ("username", ("cs-username",)),
    ),
    "ssl": (("server_name", ("DestinationHostname",)),),
    "x509": (
        ("certificate_serial", ("certificate.serial",)),
        ("certificate_subject", ("certificate.subject",)),
        ("certificate_issuer", ("certificate.issuer",)),
    ),
    "files": (("filename", ("TargetFilename",)),),
    "notice": (("src", ("src_ip", "SourceIp")), ("dst", ("dst_ip", "DestinationIp"))),
}


def zeek_event(document: dict[str, Any], context: Context, piece: bytes) -> Event:
    """One Zeek log record."""
    path = log_name(document, context)
    fields = flatten(document, context.bounds)
    apply(fields, _IDENTITY)
    apply(fields, _OF_PATH.get(path, ()))
    uri = fields.get("uri")
    if path == "http" and isinstance(uri, str):
        add_uri(fields, uri)
    sensor = document.get("@system") or document.get("_system_name") or document.get("node")
    identified = "ts" in document and ("uid" in document or "fuid" in document)
    return Event(
        f"zeek.{path}",
        "",
        "",
        fields,
        from_anything(document.get("ts")),
        sensor.lower() if isinstance(sensor, str) else context.host,
        natural_key(path, piece) if identified else None,
    )


def log_name(document: dict[str, Any], context: Context) -> str:
    """Which Zeek log the record is from; "unknown" if nothing says so."""
    stated = document.get("_path") or document.get("@stream") or context.options.get("path")
    if isinstance(stated, str) and stated:
        return kind_part(stated)
    return name_in(context.options.get("filename", "")) or _by_shape(document)


def name_in(filename: str) -> str:
    """The log's name in a file's name, such as "conn" in "SCRANTON_conn.log"; "" if none is in it."""
    base = re.split(r"[/\\]", filename)[-1].lower()
    stem = base.split(".", 1)[0]
    if not re.search(r"\.log(\.gz)?$", base):
        return ""
    endings = [name for name in _KNOWN if stem == name or stem.endswith("_" + name)]
    return max(endings, key=len, default="")


def _by_shape(document: dict[str, Any]) -> str:
    if "conn_state" in document:
        return "conn"
    if "qtype_name" in document or "rcode_name" in document:
        return "dns"
    if "status_code" in document or ("method" in document and "uri" in document):
        return "http"
    return "unknown"
