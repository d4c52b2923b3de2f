"""What became of each file of an import."""

from typing import Any

import msgspec

from appliance.cli.failures import ExitCode
from appliance.cli.output import Column, number
from appliance.cli.sending import Receipt

COLUMNS = [
    Column("FILE", "file"),
    Column("STATE", "state"),
    Column("RECEIVED", number("received")),
    Column("STORED", number("stored")),
    Column("DUPLICATES", number("duplicates")),
    Column("QUARANTINED", number("quarantined")),
    Column("FINDINGS", number("findings")),
    Column("BATCHES", number("batches"), wide=True),
    Column("RESUMED", number("resumed"), wide=True),
    Column("SPOOLED", number("spooled"), wide=True),
    Column("BYTES", number("bytes"), wide=True),
    Column("REASON", "reason"),
]


class Tally(msgspec.Struct):
    """
    Counts of one file, in events but for batches, resumed and spooled (batches) and bytes (unpacked).

    Attributes:
        resumed: Batches that an earlier, interrupted run had sent.
        spooled: Batches that the appliance keeps and stores later; their events are counted then.
    """

    file: str
    received: int = 0
    stored: int = 0
    duplicates: int = 0
    quarantined: int = 0
    findings: int = 0
    batches: int = 0
    resumed: int = 0
    spooled: int = 0
    failed: int = 0
    bytes: int = 0
    reason: str = ""

    def add(self, receipt: Receipt, size_bytes: int, *, resumed: bool = False) -> None:
        self.batches += 1
        self.bytes += size_bytes
        self.received += receipt.received
        self.quarantined += receipt.quarantined
        self.resumed += resumed
        self.spooled += receipt.durability != "committed"
        if receipt.repeated:  # the counts are those of the first time
            self.duplicates += receipt.stored + receipt.duplicates
        else:
            self.stored += receipt.stored
            self.duplicates += receipt.duplicates
            self.findings += receipt.findings

    def fail(self, reason: str) -> None:
        self.failed += 1
        self.reason = self.reason or reason

    @property
    def state(self) -> str:
        if self.failed:
            return "partly" if self.batches else "failed"
        return "spooled" if self.spooled else "done"

    def row(self) -> dict[str, Any]:
        found = msgspec.structs.asdict(self)
        return {"file": found.pop("file"), "state": self.state} | found


def total(tallies: list[Tally]) -> Tally:
    """All of them together."""
    names = [name for name in Tally.__struct_fields__ if name not in ("file", "reason")]
    return Tally("total", **{name: sum(getattr(one, name) for one in tallies) for name in names})


def exit_code(tallies: list[Tally]) -> ExitCode:
    """7 if something was left out, 1 if everything was."""
    if tallies and all(one.state == "failed" for one in tallies):
        return ExitCode.FAILED
    is_partial = any(one.failed or one.quarantined for one in tallies)
    return ExitCode.PARTLY if is_partial else ExitCode.DONE
