"""
Sysmon for Linux: one XML event a message.

Invariant: no document type, no entity of its own, no external reference is read; what declares one is no
event. Expat's own predefined entities (&lt; and so on) are all that is expanded.
"""

import re
from typing import NoReturn
from xml.parsers import expat

from appliance.telemetry.decoding.context import Context, natural_key
from appliance.telemetry.decoding.flattening import BoundExceededError, Fields
from appliance.telemetry.decoding.times import from_iso
from appliance.telemetry.events import Event

# Characters that XML 1.0 forbids and that log messages contain all the same.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BROKEN_ENTITY = re.compile(r"&(lt|gt|amp|quot|apos) ")
# Syslog carries no message near this long, and expat calls back for every element.
_LONGEST = 131_072
_MOST_CODES = 1000


class UnsafeXMLError(ValueError):
    """The document declares a type or an entity, or is not well formed."""


def xml_fields(text: str) -> tuple[Fields, dict[str, str]]:
    """
    The event's data by name, and its System part by element (attributes as "Element.Attribute").

    Raises:
        UnsafeXMLError: It is too long, not well formed before the event id, or declares a document type.
    """
    if len(text) > _LONGEST:
        raise UnsafeXMLError(f"longer than {_LONGEST} characters")
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(_mended(text), True)
    except expat.ExpatError as error:
        reader.cut_off()
        # Syslog daemons cut long messages: what stands before the cut is the event all the same.
        if "EventID" not in reader.system:
            raise UnsafeXMLError(f"not well-formed XML: {error}") from None
        reader.data["truncated"] = "true"
    return reader.data, reader.system


def sysmon_event(text: str, context: Context, piece: bytes) -> Event:
    """
    One Sysmon event under Sysmon's own names, which are Sigma's.

    Raises:
        UnsafeXMLError: As `xml_fields`.
    """
    fields, system = xml_fields(text)
    if len(fields) > context.bounds.fields:
        raise BoundExceededError(f"more than {context.bounds.fields} fields")
    code = system.get("EventID", "")
    code = code if code.isdecimal() and int(code[:6]) < _MOST_CODES else ""
    host = system.get("Computer", "").lower() or context.host
    record = system.get("EventRecordID", "")
    fields["EventID"] = code
    fields["Provider_Name"] = system.get("Provider.Name", "")
    channel = system.get("Channel", "")
    return Event(
        "linux.sysmon",
        channel if channel == "Linux-Sysmon/Operational" else "",
        code,
        fields,
        from_iso(system.get("TimeCreated.SystemTime", "")),
        host,
        natural_key(host, "sysmon", record, piece) if record else None,
    )


def _mended(text: str) -> str:
    """The text without what XML forbids; some relays turn the semicolon of an entity into a space."""
    mended = _FORBIDDEN.sub("\ufffd", text)
    return _BROKEN_ENTITY.sub(r"&\1;", mended) if "&" in mended else mended


def _refuse(*_: object) -> NoReturn:
    raise UnsafeXMLError("declares a document type or entity")


class _Reader:
    """Collects what stands under System and EventData; deeper structure is not Sysmon's."""

    def __init__(self) -> None:
        self.data: Fields = {}
        self.system: dict[str, str] = {}
        self._path: list[str] = []
        self._name = ""
        self._text: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag)
        if len(self._path) > 32:  # noqa: PLR2004 — Sysmon nests four deep
            raise UnsafeXMLError("nested too deeply")
        self._text = []
        self._name = attributes.get("Name", tag)
        if "System" in self._path:
            self.system.update({f"{tag}.{name}": value for name, value in attributes.items()})

    def text(self, data: str) -> None:
        self._text.append(data)

    def cut_off(self) -> None:
        if self._path[-2:] == ["EventData", "Data"]:
            self.data[self._name] = "".join(self._text)

    def end(self, tag: str) -> None:
        self._path.pop()
        value = "".join(self._text)
        if self._path[-1:] == ["System"]:
            self.system[tag] = value
        elif self._path[-1:] == ["EventData"] and tag == "Data":
            self.data[self._name] = value
        self._text = []
