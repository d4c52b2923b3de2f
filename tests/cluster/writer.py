"""
One client that writes unique ids and notes what was acknowledged; runs inside a node's network until SIGTERM.

    python -m tests.cluster.writer database NAME LOG      id by id through HAProxy on 127.0.0.1:5000
    python -m tests.cluster.writer ingest NAME LOG URL    batch by batch over HTTP
    python -m tests.cluster.writer api NAME LOG URL       signs in, and asks with the session it got

Passwords and tokens come by the environment (`LAB_SECRET`). A line of the log: state, id, seconds since epoch.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg

_PAUSE = 0.02
_SIGN_IN_EVERY = 20
_TOKEN_SECONDS = 480  # of the ten minutes an access token lives
ANALYST = "analyst@lab.example"


def database(name: str) -> Iterator[tuple[str, str]]:
    connection: psycopg.Connection[Any] | None = None
    number = 0
    while True:
        number += 1
        unique = f"{name}-{number}"
        try:
            if connection is None:
                connection = psycopg.connect(
                    host="127.0.0.1", port=5000, user="postgres", dbname="lab", password=os.environ["LAB_SECRET"],
                    connect_timeout=3, tcp_user_timeout=3000, sslmode="require", application_name="lab-writer",
                )  # fmt: skip
            connection.execute("INSERT INTO history (id) VALUES (%s)", (unique,))
            connection.commit()
            yield "acknowledged", unique
        except psycopg.Error:
            if connection is not None:
                with contextlib.suppress(psycopg.Error):
                    connection.close()
            connection = None
            yield "unknown", unique
            time.sleep(0.1)
        time.sleep(_PAUSE)


def ingest(name: str, url: str) -> Iterator[tuple[str, str]]:
    with httpx.Client(
        verify=False, timeout=10, headers={"Authorization": f"Bearer {os.environ['LAB_SECRET']}"}
    ) as client:
        number = 0
        while True:
            number += 1
            unique = f"{name}-{number}"
            event = {"message": f"lab {unique}", "host": {"name": name}, "marker": unique}
            try:
                answer = client.post(
                    f"{url}/api/v1/ingest/lab?format=json", json=event, headers={"X-Batch-Id": unique}
                )
                stored = {201: "acknowledged", 202: "spooled"}.get(answer.status_code)
                # Batches are asked for by the id the answer gives, not by the sender's own.
                yield (
                    (stored, answer.json()["batch_id"])
                    if stored
                    else (f"refused-{answer.status_code}", unique)
                )
            except httpx.HTTPError:
                yield "unknown", unique
                time.sleep(0.2)
            time.sleep(0.1)


def api(name: str, url: str) -> Iterator[tuple[str, str]]:
    """One session asks all the time who it is, and every few seconds somebody signs in anew."""
    with httpx.Client(base_url=f"{url}/api/v1", timeout=10, verify=False) as client:
        access, since = "", 0.0
        number = 0
        while True:
            number += 1
            try:
                if not access or number % _SIGN_IN_EVERY == 0:
                    answer = client.post(
                        "/auth/sign-in", json={"email": ANALYST, "password": os.environ["LAB_SECRET"]}
                    )
                    is_old = not access or time.monotonic() - since > _TOKEN_SECONDS
                    if answer.status_code == 200 and is_old:
                        # Kept as long as it is good for: whether it goes on being taken is what is asked.
                        access, since = answer.json()["access_token"], time.monotonic()
                    yield _told(answer, "signed-in"), f"{name}-{number}"
                answer = client.get("/session", headers={"Authorization": f"Bearer {access}"})
                yield _told(answer, "answered"), f"{name}-{number}"
            except httpx.HTTPError:
                yield "unreached", f"{name}-{number}"
            time.sleep(0.25)


def _told(answer: httpx.Response, good: str) -> str:
    return good if answer.status_code == 200 else f"refused-{answer.status_code}"


def main() -> None:
    kind, name, log, *rest = sys.argv[1:]
    stopping = threading.Event()
    # The request under way is finished and noted: one that is cut off may be stored without a line here.
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    steps = {"database": database, "ingest": ingest, "api": api}[kind](name, *rest)
    with Path(log).open("w", buffering=1) as out:
        for state, unique in steps:
            out.write(f"{state} {unique} {time.time():.3f}\n")
            if stopping.is_set():
                return


if __name__ == "__main__":
    main()
