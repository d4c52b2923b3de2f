"""What all HTTP receivers share: the intake, the bounds, and who is calling."""

import base64
import binascii
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import msgspec
from litestar import Request

from appliance.jobs.receivers.bodies import InFlight, Limits, read_body
from appliance.telemetry.intake import Intake, Receipt, Submission

_LONGEST_HEADER = 1024


class BatchLookup(Protocol):
    """Tells what became of a batch; None if this source never sent one of that id."""

    async def batch(self, batch_id: str, credential: str) -> Receipt | None: ...


class Caller(NamedTuple):
    """What a request says about who sends it; nothing here is verified."""

    credential: str = ""
    source: str = ""


class Gate:
    """The way from a request into the intake."""

    def __init__(self, intake: Intake, limits: Limits, batches: BatchLookup | None) -> None:
        self.batches = batches
        self._intake = intake
        self._in_flight = InFlight(limits)
        self._acknowledgements = 0

    async def submit(
        self,
        request: Request[Any, Any, Any],
        submission: Submission,
        extract: Callable[[bytes], bytes] | None = None,
    ) -> Receipt:
        """
        Reads the request's body and hands it on as the submission's.

        `extract` takes the events out of a protocol's own envelope. Raises what `read_body` and
        `Intake.accept` raise; the memory is given back either way.
        """
        with self._in_flight.reservation() as reservation:
            body = await read_body(request, reservation)
            events = extract(body) if extract is not None else body
            return await self._intake.accept(msgspec.structs.replace(submission, body=events))

    async def read(self, request: Request[Any, Any, Any]) -> bytes:
        """A small body that is no batch."""
        with self._in_flight.reservation() as reservation:
            return await read_body(request, reservation)

    def next_acknowledgement(self) -> int:
        """A number for a batch whose acceptance has already been acknowledged (Splunk's ackId)."""
        self._acknowledgements += 1
        return self._acknowledgements - 1

    def was_acknowledged(self, number: int) -> bool:
        return 0 <= number < self._acknowledgements


def gate_of(request: Request[Any, Any, Any]) -> Gate:
    gate = request.app.state["gate"]
    assert isinstance(gate, Gate)
    return gate


def header(request: Request[Any, Any, Any], *names: str) -> str:
    """The first of these headers that is there, cut to a sane length."""
    return next((value[:_LONGEST_HEADER] for name in names if (value := request.headers.get(name))), "")


def peer_of(request: Request[Any, Any, Any]) -> str:
    return request.client.host if request.client else ""


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """
    Source and token out of `Authorization`, as each protocol spells it.

    Bearer and Splunk carry the token alone; Basic and ApiKey carry "source:token" in base64.
    """
    scheme, _, value = header(request, "authorization").partition(" ")
    value = value.strip()
    match scheme.lower():
        case "bearer" | "splunk":
            return Caller(value)
        case "basic" | "apikey":
            return _pair(value)
        case _:
            return Caller()


def _pair(value: str) -> Caller:
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return Caller(value)
    source, colon, token = text.partition(":")
    return Caller(token, source) if colon else Caller(text)
