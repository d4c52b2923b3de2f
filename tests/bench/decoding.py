"""
Events decoded per CPU-second of one core, by format, beside orjson reading the same lines.

    XDR_CORPORA=… python -m tests.bench.decoding [seconds a format]

Each figure is the best of several rounds, for other load on the machine only ever slows one down.
"""

import gc
import gzip
import os
import sys
import time
import zipfile
from pathlib import Path

import orjson

from appliance.telemetry.decoding.registry import decoder
from appliance.telemetry.events import Bounds

OPTIONS = {"received": "2026-11-23T00:00:00Z"}
LEAST_BODY_BYTES = 2_000_000


def bodies(corpora: Path) -> dict[str, bytes]:
    """One body a format, repeated until it is large enough to measure."""
    found = {
        "suricata": gzip.decompress((corpora / "suricata" / "eve-malicious.json.gz").read_bytes()),
        "cowrie": gzip.decompress(next((corpora / "cowrie").glob("*.gz")).read_bytes()),
        "zeek": b"".join(path.read_bytes() for path in sorted((corpora / "zeek").glob("*.log"))),
        "sshd": (corpora / "syslog" / "openssh-2k.log").read_bytes() + b"\n",
        "syslog": (corpora / "syslog" / "linux-2k.log").read_bytes() + b"\n",
    }
    for name, pattern in (
        ("cloudtrail", "atomic/aws/collection/*.zip"),
        ("auditd in JSON", "compound/Log4Shell/syslog_auoms*.zip"),
        ("sysmon in JSON", "compound/Log4Shell/syslog_sysmon*.zip"),
        ("auditd", "atomic/linux/discovery/host/*.zip"),
    ):
        with zipfile.ZipFile(next((corpora / "otrf").glob(pattern))) as archive:
            found[name] = b"".join(archive.read(member) for member in archive.namelist())
    return {name: body * (LEAST_BODY_BYTES // len(body) + 1) for name, body in found.items()}


def best(work, seconds: float) -> float:
    """The least CPU time of one round, over at least three."""
    rounds, started = [], time.monotonic()
    while len(rounds) < 3 or time.monotonic() - started < seconds:
        gc.collect()
        begun = time.process_time()
        work()
        rounds.append(time.process_time() - begun)
    return min(rounds)


def read_only(body: bytes) -> None:
    for line in body.split(b"\n"):
        if line[:1] == b"{":
            orjson.loads(line)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    decode = decoder("auto")
    print(f"{'format':<16}{'events/CPU-s':>14}{'MB/CPU-s':>10}{'orjson only':>14}{'ratio':>8}")
    for name, body in bodies(Path(os.environ["XDR_CORPORA"])).items():
        events = len(decode(body, Bounds(), OPTIONS).events)
        spent = best(lambda body=body: decode(body, Bounds(), OPTIONS), seconds)
        reading = best(lambda body=body: read_only(body), seconds / 4)
        is_json = b'{"' in body[:2]
        compared = f"{events / reading:>14,.0f}{reading / spent:>8.2f}" if is_json else f"{'-':>14}{'-':>8}"
        print(f"{name:<16}{events / spent:>14,.0f}{len(body) / spent / 1e6:>10.1f}{compared}")


if __name__ == "__main__":
    main()
