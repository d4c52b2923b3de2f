"""
What shippers make of a Windows event: Winlogbeat 6 to 9 and other ECS writers, Fluent Bit, Sentinel.

Sources: the Winlogbeat field reference; Fluent Bit's winevtlog input; the SecurityEvent and WindowsEvent
tables of Azure Monitor; the event manifests of Windows for the order of unnamed inserts.
"""

import re
from collections.abc import Sequence
from html import unescape
from typing import Any, Final

import orjson

_ECS: Final = {
    "EventID": "event_id",
    "Channel": "channel",
    "Computer": "computer_name",
    "Provider_Name": "provider_name",
    "RecordNumber": "record_id",
    "Task": "task",
    "Opcode": "opcode",
    "Version": "version",
}
_WINLOGBEAT: Final = {
    "EventID": "event_id",
    "Channel": "log_name",
    "Computer": "computer_name",
    "Provider_Name": "source_name",
    "RecordNumber": "record_number",
    "Task": "task",
    "Opcode": "opcode",
    "Version": "version",
    "Level": "level",
    "TimeCreated": "@timestamp",
    "Message": "message",
}
# The order in which events that matter to rules fill their unnamed inserts.
_INSERTS: Final[dict[tuple[str, str], str]] = {
    ("Security", "4688"): "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId NewProcessId"
    " NewProcessName TokenElevationType ProcessId CommandLine TargetUserSid TargetUserName TargetDomainName"
    " TargetLogonId ParentProcessName MandatoryLabel",
    ("Security", "4624"): "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId TargetUserSid"
    " TargetUserName TargetDomainName TargetLogonId LogonType LogonProcessName AuthenticationPackageName"
    " WorkstationName LogonGuid TransmittedServices LmPackageName KeyLength ProcessId ProcessName IpAddress"
    " IpPort",
    ("Security", "4625"): "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId TargetUserSid"
    " TargetUserName TargetDomainName Status FailureReason SubStatus LogonType LogonProcessName"
    " AuthenticationPackageName WorkstationName TransmittedServices LmPackageName KeyLength ProcessId"
    " ProcessName IpAddress IpPort",
    ("Security", "4697"): "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId ServiceName"
    " ServiceFileName ServiceType ServiceStartType ServiceAccount",
    (
        "Security",
        "4698",
    ): "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId TaskName TaskContent",
    ("Security", "4702"): "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId TaskName"
    " TaskContentNew",
    ("System", "7045"): "ServiceName ImagePath ServiceType StartType AccountName",
    ("Microsoft-Windows-PowerShell/Operational", "4103"): "ContextInfo UserData Payload",
    ("Microsoft-Windows-PowerShell/Operational", "4104"): "MessageNumber MessageTotal ScriptBlockText"
    " ScriptBlockId Path",
}
_SYSMON: Final = "Microsoft-Windows-Sysmon/Operational"
_SYSMON_LINE: Final = re.compile(r"(?m)^([A-Za-z]\w{1,40}): ?(.*?)\r?$")
# EventData is a flat list of these; a parser of all of XML would only bring its entities along.
_XML_DATA: Final = re.compile(r"<Data Name=[\"']([^\"'<>]{1,80})[\"']\s*>([^<]*)</Data>")
_LONGEST_XML: Final = 262_144


def fields_of_ecs(document: dict[str, Any]) -> dict[str, Any]:
    """The fields of a Winlogbeat 7+ or other ECS document: `winlog.event_data` under its own names."""
    winlog = document["winlog"]
    fields = _renamed(winlog, _ECS)
    fields["@timestamp"] = _object(document.get("event")).get("created") and document.get("@timestamp")
    fields["TimeCreated"] = document.get("@timestamp")
    fields["Level"] = _object(document.get("log")).get("level")
    fields["Message"] = document.get("message")
    user = _object(winlog.get("user"))
    fields["Security_UserID"] = user.get("identifier")
    _add_event_data(fields, winlog.get("event_data"))
    _add_event_data(fields, winlog.get("user_data"))
    return _present(fields)


def is_winlogbeat(document: dict[str, Any]) -> bool:
    """Whether a document is one of Winlogbeat 5 or 6, which write the event at the top."""
    return (
        "event_id" in document
        and isinstance(document.get("log_name"), str)
        and ("event_data" in document or "computer_name" in document or "source_name" in document)
    )


def fields_of_winlogbeat(document: dict[str, Any]) -> dict[str, Any]:
    """The fields of a Winlogbeat 5 or 6 document: `event_data` at the top."""
    fields = _renamed(document, _WINLOGBEAT)
    fields["Security_UserID"] = _object(document.get("user")).get("identifier")
    _add_event_data(fields, document.get("event_data"))
    _add_event_data(fields, document.get("user_data"))
    return _present(fields)


def with_event_data(fields: dict[str, Any]) -> dict[str, Any]:
    """A flat document whose EventData came as text, or whose inserts came without names."""
    data = fields.get("EventData")
    if isinstance(data, str):
        data = _parsed_event_data(data)
        if data:
            del fields["EventData"]
    elif isinstance(data, dict):
        del fields["EventData"]
    if isinstance(data, dict):
        for name, value in data.items():
            fields[name if name != "EventID" else "EventData.EventID"] = value
    inserts = fields.get("StringInserts")
    if isinstance(inserts, list | tuple):
        _name_inserts(fields, inserts)
    return fields


def _name_inserts(fields: dict[str, Any], inserts: Sequence[Any]) -> None:
    place = (str(fields.get("Channel")), str(fields.get("EventID")))
    if place[0] == _SYSMON and isinstance(fields.get("Message"), str):
        for name, value in _SYSMON_LINE.findall(fields["Message"]):
            fields.setdefault(name, value)
    elif place in _INSERTS:
        for name, value in zip(_INSERTS[place].split(), inserts, strict=False):
            fields.setdefault(name, value)
    else:
        fields.setdefault("Data", inserts)


def _parsed_event_data(text: str) -> dict[str, Any]:
    """EventData as Sentinel exports it: JSON, or the record's XML."""
    if text.startswith("{"):
        try:
            parsed = orjson.loads(text)
        except orjson.JSONDecodeError:
            return {}
        return _object(parsed)
    if not text.startswith("<") or len(text) > _LONGEST_XML:
        return {}
    return {name: unescape(value) for name, value in _XML_DATA.findall(text)}


def _renamed(source: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {ours: source[theirs] for ours, theirs in names.items() if theirs in source}


def _add_event_data(fields: dict[str, Any], data: object) -> None:
    if not isinstance(data, dict):
        return
    params = [value for name, value in data.items() if name.startswith("param") and name[5:].isdigit()]
    for name, value in data.items():
        if name == "Channel":
            fields["\0channel"] = fields.get("Channel") if isinstance(fields.get("Channel"), str) else ""
        if name != "EventID":
            fields[name] = value
    if params:
        fields.setdefault("Data", params)


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
