"""What passes between the appliance and its directory worker: msgpack frames with a length before them."""

import struct
from typing import Literal

import msgspec

from appliance.identity.federation_schemas import LdapConfig, Person, Step

LENGTH = struct.Struct(">I")
MOST_FRAME_BYTES = 16 * 1_048_576
Verb = Literal["authenticate", "look_up", "probe"]


class Ask(msgspec.Struct, frozen=True):
    id: int
    verb: Verb
    config: LdapConfig
    secret: str
    login: str = ""
    password: str = ""
    subjects: list[str] = msgspec.field(default_factory=list)

    def __repr__(self) -> str:
        return f"Ask(id={self.id}, verb={self.verb!r})"


class Answer(msgspec.Struct, frozen=True):
    """
    Args:
        refused: Why a sign-in fails; for logs and audit, never for whoever tries.
        failure: Why there is no answer: no server, or not ours.
    """

    id: int
    person: Person | None = None
    people: dict[str, Person] = msgspec.field(default_factory=dict)
    steps: list[Step] = msgspec.field(default_factory=list)
    refused: str = ""
    failure: str = ""


def framed(message: Ask | Answer) -> bytes:
    body = msgspec.msgpack.encode(message)
    return LENGTH.pack(len(body)) + body
