"""
Access logs of web servers: the common and combined formats of Apache, nginx and their like.

Source: Apache HTTP Server documentation, "Log Files" (Common and Combined Log Format).
"""

import re

from appliance.telemetry.decoding.aliases import add_uri
from appliance.telemetry.decoding.context import Context
from appliance.telemetry.decoding.flattening import Fields
from appliance.telemetry.decoding.times import from_format
from appliance.telemetry.events import Event

# A quoted part may hold an escaped quote, which is how servers write one from the client.
_LINE = re.compile(
    r"(?:(\S{1,255}:\d{1,5}) )?(\S{1,255}) (\S{1,255}) (.{1,255}?) \[([^\]]{10,40})\] "
    r'"((?:[^"\\]++|\\.)*+)" (\d{3}|-) (\d{1,19}|-)'
    r'(?: "((?:[^"\\]++|\\.)*+)" "((?:[^"\\]++|\\.)*+)")?',
    re.DOTALL,
)
_TIME = "%d/%b/%Y:%H:%M:%S %z"
_ESCAPED = re.compile(r'\\(["\\])')


def is_access_line(text: str) -> bool:
    return _LINE.match(text) is not None


def access_event(text: str, context: Context, _piece: bytes) -> Event | None:
    """One request as a web server saw it; None if the line has another shape."""
    match = _LINE.match(text)
    if match is None:
        return None
    site, client, _, user, stamp, request, status, size, referer, agent = match.groups()
    fields: Fields = {"c-ip": client, "src_ip": client, "SourceIp": client, "message": text}
    _add_request(fields, _ESCAPED.sub(r"\1", request))
    for name, value in (
        ("cs-username", user),
        ("cs-host", site.rpartition(":")[0] if site else None),
        ("cs-referer", referer),
        ("c-useragent", agent),
        ("cs-user-agent", agent),
    ):
        if value and value != "-":
            fields[name] = _ESCAPED.sub(r"\1", value)
    if status != "-":
        fields["sc-status"] = int(status)
    if size != "-" and len(size) < 19:  # noqa: PLR2004 — an int in 64 bits
        fields["sc-bytes"] = int(size)
    kind = "proxy.access" if "://" in str(fields.get("c-uri", ""))[:8] else "webserver.access"
    return Event(kind, "", "", fields, from_format(stamp, _TIME), context.host)


def _add_request(fields: Fields, request: str) -> None:
    method, _, rest = request.partition(" ")
    uri, space, version = rest.rpartition(" ")
    if not space or not version.startswith("HTTP/"):
        uri, version = rest, ""
    if method.isalpha() and rest:
        fields["cs-method"] = method
        add_uri(fields, uri)
        if version:
            fields["cs-version"] = version
    else:
        # What is no HTTP request at all (a TLS hello, a scanner's bytes) stays readable as it is.
        add_uri(fields, request)
