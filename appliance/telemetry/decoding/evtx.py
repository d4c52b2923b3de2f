"""
Windows event log files (EVTX).

Invariants:
- What can be read is read: a damaged chunk or record is malformed, with its reason, and the rest follows.
- A record's original is the record as the file holds it: its header, its binary XML and its closing length.
  The template that such XML refers to may lie elsewhere in its chunk, so the bytes alone may not decode
  again; the file they came from is kept where the whole of it was ingested.
- Where a record cannot be found in the file (it was recovered from slack), its original is its chunk.

Source: the EVTX format as documented by J. Metz, "Windows XML Event Log (EVTX)", sections 3 and 4.
"""

import struct
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, Final

import orjson
from evtx import PyEvtxParser

from appliance.telemetry.decoding.windows import windows_event
from appliance.telemetry.events import Bounds, Decoded, Malformed

_FILE_MAGIC: Final = b"ElfFile\x00"
_CHUNK_MAGIC: Final = b"ElfChnk\x00"
_RECORD_MAGIC: Final = b"**\x00\x00"
_FILE_HEADER_BYTES: Final = 4096
_CHUNK_BYTES: Final = 65_536
_CHUNK_HEADER_BYTES: Final = 512
_RECORD_HEADER: Final = struct.Struct("<4sIQ")
_MOST_MALFORMED: Final = 10_000

Span = tuple[int, int]


def decode_evtx(body: bytes, bounds: Bounds, options: Mapping[str, str]) -> Decoded:
    """The events of one EVTX file; `start` and `end` of each are those of its record in the file."""
    decoded = Decoded(events=[], malformed=[])
    if not body.startswith(_FILE_MAGIC) or len(body) < _FILE_HEADER_BYTES:
        decoded.malformed.append(Malformed(0, len(body), "not an EVTX file"))
        return decoded
    places = _places(body)
    fallback_host = options.get("host", "").lower()
    for record in _records(body, decoded.malformed):
        start, end = _place_of(record["event_record_id"], places, len(body))
        if len(decoded.events) >= bounds.events:
            decoded.malformed.append(
                Malformed(start, len(body), f"more than {bounds.events} events in one file")
            )
            break
        if len(record["data"]) > bounds.event_bytes:
            decoded.malformed.append(Malformed(start, end, f"longer than {bounds.event_bytes} bytes"))
            continue
        outcome = windows_event(orjson.loads(record["data"]), bounds, fallback_host)
        if isinstance(outcome, str):
            decoded.malformed.append(Malformed(start, end, outcome))
            continue
        outcome.start, outcome.end = start, end
        decoded.events.append(outcome)
    return decoded


def _records(body: bytes, malformed: list[Malformed]) -> Iterator[dict[str, Any]]:
    """The records the library can read; what it cannot goes to `malformed`."""
    try:
        # One thread: the decoder runs in a worker that has one core.
        records = iter(PyEvtxParser(BytesIO(body), number_of_threads=1).records_json())
    except (RuntimeError, OSError, ValueError) as error:
        malformed.append(Malformed(0, len(body), f"not readable as EVTX: {error}"))
        return
    while len(malformed) < _MOST_MALFORMED:
        try:
            record = next(records)
        except StopIteration:
            return
        except (RuntimeError, OSError, ValueError) as error:
            malformed.append(Malformed(0, len(body), f"a record cannot be read: {error}"))
            continue
        if record is not None:
            yield record


def _places(body: bytes) -> dict[int, Span]:
    """Where each record lies, by its number within the file."""
    places: dict[int, Span] = {}
    for chunk in range(_FILE_HEADER_BYTES, len(body), _CHUNK_BYTES):
        if body.startswith(_CHUNK_MAGIC, chunk):
            places.update(_places_in(body, chunk))
    return places


def _places_in(body: bytes, chunk: int) -> Iterator[tuple[int, Span]]:
    position = chunk + _CHUNK_HEADER_BYTES
    last = min(chunk + _CHUNK_BYTES, len(body))
    while position + _RECORD_HEADER.size <= last:
        magic, size, number = _RECORD_HEADER.unpack_from(body, position)
        if magic != _RECORD_MAGIC or size < _RECORD_HEADER.size or position + size > last:
            return
        yield number, (position, position + size)
        position += size


def _place_of(number: int, places: Mapping[int, Span], length: int) -> Span:
    return places.get(number, (0, length))
