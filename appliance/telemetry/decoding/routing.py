"""
The kind, channel and code that a Sigma log source's rules are looked up under.

For events that come in a schema or under a mapping, what they are is known only as category, product and
service; this gives them the route of the same event from its native source.
"""

from typing import NamedTuple

from appliance.telemetry.decoding.context import kind_part

# Windows categories are routed by Sysmon's channel and event id.
_SYSMON_CHANNEL = "Microsoft-Windows-Sysmon/Operational"
_SYSMON_CODES = {
    "process_creation": "1", "network_connection": "3", "driver_load": "6", "image_load": "7",
    "create_remote_thread": "8", "process_access": "10", "file_event": "11", "registry_set": "13",
    "pipe_created": "17", "dns_query": "22", "file_delete": "23",
}  # fmt: skip
_WITHOUT_PRODUCT = frozenset(("webserver", "proxy", "dns", "firewall", "antivirus", "database"))
_UNIX = {"process_creation": "process", "file_event": "file", "network_connection": "network"}


class Route(NamedTuple):
    """As the first three attributes of an event."""

    kind: str
    channel: str = ""
    code: str = ""


def route_of(category: str, product: str, service: str = "", *, otherwise: str = "generic") -> Route:
    """The route of events of this log source; `otherwise` is the kind where it names nothing."""
    if product == "windows" and category in _SYSMON_CODES:
        return Route("windows", _SYSMON_CHANNEL, _SYSMON_CODES[category])
    if category in _WITHOUT_PRODUCT:
        return Route(category)
    if product in ("linux", "macos") and category in _UNIX:
        return Route(f"{product}.{_UNIX[category]}")
    if product and (service or category):
        return Route(f"{kind_part(product)}.{kind_part(service or category)}")
    return Route(kind_part(product) if product else otherwise)
