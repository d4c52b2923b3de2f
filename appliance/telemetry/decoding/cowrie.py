"""
Cowrie's JSON log: an SSH and Telnet honeypot.

Source: Cowrie documentation, "Event log codes". What an intruder typed becomes `CommandLine` and `Image`,
so that the Linux process rules read it.
"""

from typing import Any

from appliance.telemetry.decoding.aliases import CONNECTION, apply
from appliance.telemetry.decoding.commands import add_command
from appliance.telemetry.decoding.context import Context, kind_part, natural_key, text_of
from appliance.telemetry.decoding.flattening import flatten
from appliance.telemetry.decoding.times import from_anything
from appliance.telemetry.events import Event

_KINDS = {
    "cowrie.command.input": "cowrie.command",
    "cowrie.command.success": "cowrie.command",
    "cowrie.command.failed": "cowrie.command",
    "cowrie.login.success": "cowrie.login",
    "cowrie.login.failed": "cowrie.login",
    "cowrie.session.file_download": "cowrie.download",
    "cowrie.session.file_download.failed": "cowrie.download",
    "cowrie.session.file_upload": "cowrie.upload",
}


def cowrie_event(document: dict[str, Any], context: Context, piece: bytes) -> Event:
    """One Cowrie record; `code` is its eventid."""
    eventid = text_of(document.get("eventid"))
    kind = _KINDS.get(eventid) or f"cowrie.{kind_part(eventid.removeprefix('cowrie.').split('.')[0])}"
    fields = flatten(document, context.bounds)
    apply(fields, CONNECTION)
    typed = document.get("input")
    if kind == "cowrie.command" and isinstance(typed, str):
        add_command(fields, typed)
    if kind in ("cowrie.download", "cowrie.upload"):
        apply(
            fields,
            (("shasum", ("sha256",)), ("destfile", ("TargetFilename",)), ("filename", ("TargetFilename",))),
        )
    stamp = document.get("timestamp")
    identified = "session" in document and isinstance(stamp, str)
    return Event(
        kind,
        "",
        kind_part(eventid),
        fields,
        from_anything(stamp),
        text_of(document.get("sensor")).lower() or context.host,
        natural_key("cowrie", piece) if identified else None,
    )
