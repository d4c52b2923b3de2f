"""
The confined half of ingest: reads units from its pipe, answers prepared units.

Life: load the rule set from one file, get everything ready, confine itself, then work until the pipe
closes. A new rule set means a new worker: the old one finishes what it has and ends, so that a reload
drops nothing and a confined process never needs a file again.

    python -m appliance.jobs.worker FD RULES CACHE
"""

import gc
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from appliance.detection.loading import load_rule_set
from appliance.detection.pipeline import Pipeline, PreparationFailed, Unit
from appliance.jobs.confinement import confine
from appliance.telemetry.decoding.registry import FORMATS, decoder
from appliance.telemetry.decoding.times import load_zones
from appliance.telemetry.events import Bounds

MEMORY_BYTES = 3 * 1024**3
READY = b"ready"


def serve(pipe: Connection, pipeline: Pipeline) -> None:
    """Answer units until the parent closes the pipe."""
    encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Unit).decode
    while True:
        try:
            unit = decode(pipe.recv_bytes())
        except EOFError:
            return
        pipe.send_bytes(_prepared(pipeline, unit, encode))


def _prepared(pipeline: Pipeline, unit: Unit, encode: Callable[[object], bytes]) -> bytes:
    try:
        return b"\x00" + encode(pipeline.prepare(unit))
    except Exception as error:  # noqa: BLE001 — the outermost loop of a process that parses hostile input
        return b"\x01" + f"{type(error).__name__}: {error}".encode(errors="replace")


def main() -> None:
    descriptor, rules, cache = sys.argv[1:]
    pipe = Connection(int(descriptor))
    rule_set = load_rule_set(Path(rules), Path(cache))
    _warm_up()
    pipeline = Pipeline(rule_set, decoder, Bounds())
    # Rules live as long as the process and events hold no cycles: the collector would only look at both.
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
    confine(MEMORY_BYTES)
    pipe.send_bytes(READY + rule_set.version.encode())
    serve(pipe, pipeline)


def _warm_up() -> None:
    """Whatever a decoder or codec loads when first used has to be loaded now."""
    for name in FORMATS:
        decoder(name)(b"{}\n", Bounds(), {})
    "".encode("idna")
    load_zones()


def unpacked(answer: bytes) -> bytes:
    """
    The body of an answer.

    Raises:
        PreparationFailed: The worker could not prepare the unit; carries its reason.
    """
    if answer[:1] == b"\x01":
        raise PreparationFailed(answer[1:].decode(errors="replace"))
    return answer[1:]


if __name__ == "__main__":
    main()
