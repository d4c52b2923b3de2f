"""The formats by name."""

from appliance.telemetry.decoding import otlp
from appliance.telemetry.decoding.cloud import cloud_event
from appliance.telemetry.decoding.cowrie import cowrie_event
from appliance.telemetry.decoding.dispatch import (
    decode_access,
    decode_auto,
    decode_json,
    decode_plain,
    decode_syslog,
    decode_syslog_frames,
    detect,
    prepare,
)
from appliance.telemetry.decoding.documents import decode_with
from appliance.telemetry.decoding.evtx import decode_evtx
from appliance.telemetry.decoding.generic import generic_event
from appliance.telemetry.decoding.hec import decode_hec
from appliance.telemetry.decoding.honeypots import honeypot_event
from appliance.telemetry.decoding.journald import journal_event
from appliance.telemetry.decoding.osquery import osquery_event
from appliance.telemetry.decoding.schemas import ecs_event, ocsf_event
from appliance.telemetry.decoding.suricata import suricata_event
from appliance.telemetry.decoding.text import decode_csv
from appliance.telemetry.decoding.zeek import zeek_event
from appliance.telemetry.errors import UnknownFormat
from appliance.telemetry.events import Decoder

_DECODERS: dict[str, tuple[str, Decoder]] = {
    "auto": ("Whatever the content is, told apart event by event", decode_auto),
    "json": ("JSON of any mixture: lines, an array, or wrapped", decode_json),
    "windows": ("Windows events as JSON: Winlogbeat, NXLog, Fluent Bit, Sentinel", decode_json),
    "evtx": ("A Windows event log file", decode_evtx),
    "syslog": ("Syslog RFC 3164 or 5424, one message a line, and Unix log files", decode_syslog),
    "syslog.frames": ("Syslog with octet counts (RFC 6587)", decode_syslog_frames),
    "cef": ("Common Event Format, bare or in syslog", decode_syslog),
    "leef": ("Log Event Extended Format 1.0 or 2.0, bare or in syslog", decode_syslog),
    "auditd": ("Linux audit records", decode_syslog),
    "journald": ("The systemd journal (journalctl -o json)", decode_with(journal_event, prepare)),
    "suricata": ("Suricata EVE JSON", decode_with(suricata_event, prepare)),
    "zeek": ("Zeek logs as JSON", decode_with(zeek_event, prepare)),
    "cowrie": ("Cowrie's JSON log", decode_with(cowrie_event, prepare)),
    "honeypot": ("The other T-Pot honeypots", decode_with(honeypot_event, prepare)),
    "osquery": ("osquery results", decode_with(osquery_event, prepare)),
    "cloud": (
        "Audit logs of AWS, Azure, Google Cloud, M365, Okta, GitHub, Kubernetes",
        decode_with(cloud_event, prepare),
    ),
    "ocsf": ("OCSF events", decode_with(ocsf_event, prepare)),
    "hec": ("Splunk HTTP Event Collector objects", decode_hec),
    "otlp.protobuf": ("OpenTelemetry logs in protobuf", otlp.decode_protobuf),
    "otlp.json": ("OpenTelemetry logs in JSON", otlp.decode_json),
    "ecs": ("Elastic Common Schema", decode_with(ecs_event, prepare)),
    "webserver": ("Access logs in the common or combined format", decode_access),
    "csv": ("Comma-separated values with a header line", decode_csv),
    "generic": ("Any JSON under the source's own mapping", decode_with(generic_event, prepare)),
    "lines": ("Any lines of text", decode_plain),
}

FORMATS: dict[str, str] = {name: description for name, (description, _) in _DECODERS.items()}


def decoder(name: str) -> Decoder:
    """
    The decoder of a format.

    Raises:
        UnknownFormat: There is none of that name.
    """
    if name not in _DECODERS:
        raise UnknownFormat(f"There is no format {name!r}; the formats are {', '.join(sorted(_DECODERS))}.")
    return _DECODERS[name][1]


__all__ = ["FORMATS", "decoder", "detect"]
