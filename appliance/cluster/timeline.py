"""
What the nodes' journals say, as one timeline.

Invariants:
- Of each node one entry is held at a time, however long the journals are.
- Within a node its journal's own order stays, also where its clock was set back.
"""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum

import msgspec


class Level(StrEnum):
    """How grave, gravest first: the words of syslog (RFC 5424, 6.2.1) as the journal writes them."""

    EMERG = "emerg"
    ALERT = "alert"
    CRIT = "crit"
    ERR = "err"
    WARNING = "warning"
    NOTICE = "notice"
    INFO = "info"
    DEBUG = "debug"


class Entry(msgspec.Struct, frozen=True):
    """
    One entry of a journal.

    Attributes:
        time: As the node's clock was when its journal received it.
        level: None where the journal has none.
        message: As it was written, hostile bytes included.
    """

    time: datetime
    node: str
    unit: str
    level: Level | None
    identifier: str
    pid: int | None
    message: str


def merged(journals: Iterable[Iterable[Entry]]) -> Iterator[Entry]:
    """All entries by time; those of one moment in the order in which the journals are given."""
    return heapq.merge(*journals, key=lambda entry: entry.time)
