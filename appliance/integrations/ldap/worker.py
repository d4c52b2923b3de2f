"""
The directory worker: talks to directories, and holds nothing else.

It gets what it needs in each question and has no settings, no database credentials and no environment, so
that a directory that takes it over has the service account's password and no more. It ends with its parent.

    python -m appliance.integrations.ldap.worker < questions > answers
"""

import resource
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import BinaryIO

import msgspec

from appliance.integrations.ldap.connecting import (
    BindRefused,
    DirectoryFailure,
    check_password,
    service,
)
from appliance.integrations.ldap.messages import LENGTH, MOST_FRAME_BYTES, Answer, Ask, framed
from appliance.integrations.ldap.probing import probe
from appliance.integrations.ldap.searching import by_login, by_subjects, described

_THREADS = 8
_MEMORY_BYTES = 1024**3


def answer(ask: Ask) -> Answer:
    """What a directory says; a failure is an answer too."""
    try:
        return _VERBS[ask.verb](ask)
    except DirectoryFailure as error:
        return Answer(ask.id, failure=str(error))
    except BindRefused as error:
        return Answer(ask.id, refused=str(error))


def _authenticate(ask: Ask) -> Answer:
    if not ask.password:
        return Answer(ask.id, refused="the password is empty")
    with service(ask.config, ask.secret) as (connection, address):
        found = by_login(connection, ask.config, ask.login)
        if len(found) != 1:
            return Answer(ask.id, refused="nobody has this name" if not found else "the name is ambiguous")
        check_password(ask.config, address, found[0].dn, ask.password)
        return Answer(ask.id, person=described(connection, ask.config, found[0], datetime.now(UTC)))


def _look_up(ask: Ask) -> Answer:
    with service(ask.config, ask.secret) as (connection, _):
        found, now = by_subjects(connection, ask.config, ask.subjects), datetime.now(UTC)
        return Answer(
            ask.id, people={who: described(connection, ask.config, one, now) for who, one in found.items()}
        )


def _probe(ask: Ask) -> Answer:
    return Answer(ask.id, steps=probe(ask.config, ask.secret))


_VERBS = {"authenticate": _authenticate, "look_up": _look_up, "probe": _probe}


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the other end closes; several at once, since one slow server must not hold up the rest."""
    lock = threading.Lock()

    def work(ask: Ask) -> None:
        try:
            said = answer(ask)
        except Exception as error:  # noqa: BLE001 — the outermost loop of a process that parses foreign answers
            said = Answer(ask.id, failure=f"{type(error).__name__}: {error}")
        with lock:
            answers.write(framed(said))
            answers.flush()

    decode = msgspec.msgpack.Decoder(Ask).decode
    with ThreadPoolExecutor(_THREADS) as pool:
        while len(head := questions.read(LENGTH.size)) == LENGTH.size:
            (size,) = LENGTH.unpack(head)
            if size > MOST_FRAME_BYTES:
                return
            pool.submit(work, decode(questions.read(size)))


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold passwords
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
