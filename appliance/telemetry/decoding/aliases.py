"""
The same value under the name that Sigma's rules use.

Native names stay: users know them and write rules with them. The two share one value object, so an alias
costs a dictionary slot, not a copy.
"""

from collections.abc import Iterable

from appliance.telemetry.decoding.flattening import Fields

Aliases = tuple[tuple[str, tuple[str, ...]], ...]

CONNECTION: Aliases = (
    ("src_ip", ("SourceIp",)),
    ("src_port", ("SourcePort",)),
    ("dst_ip", ("DestinationIp",)),
    ("dst_port", ("DestinationPort",)),
)


def apply(fields: Fields, aliases: Aliases) -> None:
    """Gives each native field that is there its Sigma names; a name already taken keeps its value."""
    for native, names in aliases:
        if native in fields:
            value = fields[native]
            if value is not None:
                for name in names:
                    fields.setdefault(name, value)


def first(fields: Fields, names: Iterable[str]) -> str:
    """The first of these fields that holds text, or ""."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def add_uri(fields: Fields, uri: str) -> None:
    """
    A request target under the names of the webserver and proxy rules.

    `cs-uri-query` holds the whole target, path included: that is how the public rules use it.
    """
    fields["c-uri"] = fields["cs-uri"] = fields["cs-uri-query"] = uri
    stem, mark, query = uri.partition("?")
    fields["cs-uri-stem"] = stem
    if mark:
        fields["c-uri-query"] = query
    last = stem.rsplit("/", 1)[-1]
    if "." in last:
        fields["c-uri-extension"] = last.rsplit(".", 1)[-1]
