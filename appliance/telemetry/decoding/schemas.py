"""
Events in a common schema (Elastic's ECS, OCSF), translated to Sigma's names.

An event whose class or category is one that rules exist for gets the route of the same event from its native
source; any other keeps the kind "ocsf.<class>" or "generic".
"""

from typing import Any

from appliance.telemetry.decoding.aliases import CONNECTION, Aliases, add_uri, apply
from appliance.telemetry.decoding.context import Context, kind_part, natural_key, text_of
from appliance.telemetry.decoding.flattening import Fields, flatten
from appliance.telemetry.decoding.routing import Route, route_of
from appliance.telemetry.decoding.times import from_anything
from appliance.telemetry.events import Event

_ECS: Aliases = (
    ("process.command_line", ("CommandLine",)),
    ("process.executable", ("Image",)),
    ("process.working_directory", ("CurrentDirectory",)),
    ("process.pid", ("ProcessId",)),
    ("process.entity_id", ("ProcessGuid",)),
    ("process.pe.original_file_name", ("OriginalFileName",)),
    ("process.parent.executable", ("ParentImage",)),
    ("process.parent.command_line", ("ParentCommandLine",)),
    ("process.parent.pid", ("ParentProcessId",)),
    ("process.hash.md5", ("md5",)),
    ("process.hash.sha1", ("sha1",)),
    ("process.hash.sha256", ("sha256",)),
    ("user.name", ("User", "user")),
    ("source.ip", ("src_ip", "c-ip")),
    ("source.port", ("src_port",)),
    ("client.ip", ("src_ip", "c-ip")),
    ("destination.ip", ("dst_ip", "s-ip")),
    ("destination.port", ("dst_port",)),
    ("destination.domain", ("DestinationHostname", "cs-host")),
    ("network.transport", ("Protocol", "proto")),
    ("dns.question.name", ("query", "QueryName")),
    ("dns.question.type", ("record_type",)),
    ("dns.answers.data", ("answer",)),
    ("dns.response_code", ("rcode",)),
    ("file.path", ("TargetFilename",)),
    ("file.hash.md5", ("md5",)),
    ("file.hash.sha1", ("sha1",)),
    ("file.hash.sha256", ("sha256",)),
    ("registry.path", ("TargetObject",)),
    ("registry.data.strings", ("Details",)),
    ("http.request.method", ("cs-method",)),
    ("http.request.referrer", ("cs-referer",)),
    ("http.response.status_code", ("sc-status",)),
    ("user_agent.original", ("c-useragent", "cs-user-agent")),
    ("url.domain", ("cs-host",)),
    ("event.action", ("action",)),
    ("rule.name", ("signature",)),
)
_OCSF: Aliases = (
    ("process.cmd_line", ("CommandLine",)),
    ("process.file.path", ("Image",)),
    ("process.working_directory", ("CurrentDirectory",)),
    ("process.pid", ("ProcessId",)),
    ("process.uid", ("ProcessGuid",)),
    ("process.parent_process.file.path", ("ParentImage",)),
    ("process.parent_process.cmd_line", ("ParentCommandLine",)),
    ("process.parent_process.pid", ("ParentProcessId",)),
    ("actor.process.file.path", ("ParentImage",)),
    ("actor.process.cmd_line", ("ParentCommandLine",)),
    ("process.user.name", ("User", "user")),
    ("actor.user.name", ("User", "user")),
    ("user.name", ("TargetUserName",)),
    ("src_endpoint.ip", ("src_ip", "c-ip")),
    ("src_endpoint.port", ("src_port",)),
    ("dst_endpoint.ip", ("dst_ip", "s-ip")),
    ("dst_endpoint.port", ("dst_port",)),
    ("dst_endpoint.hostname", ("DestinationHostname",)),
    ("connection_info.protocol_name", ("Protocol", "proto")),
    ("query.hostname", ("query", "QueryName")),
    ("query.type", ("record_type",)),
    ("answers.rdata", ("answer",)),
    ("file.path", ("TargetFilename",)),
    ("http_request.http_method", ("cs-method",)),
    ("http_request.user_agent", ("c-useragent", "cs-user-agent")),
    ("http_request.referrer", ("cs-referer",)),
    ("http_request.url.hostname", ("cs-host",)),
    ("http_response.code", ("sc-status",)),
    ("reg_key.path", ("TargetObject",)),
    ("finding_info.title", ("signature",)),
)
_OCSF_CLASSES = {
    1001: "file_system_activity", 1003: "kernel_activity", 1004: "memory_activity", 1005: "module_activity",
    1006: "scheduled_job_activity", 1007: "process_activity", 2001: "security_finding",
    2002: "vulnerability_finding", 2003: "compliance_finding", 2004: "detection_finding",
    2005: "incident_finding", 3001: "account_change", 3002: "authentication", 3003: "authorize_session",
    3004: "entity_management", 3005: "user_access", 3006: "group_management", 4001: "network_activity",
    4002: "http_activity", 4003: "dns_activity", 4004: "dhcp_activity", 4005: "rdp_activity",
    4006: "smb_activity", 4007: "ssh_activity", 4008: "ftp_activity", 4009: "email_activity",
    4010: "network_file_activity", 5001: "inventory_info", 6001: "web_resources_activity",
    6002: "application_lifecycle", 6003: "api_activity", 6005: "datastore_activity",
    201001: "registry_key_activity", 201002: "registry_value_activity",
}  # fmt: skip
_OCSF_CATEGORIES = {
    1001: "file_event", 1007: "process_creation", 4001: "network_connection", 4002: "webserver",
    4003: "dns", 201001: "registry_event", 201002: "registry_set",
}  # fmt: skip
_ECS_CATEGORIES = {
    "process": "process_creation", "network": "network_connection", "dns": "dns", "web": "webserver",
    "file": "file_event", "registry": "registry_set", "malware": "antivirus",
}  # fmt: skip
_PRODUCTS = ("windows", "linux", "macos")


def is_ocsf(document: dict[str, Any]) -> bool:
    return type(document.get("class_uid")) is int and "metadata" in document


def is_ecs(document: dict[str, Any]) -> bool:
    return "@timestamp" in document and (
        "ecs" in document or "ecs.version" in document or type(document.get("event")) is dict
    )


def ocsf_event(document: dict[str, Any], context: Context, piece: bytes) -> Event:
    """One OCSF event."""
    uid = document.get("class_uid")
    number = uid if isinstance(uid, int) else 0
    fields = flatten(document, context.bounds)
    apply(fields, _OCSF)
    apply(fields, CONNECTION)
    _add_path(fields, "http_request.url.path", "http_request.url.query_string")
    name = _OCSF_CLASSES.get(number) or kind_part(document.get("class_name"))
    identifier = fields.get("metadata.uid")
    host = text_of(fields.get("device.hostname")) or context.host
    product = _product(text_of(fields.get("device.os.type")) or text_of(fields.get("device.os.name")))
    return Event(
        *_route(_OCSF_CATEGORIES.get(number, ""), product, f"ocsf.{name}"),
        fields,
        from_anything(document.get("time")),
        host.lower(),
        natural_key("ocsf", identifier, piece) if isinstance(identifier, str) else None,
    )


def ecs_event(document: dict[str, Any], context: Context, piece: bytes) -> Event:
    """One event in the Elastic Common Schema, whatever wrote it."""
    fields = flatten(document, context.bounds)
    apply(fields, _ECS)
    apply(fields, CONNECTION)
    uri = fields.get("url.original")
    if isinstance(uri, str):
        add_uri(fields, uri)
    else:
        _add_path(fields, "url.path", "url.query")
    host = text_of(fields.get("host.name")) or text_of(fields.get("host.hostname")) or context.host
    identifier = text_of(fields.get("event.id"))
    product = _product(text_of(fields.get("host.os.type")))
    return Event(
        *_route(_ecs_category(fields.get("event.category")), product, "generic"),
        fields,
        from_anything(document.get("@timestamp")),
        host.lower(),
        natural_key("ecs", identifier, piece) if identifier else None,
    )


def _route(category: str, product: str, otherwise: str) -> Route:
    return route_of(category, product, otherwise=otherwise) if category else Route(otherwise)


def _ecs_category(value: object) -> str:
    values = value if isinstance(value, tuple) else (value,)
    return next((_ECS_CATEGORIES[item] for item in values if item in _ECS_CATEGORIES), "")


def _product(name: str) -> str:
    return next((product for product in _PRODUCTS if name.lower().startswith(product)), "")


def _add_path(fields: Fields, path: str, query: str) -> None:
    target = fields.get(path)
    if isinstance(target, str):
        extra = fields.get(query)
        add_uri(fields, f"{target}?{extra}" if isinstance(extra, str) and extra else target)
