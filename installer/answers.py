"""`site.yml`: all that a person says about a site, and nothing that can be found out."""

import base64
import ipaddress
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from installer.failures import InstallFailure

_MAX_BYTES = 256 * 1024
_SIZES = (1, 3)
_KEY = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-[a-z0-9@.-]+) ([A-Za-z0-9+/=]+)( .*)?"
)
_NAME = r"^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$"
_Name = Annotated[str, msgspec.Meta(pattern=_NAME)]


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A machine: its host name and its address in the site's network (IPv4)."""

    name: _Name
    address: str


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """NTP servers of the site. Without any, the nodes follow each other."""

    servers: list[str] = []


class Watchdog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`required`: each node has a watchdog device that resets it when it hangs. `off` needs a reason."""

    mode: Literal["required", "off"] = "required"
    reason: str = ""


class Site(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Attributes:
        cluster: Its name; certificates bear it.
        network: The network of all nodes, such as `192.0.2.0/24`.
        vip: The address that is always on a living node: console, API, senders. None with a single node.
        public_url: What browsers use; by default the virtual address, or the node's own.
        admin_keys: ssh public keys of administrators.
        bundle: Folder of the offline bundle on the node that installs.
    """

    version: Literal[1]
    cluster: _Name
    network: str
    nodes: list[Node]
    vip: str = ""
    public_url: str = ""
    time: Time = Time()
    watchdog: Watchdog = Watchdog()
    admin_keys: list[str] = []
    bundle: str = "/var/lib/xdr-bundles/current"

    @property
    def url(self) -> str:
        return self.public_url or f"https://{self.vip or self.nodes[0].address}"

    def node(self, name: str) -> Node | None:
        return next((node for node in self.nodes if node.name == name), None)


class _Loader(yaml.SafeLoader):
    """YAML without the booleans of version 1.1 (`mode: off` means the word), aliases, keys given twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        # A few lines of aliases can stand for more than memory holds.
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call] # PyYAML's stubs lack it
            raise yaml.composer.ComposerError(None, None, "aliases are not read here", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value} is there twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> Site:
    """
    Raises:
        InstallFailure: It is not there, not YAML, or says something that cannot be; with the line.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InstallFailure(
            f"{path}: {error.strerror}", next_step="write it, or run `xdr-install first-boot` for the wizard"
        ) from error
    if len(data) > _MAX_BYTES:
        raise InstallFailure(f"{path}: larger than {_MAX_BYTES} bytes", next_step="this is no site file")
    return parse(data.decode(errors="replace"), source=str(path))


def parse(text: str, *, source: str = "site.yml") -> Site:
    """
    Raises:
        InstallFailure: As `read`.
    """
    try:
        tree = yaml.compose(text, _Loader)
        raw: Any = yaml.load(text, _Loader)  # noqa: S506 — a subclass of SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InstallFailure(
            f"{source}{line}: {error.problem}", next_step="correct it there; the file is YAML"
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InstallFailure(f"{source}: not YAML", next_step="correct it there") from error
    for at in _with_line_breaks(tree):
        raise InstallFailure(
            f"{source}, line {at}: a value with a line break or another control character",
            next_step="write it in one line",
        )
    try:
        site = msgspec.convert(raw, Site)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `")
        # "$.nodes[0].name`", or "key` in `$`" where the key itself is wrong.
        where = path.rstrip("`").rpartition("`")[2] or "$"
        raise _wrong(source, tree, where, what) from error
    for where, what in _contradictions(site):
        raise _wrong(source, tree, where, what)
    return site


def write(site: Site) -> str:
    """The file's text for a site; `parse` gives the same site back."""
    plain = {
        key: value
        for key, value in msgspec.to_builtins(site).items()
        if value not in ("", [], {"servers": []}) and value != _DEFAULTS.get(key)
    }
    return yaml.safe_dump(plain, sort_keys=False, default_flow_style=False)


_DEFAULTS = {"bundle": "/var/lib/xdr-bundles/current", "watchdog": {"mode": "required", "reason": ""}}


def schema() -> str:
    """The published JSON Schema (2020-12), as text."""
    found = msgspec.json.schema(Site)
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    found["title"] = "site.yml of Mini-XDR Appliance"
    return json.dumps(found, indent=2, sort_keys=True) + "\n"


def _wrong(source: str, tree: yaml.Node | None, where: str, what: str) -> InstallFailure:
    line = _line(tree, where)
    place = f"{source}, line {line}" if line else source
    return InstallFailure(
        f"{place}: {where.removeprefix('$.') or 'the file'}: {what}",
        next_step="correct it there; docs/operations/installing.md describes every field",
    )


def _line(tree: yaml.Node | None, where: str) -> int | None:
    """The line (from 1) on which what a path such as `$.nodes[0].address` names begins."""
    node = tree
    for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", where):
        if name and isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == name), node)
        elif index and isinstance(node, yaml.SequenceNode) and int(index) < len(node.value):
            node = node.value[int(index)]
    return node.start_mark.line + 1 if node is not None else None


def _with_line_breaks(node: yaml.Node | None) -> Iterator[int]:
    """Lines of values that would end a line of what is made from them, as patterns' `$` lets one pass."""
    if isinstance(node, yaml.ScalarNode):
        if not node.value.isprintable():
            yield node.start_mark.line + 1
    elif isinstance(node, yaml.CollectionNode):
        for child in node.value:
            for each in child if isinstance(child, tuple) else (child,):
                yield from _with_line_breaks(each)


def _contradictions(site: Site) -> list[tuple[str, str]]:
    """Path and reason of what types alone cannot refuse; the first is told."""
    found: list[tuple[str, str]] = []
    try:
        network = ipaddress.IPv4Network(site.network)
    except ValueError as error:
        return [("$.network", f"{error}; write it as 192.0.2.0/24")]
    if network.is_loopback or network.is_multicast or network.is_unspecified or network.is_link_local:
        return [("$.network", f"{network} is no network that nodes can reach each other in")]
    if len(site.nodes) not in _SIZES:
        found.append(
            (
                "$.nodes",
                f"{len(site.nodes)} nodes; a site has one, or three; two would survive no loss",
            )
        )
    for number, node in enumerate(site.nodes):
        others = site.nodes[:number]
        found += _bad_address(f"$.nodes[{number}].address", node.address, network)
        if any(other.name == node.name for other in others):
            found.append((f"$.nodes[{number}].name", f"{node.name} is there twice"))
        if any(other.address == node.address for other in others):
            found.append((f"$.nodes[{number}].address", f"{node.address} is there twice"))
    found += _bad_vip(site, network)
    if site.public_url and not re.fullmatch(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?", site.public_url):
        found.append(("$.public_url", "write it as https://NAME, without a path"))
    if not site.bundle.startswith("/"):
        found.append(("$.bundle", "write the whole path of the folder"))
    if site.watchdog.mode == "off" and not site.watchdog.reason.strip():
        found.append(("$.watchdog", "off needs a `reason`: a hung node is then not reset"))
    found += [
        (f"$.admin_keys[{number}]", "not an ssh public key (one line of a .pub file)")
        for number, key in enumerate(site.admin_keys)
        if not _is_public_key(key)
    ]
    found += [
        (f"$.time.servers[{number}]", "neither a host name nor an address")
        for number, server in enumerate(site.time.servers)
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?", server)
    ]
    return found


def _is_public_key(text: str) -> bool:
    """Whether it is one line of a `.pub` file whose inside is the kind that it says."""
    match = _KEY.fullmatch(text)
    if match is None:
        return False
    try:
        data = base64.b64decode(match[2], validate=True)
    except ValueError:
        return False
    kind = match[1].encode()
    return data.startswith(len(kind).to_bytes(4) + kind)


def newcomer_refused(name: str, address: str, site: Site) -> str:
    """Why no new machine of the site can have this name and address, or ""."""
    if not re.fullmatch(_NAME, name):
        return f"{name!r} is no name of a node: small letters, digits and hyphens, a letter first"
    found = _bad_address("", address, ipaddress.IPv4Network(site.network))
    if found:
        return found[0][1]
    if address == site.vip:
        return f"{address} is the virtual address"
    # Its host key would be forgotten, and the controller could not reach that node any more.
    other = next((node.name for node in site.nodes if node.address == address and node.name != name), "")
    return f"{address} is the address of {other}" if other else ""


def _bad_address(where: str, text: str, network: ipaddress.IPv4Network) -> list[tuple[str, str]]:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return [(where, f"{text!r} is no IPv4 address")]
    if address not in network:
        return [(where, f"{text} is not in {network}")]
    if network.prefixlen < 31 and address in (network.network_address, network.broadcast_address):  # noqa: PLR2004
        return [(where, f"{text} is the network's own or its broadcast address")]
    return []


def _bad_vip(site: Site, network: ipaddress.IPv4Network) -> list[tuple[str, str]]:
    if len(site.nodes) == 1:
        return (
            [("$.vip", "a single node has none: browsers and senders use its own address")]
            if site.vip
            else []
        )
    if not site.vip:
        return [("$", "`vip` is missing: the address that stays when a node is lost")]
    if any(node.address == site.vip for node in site.nodes):
        return [("$.vip", f"{site.vip} is a node's own address; choose a free one")]
    return _bad_address("$.vip", site.vip, network)
