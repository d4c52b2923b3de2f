"""One line that tells an analyst what an event is, from its own fields."""

from collections.abc import Mapping

from appliance.telemetry.events import Value

_MOST = 240

# The first of these that an event has is what it is about; the rest is on its page.
_TELLING = (
    "CommandLine", "ScriptBlockText", "TargetObject", "TargetFilename", "ImageLoaded", "QueryName", "query",
    "signature", "c-uri", "input", "DestinationIp", "PipeName", "TargetImage", "ServiceName", "TaskName",
    "Payload", "ObjectName", "ShareName", "username", "TargetUserName", "message", "Message", "eventName",
)  # fmt: skip
_ACTORS = ("Image", "SourceImage", "process", "User", "src_ip", "c-ip", "SourceIp", "SubjectUserName")


def summary_of(kind: str, channel: str, code: str, fields: Mapping[str, Value]) -> str:
    """At most 240 characters: who, and what it was about."""
    actor = next((str(fields[name]) for name in _ACTORS if fields.get(name)), "")
    about = next((str(fields[name]) for name in _TELLING if fields.get(name)), "")
    what = " ".join(part for part in (channel or kind, code) if part)
    return " · ".join(part for part in (what, actor, about) if part)[:_MOST]
