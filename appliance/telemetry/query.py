"""
What to look for in stored events, as a tree. Never SQL, never a string to be parsed later.

Text compares without regard to case; numbers compare as numbers where both sides are one. A field with
several values matches when any of them does. An absent field matches nothing but `not`.
"""

import ipaddress
from collections.abc import Callable, Iterator
from typing import Union

import msgspec

from appliance.foundation.errors import Invalid
from appliance.foundation.schema import Inbound
from appliance.telemetry.events import Value

MAX_CLAUSES = 64
_MAX_DEPTH = 12

Test = Callable[[str], bool]

# Where each kind of entity stands among the Sigma names.
ENTITY_FIELDS: dict[str, tuple[str, ...]] = {
    "host": ("@host", "Computer", "WorkstationName", "host", "hostname"),
    "user": ("User", "SubjectUserName", "TargetUserName", "username", "user", "ParentUser", "acct"),
    "address": (
        "SourceIp", "DestinationIp", "src_ip", "dst_ip", "c-ip", "s-ip", "IpAddress", "ClientAddress",
        "id.orig_h", "id.resp_h", "sourceIPAddress", "answer",
    ),
    "hash": ("Hashes", "md5", "sha1", "sha256", "Imphash", "shasum"),
    "process": ("ProcessGuid", "ParentProcessGuid", "SourceProcessGUID", "TargetProcessGUID"),
    "session": ("LogonId", "session", "SubjectLogonId", "TargetLogonId"),
    "domain": ("query", "QueryName", "cs-host", "tls.sni"),
    "file": ("TargetFilename", "Image", "ImageLoaded"),
    "url": ("url", "c-uri"),
}  # fmt: skip


class _Field(Inbound, frozen=True, tag_field="op"):
    field: str

    def test(self) -> Test:
        raise NotImplementedError


class _FieldValue(_Field, frozen=True, tag_field="op"):
    value: str | int | float

    @property
    def folded(self) -> str:
        return str(self.value).lower()


class Is(_FieldValue, frozen=True, tag="is"):
    def test(self) -> Test:
        wanted = self.folded
        return lambda text: text == wanted


class Contains(_FieldValue, frozen=True, tag="contains"):
    def test(self) -> Test:
        wanted = self.folded
        return lambda text: wanted in text


class StartsWith(_FieldValue, frozen=True, tag="startswith"):
    def test(self) -> Test:
        wanted = self.folded
        return lambda text: text.startswith(wanted)


class EndsWith(_FieldValue, frozen=True, tag="endswith"):
    def test(self) -> Test:
        wanted = self.folded
        return lambda text: text.endswith(wanted)


class Exists(_Field, frozen=True, tag="exists"):
    def test(self) -> Test:
        return lambda _: True


class Cidr(_FieldValue, frozen=True, tag="cidr"):
    def test(self) -> Test:
        try:
            network = ipaddress.ip_network(str(self.value), strict=False)
        except ValueError as error:
            raise Invalid(f"{self.value} is no network; write it as 10.0.0.0/8 or 2001:db8::/32") from error
        return lambda text: _within(text, network)


class _Compared(_FieldValue, frozen=True, tag_field="op"):
    @staticmethod
    def compare(number: float, limit: float) -> bool:
        raise NotImplementedError

    def test(self) -> Test:
        try:
            limit = float(self.value)
        except ValueError as error:
            raise Invalid(f"{self.field} can only be compared with a number, not {self.value!r}") from error
        compare = type(self).compare
        return lambda text: (number := _number(text)) is not None and compare(number, limit)


class Greater(_Compared, frozen=True, tag="gt"):
    @staticmethod
    def compare(number: float, limit: float) -> bool:
        return number > limit


class AtLeast(_Compared, frozen=True, tag="gte"):
    @staticmethod
    def compare(number: float, limit: float) -> bool:
        return number >= limit


class Less(_Compared, frozen=True, tag="lt"):
    @staticmethod
    def compare(number: float, limit: float) -> bool:
        return number < limit


class AtMost(_Compared, frozen=True, tag="lte"):
    @staticmethod
    def compare(number: float, limit: float) -> bool:
        return number <= limit


class Text(Inbound, frozen=True, tag_field="op", tag="text"):
    """In any field."""

    value: str


class Entity(Inbound, frozen=True, tag_field="op", tag="entity"):
    """A host, user, address … wherever an event may name one."""

    kind: str
    value: str


class And(Inbound, frozen=True, tag_field="op", tag="and"):
    of: tuple["Tree", ...]


class Or(Inbound, frozen=True, tag_field="op", tag="or"):
    of: tuple["Tree", ...]


class Not(Inbound, frozen=True, tag_field="op", tag="not"):
    of: "Tree"


FieldClause = Is | Contains | StartsWith | EndsWith | Exists | Cidr | Greater | AtLeast | Less | AtMost
Tree = Union[  # noqa: UP007 — forward references need Union at run time
    Is, Contains, StartsWith, EndsWith, Exists, Cidr, Greater, AtLeast, Less, AtMost, Text, Entity,
    And, Or, Not,
]  # fmt: skip


def bounded(tree: Tree | None) -> Tree | None:
    """
    The tree with entities spelled out, once it is known to be small enough to run.

    Raises:
        Invalid: Too deep, too many clauses, or an entity kind nobody knows.
    """
    if tree is None:
        return None
    expanded = _expanded(tree, 0)
    if sum(1 for _ in clauses(expanded)) > MAX_CLAUSES * 4:
        raise Invalid(f"a query holds at most {MAX_CLAUSES} clauses; split it")
    return expanded


def _expanded(tree: Tree, depth: int) -> Tree:
    if depth > _MAX_DEPTH:
        raise Invalid(f"a query nests at most {_MAX_DEPTH} levels deep")
    if isinstance(tree, And | Or):
        return type(tree)(of=tuple(_expanded(part, depth + 1) for part in tree.of))
    if isinstance(tree, Not):
        return Not(of=_expanded(tree.of, depth + 1))
    if isinstance(tree, Entity):
        if tree.kind not in ENTITY_FIELDS:
            raise Invalid(f"no entity kind {tree.kind!r}; there are {', '.join(sorted(ENTITY_FIELDS))}")
        return Or(of=tuple(_entity_clause(tree, name) for name in ENTITY_FIELDS[tree.kind]))
    return tree


def _entity_clause(entity: Entity, name: str) -> Tree:
    if name == "Hashes":
        return Contains(field=name, value=entity.value)
    if entity.kind == "user":
        # Windows writes DOMAIN\name in some fields and the bare name in others.
        return Or(of=(Is(field=name, value=entity.value), EndsWith(field=name, value="\\" + entity.value)))
    return Is(field=name, value=entity.value)


def clauses(tree: Tree) -> Iterator[FieldClause | Text | Entity]:
    """Every leaf."""
    if isinstance(tree, And | Or):
        for part in tree.of:
            yield from clauses(part)
    elif isinstance(tree, Not):
        yield from clauses(tree.of)
    else:
        yield tree


def fields_of(tree: Tree) -> set[str]:
    """The fields that must be read to answer; empty if there is only free text."""
    return {leaf.field for leaf in clauses(tree) if not isinstance(leaf, Text | Entity)}


def matches(test: Test, value: Value) -> bool:
    """Whether a stored value, or any of several, passes."""
    if isinstance(value, tuple):
        return any(test(str(one).lower()) for one in value)
    return value is not None and test(str(value).lower())


def _within(text: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(text) in network
    except ValueError:
        return False


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def parse(raw: bytes) -> Tree:
    """
    A tree from JSON.

    Raises:
        Invalid: Says which key is wrong.
    """
    try:
        return msgspec.json.decode(raw, type=Tree)  # type: ignore[no-any-return]  # a union type argument
    except msgspec.ValidationError as error:
        raise Invalid(f"query: {error}") from error
