"""The cluster laboratory: three Debian 13 nodes under systemd on one machine. Needs root; see docs/operations/cluster.md."""

import time

_STARTED = time.monotonic()


def say(line: str) -> None:
    print(f"[{time.monotonic() - _STARTED:7.1f} s] {line}", flush=True)
