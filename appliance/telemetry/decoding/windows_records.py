"""
The event record as EVTX parsers write it in JSON: System, EventData and UserData.

Invariants:
- EventData and UserData stand under their own names; a field of the record that they repeat keeps theirs,
  except the event id, and the record's channel is kept aside for routing.
"""

from typing import Any, Final

_EXPECTED_DEPTH: Final = 16


def fields_of_record(document: dict[str, Any]) -> dict[str, Any]:
    """The fields of a document `{"Event": {"System": …, "EventData": …}}`."""
    record = document["Event"]
    system = _object(record.get("System"))
    fields = _system(system)
    channel, event_id = fields["Channel"], fields["EventID"]
    for part in ("EventData", "UserData"):
        _add(fields, record.get(part), 0)
    for name, value in record.items():
        if name not in ("System", "EventData", "UserData", "#attributes", "RenderingInfo"):
            _add(fields, {name: value}, 0)
    fields["EventID"] = event_id
    fields["\0channel"] = channel if isinstance(channel, str) else ""
    return fields


def _system(system: dict[str, Any]) -> dict[str, Any]:
    fields = {
        "EventID": _text(system.get("EventID")),
        "Channel": _text(system.get("Channel")) or "",
        "Computer": _text(system.get("Computer")),
        "Provider_Name": _attribute(system, "Provider", "Name")
        or _attribute(system, "Provider", "EventSourceName"),
        "RecordNumber": _text(system.get("EventRecordID")),
        "TimeCreated": _attribute(system, "TimeCreated", "SystemTime"),
        "Level": _text(system.get("Level")),
        "Task": _text(system.get("Task")),
        "Opcode": _text(system.get("Opcode")),
        "Keywords": _text(system.get("Keywords")),
        "Version": _text(system.get("Version")),
        "ExecutionProcessID": _attribute(system, "Execution", "ProcessID"),
        "ThreadID": _attribute(system, "Execution", "ThreadID"),
        "Security_UserID": _attribute(system, "Security", "UserID"),
    }
    return {name: value for name, value in fields.items() if value is not None or name == "EventID"}


def _add(fields: dict[str, Any], part: object, depth: int) -> None:
    """Adds the leaves of a part under their own names, the names of what encloses them dropped."""
    if not isinstance(part, dict) or depth > _EXPECTED_DEPTH:
        return
    for name, value in part.items():
        if name in ("#attributes", "xmlns") or name.endswith("_attributes"):
            continue
        if isinstance(value, dict):
            if "#text" in value:
                fields[name] = _leaf(value["#text"])
            elif not value.keys() - {"#attributes"}:
                fields[name] = None
            else:
                _add(fields, value, depth + 1)
        elif name == "Data" and isinstance(value, list):
            _add_data(fields, value)
        else:
            fields[name] = _leaf(value)


def _add_data(fields: dict[str, Any], items: list[Any]) -> None:
    """EventData as a list: named items under their names, the rest together as Data."""
    unnamed: list[Any] = []
    for item in items:
        if not isinstance(item, dict):
            unnamed.append(item)
            continue
        name = item.get("Name", item.get("@Name")) or _object(item.get("#attributes")).get("Name")
        text = item.get("#text", item.get("Value"))
        if isinstance(name, str):
            fields[name] = _leaf(text)
        else:
            unnamed.append(text)
    if unnamed:
        fields["Data"] = _leaf(unnamed)


def _leaf(value: Any) -> Any:
    """A leaf as it may stand in fields; lists are left to the flattening that follows."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _text(value: Any) -> Any:
    """An element's text, whether or not it came with attributes."""
    return value.get("#text") if isinstance(value, dict) else value


def _attribute(system: dict[str, Any], element: str, name: str) -> Any:
    """An attribute, in either of the spellings in use; None if it is not there."""
    content = _object(system.get(element))
    for attributes in (
        _object(content.get("#attributes")),
        _object(system.get(f"{element}_attributes")),
        content,
    ):
        for spelling in (name, f"@{name}"):
            if spelling in attributes:
                return attributes[spelling]
    return None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
