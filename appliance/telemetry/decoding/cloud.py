"""
Audit logs of clouds and services: AWS, Azure, Google Cloud, Microsoft 365, Okta, GitHub, Kubernetes,
Bitbucket and OpenCanary.

Their rules name some members as text though they are objects (`requestParameters`), and Azure's spell the
same member with a capital or without: both are supplied.
"""

from collections.abc import Callable
from typing import Any

import orjson

from appliance.telemetry.decoding.aliases import Aliases, apply
from appliance.telemetry.decoding.context import Context, natural_key, text_of
from appliance.telemetry.decoding.flattening import Fields, flatten
from appliance.telemetry.decoding.times import from_anything
from appliance.telemetry.events import Event

_TEXT_OF = {
    "aws.cloudtrail": ("requestParameters", "responseElements"),
    "azure": ("properties", "targetResources", "TargetResources", "initiatedBy", "InitiatedBy"),
    "m365.audit": ("Parameters", "OperationProperties", "ExtendedProperties"),
}
_TEXT_OF_AZURE_PROPERTIES = ("targetResources", "initiatedBy")
_AZURE_STREAMS = {
    "auditlogs": "auditlogs",
    "signinlogs": "signinlogs",
    "noninteractiveusersigninlogs": "signinlogs",
    "serviceprincipalsigninlogs": "signinlogs",
    "managedidentitysigninlogs": "signinlogs",
    "riskyusers": "riskdetection",
    "userriskevents": "riskdetection",
    "administrative": "activitylogs",
    "security": "activitylogs",
    "policy": "activitylogs",
    "alert": "activitylogs",
    "recommendation": "activitylogs",
    "resourcehealth": "activitylogs",
    "servicehealth": "activitylogs",
    "autoscale": "activitylogs",
}
_TIMES = (
    "eventTime",
    "@timestamp",
    "time",
    "timestamp",
    "published",
    "requestReceivedTimestamp",
    "CreationTime",
    "created_at",
    "createdDateTime",
    "activityDateTime",
    "TimeGenerated",
    "utc_time",
    "local_time",
)
_HOSTS = ("Computer", "hostname", "node_id")
_ALIASES: dict[str, Aliases] = {
    "aws.cloudtrail": (
        ("sourceIPAddress", ("src_ip",)),
        ("userIdentity.userName", ("user",)),
        ("userIdentity.arn", ("user_arn",)),
    ),
    "okta.system": (("client.ipAddress", ("src_ip",)), ("actor.alternateId", ("user",))),
    "m365.audit": (("ClientIP", ("src_ip",)), ("UserId", ("user",))),
    "github.audit": (("actor", ("user",)), ("actor_ip", ("src_ip",))),
    "kubernetes.audit": (("user.username", ("user",)), ("sourceIPs", ("src_ip",))),
    "gcp.audit": (
        ("protoPayload.methodName", ("gcp.audit.method_name", "data.protoPayload.methodName")),
        ("protoPayload.serviceName", ("data.protoPayload.serviceName",)),
        ("protoPayload.resource.type", ("data.protoPayload.resource.type",)),
        ("logName", ("data.protoPayload.logName",)),
        ("protoPayload.authorizationInfo.permission", ("data.protoPayload.authorizationInfo.permission",)),
        ("protoPayload.authorizationInfo.granted", ("data.protoPayload.authorizationInfo.granted",)),
        ("protoPayload.authenticationInfo.principalEmail", ("user",)),
        ("protoPayload.requestMetadata.callerIp", ("src_ip",)),
    ),
    "opencanary": (
        ("src_host", ("src_ip", "SourceIp")),
        ("dst_host", ("dst_ip", "DestinationIp")),
        ("src_port", ("SourcePort",)),
        ("dst_port", ("DestinationPort",)),
        ("logdata.USERNAME", ("username",)),
        ("logdata.PASSWORD", ("password",)),
    ),
    "azure": (
        ("callerIpAddress", ("src_ip",)),
        ("properties.ipAddress", ("src_ip",)),
        ("ipAddress", ("src_ip",)),
        ("properties.userPrincipalName", ("user",)),
        ("userPrincipalName", ("user",)),
        ("identity", ("user",)),
    ),
    "azure.vmconnection": (
        ("SourceIp", ("src_ip",)),
        ("DestinationIp", ("dst_ip",)),
        ("DestinationPort", ("dst_port",)),
        ("ProcessName", ("Image",)),
    ),
}
_IDENTIFIERS = ("eventID", "id", "Id", "uuid", "auditID", "insertId", "_document_id", "correlationId")

Test = Callable[[dict[str, Any]], bool]
_TESTS: tuple[tuple[str, Test], ...] = (
    ("aws.cloudtrail", lambda d: "eventSource" in d and "eventName" in d and "status" not in d),
    ("kubernetes.audit", lambda d: text_of(d.get("apiVersion")).startswith("audit.k8s.io")),
    ("gcp.audit", lambda d: type(d.get("protoPayload")) is dict),
    ("okta.system", lambda d: "eventType" in d and "actor" in d and ("published" in d or "outcome" in d)),
    ("m365.audit", lambda d: "Operation" in d and "Workload" in d),
    ("azure.vmconnection", lambda d: d.get("Type") == "VMConnection"),
    ("azure", lambda d: "operationName" in d and ("resourceId" in d or "tenantId" in d or "properties" in d)),
    ("azure", lambda d: "OperationName" in d and ("TenantId" in d or "Category" in d)),
    ("azure", lambda d: "riskEventType" in d),
    ("opencanary", lambda d: "logtype" in d and "node_id" in d),
    (
        "github.audit",
        lambda d: (
            type(d.get("action")) is str and "actor" in d and ("org" in d or "repo" in d or "business" in d)
        ),
    ),
    ("bitbucket.audit", lambda d: type(d.get("auditType")) is dict and "action" in d["auditType"]),
)


def service_of(document: dict[str, Any]) -> str:
    """Which service wrote the record ("aws.cloudtrail" …, "azure" for all of Azure's streams); "" if none."""
    return next((name for name, is_from in _TESTS if is_from(document)), "")


def cloud_event(document: dict[str, Any], context: Context, piece: bytes) -> Event:
    """One audit record of any of the services above."""
    service = service_of(document) or "generic"
    kind = _azure_kind(document) if service == "azure" else service
    fields = flatten(document, context.bounds)
    for name in _TEXT_OF.get(service, ()):
        _add_text(fields, name, document.get(name))
    if service == "azure":
        _add_azure_names(fields, document)
    apply(fields, _ALIASES.get(service, ()))
    identifier = next(
        (text_of(document.get(name)) for name in _IDENTIFIERS if text_of(document.get(name))), ""
    )
    return Event(
        kind,
        "",
        "",
        fields,
        from_anything(next((document[name] for name in _TIMES if document.get(name)), None)),
        next(
            (text_of(document.get(name)) for name in _HOSTS if text_of(document.get(name))), context.host
        ).lower(),
        _key(kind, identifier, piece),
    )


def _key(kind: str, identifier: str, piece: bytes) -> bytes | None:
    if not identifier:
        return None
    # CloudTrail delivers one event in more than one file; its id alone says that it is the same.
    return natural_key(kind, identifier) if kind == "aws.cloudtrail" else natural_key(kind, identifier, piece)


def _azure_kind(document: dict[str, Any]) -> str:
    if "riskEventType" in document:
        return "azure.riskdetection"
    category = document.get("category") or document.get("Category") or document.get("CategoryValue")
    if isinstance(category, dict):
        category = category.get("value")
    return f"azure.{_AZURE_STREAMS.get(text_of(category).lower(), 'auditlogs')}"


def _add_text(fields: Fields, name: str, value: object) -> None:
    if isinstance(value, (dict, list)) and value:
        fields[name] = orjson.dumps(value).decode()


def _add_azure_names(fields: Fields, document: dict[str, Any]) -> None:
    properties = document.get("properties")
    if isinstance(properties, dict):
        for name in _TEXT_OF_AZURE_PROPERTIES:
            _add_text(fields, f"properties.{name}", properties.get(name))
            _add_text(fields, name[0].upper() + name[1:], properties.get(name))
        _add_targets(fields, properties)
    _add_targets(fields, document)
    message = fields.get("operationName") or fields.get("OperationName")
    if isinstance(message, str):
        fields.setdefault("properties.message", message)
    for name in list(fields):
        if "." not in name:
            fields.setdefault(name[:1].swapcase() + name[1:], fields[name])


def _add_targets(fields: Fields, source: dict[str, Any]) -> None:
    targets = source.get("targetResources") or source.get("TargetResources")
    if not isinstance(targets, list):
        return
    modified = [
        change
        for target in targets
        if isinstance(target, dict)
        for change in target.get("modifiedProperties") or target.get("ModifiedProperties") or ()
        if isinstance(change, dict)
    ]
    if not modified:
        return
    fields["TargetResources.modifiedProperties"] = orjson.dumps(modified).decode()
    for name in ("displayName", "newValue", "oldValue"):
        values = tuple(text_of(change.get(name)) for change in modified if text_of(change.get(name)))
        if values:
            for spelling in (f"modifiedProperties.{name}", f"ModifiedProperties.{name[0].upper()}{name[1:]}"):
                fields[f"TargetResources.{spelling}"] = values
