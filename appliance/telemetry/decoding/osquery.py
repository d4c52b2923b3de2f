"""
osquery's result log: differential, snapshot and batch lines.

Source: osquery documentation, "Logging", result formats.
"""

from typing import Any

from appliance.telemetry.decoding.aliases import Aliases, apply
from appliance.telemetry.decoding.context import Context, kind_part, natural_key, text_of
from appliance.telemetry.decoding.flattening import flatten
from appliance.telemetry.decoding.times import from_number
from appliance.telemetry.events import Event

# process_events, socket_events, file_events and the like, under the names of the process rules.
_COLUMNS: Aliases = (
    ("columns.cmdline", ("CommandLine",)),
    ("columns.cwd", ("CurrentDirectory",)),
    ("columns.pid", ("ProcessId",)),
    ("columns.parent", ("ParentProcessId",)),
    ("columns.username", ("User", "user")),
    ("columns.remote_address", ("DestinationIp", "dst_ip")),
    ("columns.remote_port", ("DestinationPort", "dst_port")),
    ("columns.local_address", ("SourceIp", "src_ip")),
    ("columns.local_port", ("SourcePort", "src_port")),
    ("columns.target_path", ("TargetFilename",)),
    ("columns.md5", ("md5",)),
    ("columns.sha1", ("sha1",)),
    ("columns.sha256", ("sha256",)),
)

_EVENT_TABLES = (
    "es_process_file_events", "es_process_events", "bpf_process_events", "process_file_events",
    "process_events", "socket_events", "file_events", "user_events",
)  # fmt: skip


def osquery_event(document: dict[str, Any], context: Context, piece: bytes) -> Event:
    """One result line; a batch or snapshot keeps its rows as tuples."""
    fields = flatten(document, context.bounds)
    apply(fields, _COLUMNS)
    if "columns.cmdline" in fields or "columns.remote_address" in fields:
        apply(fields, (("columns.path", ("Image",)),))
    stamp = document.get("unixTime")
    seconds = _number(stamp)
    host = text_of(document.get("hostIdentifier")) or text_of(document.get("hostname"))
    return Event(
        f"osquery.{_table(document.get('name'))}",
        "",
        kind_part(document.get("action", "snapshot" if "snapshot" in document else "")),
        fields,
        from_number(seconds) if seconds else 0,
        host.lower() or context.host,
        natural_key("osquery", piece) if stamp is not None else None,
    )


def _table(name: object) -> str:
    """The query's name; of a packed query that reads one of osquery's event tables, the table's."""
    text = kind_part(name)
    return next((table for table in _EVENT_TABLES if text.endswith(table)), text)


def is_osquery(document: dict[str, Any]) -> bool:
    return "name" in document and (
        ("columns" in document and ("hostIdentifier" in document or "unixTime" in document))
        or ("snapshot" in document and "hostIdentifier" in document)
        or "diffResults" in document
    )


def _number(value: object) -> float:
    if isinstance(value, (int, float, str)):
        try:
            return float(value)
        except (ValueError, OverflowError):
            return 0.0
    return 0.0
