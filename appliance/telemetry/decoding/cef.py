r"""
ArcSight's CEF and IBM's LEEF.

Their escape rules are the point. CEF: in the header `\|` and `\\`; in the extension `\=`, `\\`, `\n`, `\r`,
and a value runs until the next `key=`, spaces included. LEEF 1.0 separates by tab; 2.0 names its separator
in the header as a character or in hex ("^", "x09", "0x09").
Source: "ArcSight Common Event Format" version 25; "IBM QRadar LEEF" version 2.
"""

import re
from itertools import islice

from appliance.telemetry.decoding.aliases import CONNECTION, Aliases, add_uri, apply
from appliance.telemetry.decoding.context import Context
from appliance.telemetry.decoding.flattening import BoundExceededError, Fields
from appliance.telemetry.decoding.times import from_anything, from_format
from appliance.telemetry.events import Event

_HEADER = re.compile(r"((?:[^|\\]++|\\.)*+)\|", re.DOTALL)
_KEY = re.compile(r"(?:^|(?<=\s))([\w.\-\[\]]{1,128})=")
_HEADER_ESCAPE = re.compile(r"\\([|\\])")
_VALUE_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_SEPARATOR_HEX = re.compile(r"(?:0?x)([0-9A-Fa-f]{1,6})\Z")
_CEF_NAMES = (
    "version",
    "device_vendor",
    "device_product",
    "device_version",
    "signature_id",
    "name",
    "severity",
)
_LEEF_NAMES = ("version", "device_vendor", "device_product", "device_version", "event_id")
_LARGEST_CODE_POINT = 0x10FFFF
_TIME_PATTERNS = ("%b %d %Y %H:%M:%S", "%b %d %Y %H:%M:%S.%f", "%b %d %Y %H:%M:%S %Z")
_MAPPED: Aliases = (
    ("src", ("src_ip", "c-ip")),
    ("spt", ("src_port",)),
    ("dst", ("dst_ip", "s-ip")),
    ("dpt", ("dst_port",)),
    ("srcPort", ("src_port",)),
    ("dstPort", ("dst_port",)),
    ("proto", ("Protocol",)),
    ("act", ("action",)),
    ("suser", ("user", "User")),
    ("usrName", ("user", "User")),
    ("duser", ("TargetUserName",)),
    ("shost", ("SourceHostname",)),
    ("dhost", ("DestinationHostname", "cs-host")),
    ("requestMethod", ("cs-method",)),
    ("requestClientApplication", ("c-useragent", "cs-user-agent")),
    ("requestContext", ("cs-referer",)),
    ("fname", ("TargetFilename",)),
    ("filePath", ("TargetFilename",)),
    ("fileHash", ("Hashes",)),
    ("sproc", ("Image",)),
    ("deviceProcessName", ("Image",)),
    ("dproc", ("TargetImage",)),
    ("name", ("Signature",)),
)
_PORTS = ("spt", "dpt", "srcPort", "dstPort")
# `cs1Label=User Agent cs1=curl` means: the field "User Agent" is "curl".
_LABEL = re.compile(r"(c[sn]\d{1,2}|c6a\d|cfp\d|flexString\d|deviceCustomDate\d)Label\Z")
_HOSTS = ("dvchost", "dvc", "deviceHostName", "devname", "identHostName")
_TIMES = ("rt", "end", "start", "devTime", "deviceReceiptTime")


def cef_event(text: str, context: Context, _piece: bytes) -> Event:
    """One CEF record; text that only begins like one is kept whole in `message`."""
    values, rest = _header(text[len("CEF:") :], _CEF_NAMES)
    fields: Fields = dict(zip(_CEF_NAMES, values, strict=False))
    _add_pairs(fields, _cef_pairs(rest, context.bounds.fields + 1), context)
    _apply_labels(fields)
    return _event("cef", fields, context)


def leef_event(text: str, context: Context, _piece: bytes) -> Event:
    """One LEEF record, 1.0 or 2.0."""
    values, rest = _header(text[len("LEEF:") :], _LEEF_NAMES)
    fields: Fields = dict(zip(_LEEF_NAMES, values, strict=False))
    separator = "\t"
    if values and values[0].startswith("2"):
        stated, mark, after = rest.partition("|")
        if mark and len(stated) <= 8:  # noqa: PLR2004 — the longest spelling of one separator
            separator, rest = _separator(stated), after
    _add_pairs(fields, _leef_pairs(rest, separator, context.bounds.fields + 1), context)
    return _event("leef", fields, context)


def _event(kind: str, fields: Fields, context: Context) -> Event:
    for name in _PORTS:
        port = fields.get(name)
        if isinstance(port, str) and port.isdecimal() and len(port) <= 5:  # noqa: PLR2004 — the digits of 65535
            fields[name] = int(port)
    apply(fields, _MAPPED)
    apply(fields, CONNECTION)
    request = fields.get("request") or fields.get("url")
    if isinstance(request, str):
        add_uri(fields, request)
    host = next((fields[name] for name in _HOSTS if isinstance(fields.get(name), str)), "")
    return Event(kind, "", "", fields, _time(fields, context), str(host).lower() or context.host)


def _header(text: str, names: tuple[str, ...]) -> tuple[list[str], str]:
    values: list[str] = []
    position = 0
    while len(values) < len(names):
        match = _HEADER.match(text, position)
        if match is None:
            # The last header field may end the record.
            values.append(text[position:])
            return values, ""
        values.append(_HEADER_ESCAPE.sub(r"\1", match[1]))
        position = match.end()
    return values, text[position:]


def _cef_pairs(text: str, most: int) -> list[tuple[str, str]]:
    keys = list(islice(_KEY.finditer(text), most))
    pairs = []
    for index, key in enumerate(keys):
        end = keys[index + 1].start() if index + 1 < len(keys) else len(text)
        pairs.append((key[1], _VALUE_ESCAPE.sub(_unescape, text[key.end() : end].strip())))
    return pairs


def _leef_pairs(text: str, separator: str, most: int) -> list[tuple[str, str]]:
    pairs = []
    for part in text.split(separator, most)[:most]:
        name, equals, value = part.partition("=")
        if equals and name.strip():
            pairs.append((name.strip(), value.rstrip("\r")))
    return pairs


def _add_pairs(fields: Fields, pairs: list[tuple[str, str]], context: Context) -> None:
    if len(pairs) > context.bounds.fields:
        raise BoundExceededError(f"more than {context.bounds.fields} fields")
    for name, value in pairs:
        # The header stands: an extension must not rename the device or the signature.
        fields.setdefault(name, value)


def _apply_labels(fields: Fields) -> None:
    for name in list(fields):
        label = _LABEL.match(name)
        title = fields[name]
        if label and isinstance(title, str) and label[1] in fields and title:
            fields.setdefault(title, fields[label[1]])


def _unescape(match: "re.Match[str]") -> str:
    character = match[1]
    return _ESCAPES.get(character) or (character if character in "=\\|" else match[0])


def _separator(stated: str) -> str:
    hexadecimal = _SEPARATOR_HEX.match(stated)
    if hexadecimal:
        code = int(hexadecimal[1], 16)
        return chr(code) if 0 < code <= _LARGEST_CODE_POINT else "\t"
    return stated or "\t"


def _time(fields: Fields, context: Context) -> int:
    for name in _TIMES:
        value = fields.get(name)
        if not isinstance(value, str) or not value:
            continue
        time = from_anything(value, context.zone)
        for pattern in _TIME_PATTERNS:
            time = time or from_format(value, pattern, context.zone)
        if time:
            return time
    return 0
