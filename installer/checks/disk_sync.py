"""How long the disk takes to have something for good: every commit and every vote in etcd waits for it."""

import os
import tempfile
import time
from pathlib import Path

from installer.checks.finding import Context, Finding, ok, wrong

_NAME = "disk-sync"
# etcd's own documentation asks for 10 ms; at 50 ms leaders are lost by heartbeats that come late.
_GOOD_MS, _WORST_MS = 10.0, 50.0
_TIMES, _BYTES = 200, 8192


def measure(folder: Path) -> float:
    """The 99th percentile of appending 8 KiB and `fdatasync`, in milliseconds."""
    taken = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".xdr-sync-") as file:
        data = os.urandom(_BYTES)
        for _ in range(_TIMES):
            os.write(file.fileno(), data)
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - started)
    return sorted(taken)[int(_TIMES * 0.99) - 1] * 1000


def judge(p99_ms: float) -> Finding:
    if p99_ms <= _WORST_MS:
        slow = "" if p99_ms <= _GOOD_MS else f"; more than the {_GOOD_MS:.0f} ms that etcd asks for"
        return ok(_NAME, f"p99 {p99_ms:.1f} ms{slow}")
    return wrong(
        _NAME,
        f"p99 of fdatasync is {p99_ms:.0f} ms; {_WORST_MS:.0f} ms is the most",
        impact="commits wait, and etcd loses its leader although no node is lost",
        command="move /var/lib to a disk with a write cache that survives power loss; iostat -x 1 shows the load",
    )


def check(context: Context) -> Finding:
    return judge(measure(context.paths.root / "var/lib"))
