# ruff: noqa: INP001 — copied to a node and run there, not a module of a package
"""
Has a leader whose disk is full hand over to a node whose is not; runs on every node.

PostgreSQL refuses each write then and goes on running, so that Patroni sees a healthy leader.

    hand_over.py NAME ADDRESS DATA_FOLDER
"""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request

TLS = "/etc/xdr/tls"
EVERY_SECONDS = 3
# Eight segments of the log: less is nothing for a database that writes.
LEAST_BYTES = 128 * 1024 * 1024
# Nodes hold the same data, so all may be full. They must not pass the leadership round and round.
PAUSE_SECONDS = 600


def patroni(address: str, path: str, body: dict[str, str] | None = None) -> dict[str, object]:
    """What Patroni of this node says. Raises OSError if it says no, or nothing."""
    context = ssl.create_default_context(cafile=f"{TLS}/ca.crt")
    context.load_cert_chain(f"{TLS}/node.crt", f"{TLS}/node.key")
    asked = urllib.request.Request(
        f"https://{address}:8008{path}",
        data=json.dumps(body).encode() if body else None,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=60, context=context) as answer:  # noqa: S310
        said = answer.read()
    return dict(json.loads(said)) if said.startswith(b"{") else {}


def free_bytes(folder: str) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def candidate(cluster: dict[str, object], name: str) -> str:
    """Who follows most closely, if this node leads; else nobody."""
    members = cluster.get("members")
    if not isinstance(members, list):
        return ""
    if not any(each["name"] == name and each["role"] == "leader" for each in members):
        return ""
    following = [
        each for each in members if each.get("state") == "streaming" and isinstance(each.get("lag"), int)
    ]
    return str(min(following, key=lambda each: each["lag"])["name"]) if following else ""


def hand_over(name: str, address: str) -> bool:
    """Whether leadership was given away."""
    to = candidate(patroni(address, "/cluster"), name)
    if not to:
        return False
    sys.stdout.write(f"the disk of the database is full: {to} is to lead\n")
    sys.stdout.flush()
    patroni(address, "/switchover", {"leader": name, "candidate": to})
    return True


def main() -> None:
    name, address, folder = sys.argv[1:]
    not_before = 0.0
    while True:
        try:
            if (
                free_bytes(folder) < LEAST_BYTES
                and time.monotonic() >= not_before
                and hand_over(name, address)
            ):
                not_before = time.monotonic() + PAUSE_SECONDS
        except (OSError, urllib.error.HTTPError, ValueError) as error:
            sys.stdout.write(f"no handing over: {error}\n")
            sys.stdout.flush()
        time.sleep(EVERY_SECONDS)


if __name__ == "__main__":
    main()
