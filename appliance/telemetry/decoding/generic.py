"""
Any JSON object, or any line of text, with a mapping that the user can edit.

The mapping comes as one JSON object in the option `mapping`; without it the event keeps its own names and a
time and host are looked for under the usual ones.
"""

from functools import lru_cache
from typing import Any

import msgspec

from appliance.telemetry.decoding.aliases import CONNECTION, apply, first
from appliance.telemetry.decoding.context import Context, kind_part
from appliance.telemetry.decoding.flattening import Fields, flatten
from appliance.telemetry.decoding.routing import Route, route_of
from appliance.telemetry.decoding.times import from_anything, from_format
from appliance.telemetry.events import Event

_TIMES = (
    "@timestamp", "timestamp", "time", "eventTime", "event_time", "TimeGenerated", "ts", "date", "datetime",
    "created_at", "Event DateTime",
)  # fmt: skip
_HOSTS = ("host.name", "hostname", "host", "Computer", "computer", "HostName", "Hostname", "device", "node")


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    How one sender's events are read.

    Attributes:
        kind: What the events are, such as "cisco.aaa"; "" lets category, product and service decide.
        category, product, service: The Sigma log source they belong to.
        time_field: The flat name of the field that holds the event's time.
        time_format: A `strptime` pattern; "" reads ISO 8601 and epoch numbers of any unit.
        host_field: The flat name of the field that holds the host.
        rename: Own flat name → Sigma's name; the own name stays too.
        constants: Fields that every event of this sender gets.
        field: For text: the name under which the line is stored.
    """

    kind: str = ""
    category: str = ""
    product: str = ""
    service: str = ""
    time_field: str = ""
    time_format: str = ""
    host_field: str = ""
    rename: dict[str, str] = {}
    constants: dict[str, str | int | float] = {}
    field: str = "message"


class MappingError(ValueError):
    """The mapping is no JSON object of the shape above."""


@lru_cache(maxsize=256)
def read_mapping(text: str) -> Mapping:
    """
    The mapping of the option's text; the default one for "".

    Raises:
        MappingError: It cannot be read; the message says where.
    """
    try:
        return msgspec.json.decode(text, type=Mapping) if text else Mapping()
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise MappingError(f"the mapping cannot be read: {error}") from None


def mapping_of(context: Context) -> Mapping:
    """The mapping in force; a source cannot be saved with an unreadable one, so such a one counts as none."""
    try:
        return read_mapping(context.options.get("mapping", ""))
    except MappingError:
        return Mapping()


def generic_event(document: dict[str, Any], context: Context, _piece: bytes) -> Event:
    """One JSON object under the source's mapping."""
    return mapped_event(flatten(document, context.bounds), context)


def generic_line(text: str, context: Context, _piece: bytes) -> Event:
    """One line of text that no other decoder knows."""
    return mapped_event({mapping_of(context).field: text}, context)


def mapped_event(fields: Fields, context: Context) -> Event:
    """Flat fields of any origin under the source's mapping."""
    mapping = mapping_of(context)
    host = first(fields, (mapping.host_field,) if mapping.host_field else _HOSTS) or context.host
    time = _time(fields, mapping, context)
    for own, name in mapping.rename.items():
        if own in fields:
            fields[name] = fields[own]
    fields.update(mapping.constants)
    apply(fields, CONNECTION)
    return Event(*_route(mapping), fields, time, host.lower())


def _route(mapping: Mapping) -> Route:
    if mapping.kind:
        return Route(kind_part(mapping.kind))
    return route_of(mapping.category, mapping.product, mapping.service)


def _time(fields: Fields, mapping: Mapping, context: Context) -> int:
    names = (mapping.time_field,) if mapping.time_field else _TIMES
    value = next((fields[name] for name in names if fields.get(name) is not None), None)
    if mapping.time_format and isinstance(value, str):
        return from_format(value, mapping.time_format, context.zone)
    return from_anything(value, context.zone)
