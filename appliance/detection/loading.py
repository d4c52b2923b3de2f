"""
A rule set in a file, for processes that must not reach the database.

The ingest process writes the sources of the active set; a worker compiles them, with the help of the
cache, before it confines itself.
"""

from pathlib import Path

import msgspec

from appliance.detection.cache import RuleCache
from appliance.detection.compiling import compile_rule_set
from appliance.detection.ruleset import RuleSet
from appliance.detection.sigma.rules import LoadReport, RuleSource

_SYSMON = "Microsoft-Windows-Sysmon/Operational"
COMMON_ROUTES = (
    *(("windows", _SYSMON, str(code)) for code in range(1, 27)),
    *(
        ("windows", "Security", code)
        for code in ("4624", "4625", "4656", "4663", "4688", "5140", "5145", "7045")
    ),
    ("windows", "System", "7045"),
    ("windows", "Microsoft-Windows-PowerShell/Operational", "4103"),
    ("windows", "Microsoft-Windows-PowerShell/Operational", "4104"),
    ("cowrie.command", "", ""),
    ("suricata.alert", "", ""),
    ("suricata.http", "", ""),
    ("suricata.dns", "", ""),
    ("linux.sshd", "", ""),
    ("linux.syslog", "", ""),
)


class RuleFile(msgspec.Struct, frozen=True):
    """What a worker needs: sources, placeholder values, the cache's MAC key, log sources seen before."""

    sources: tuple[RuleSource, ...]
    expand: dict[str, tuple[str, ...]]
    cache_key: bytes
    routes: tuple[tuple[str, str, str], ...] = ()

    def __repr__(self) -> str:
        return f"RuleFile({len(self.sources)} sources)"


def write_rule_file(path: Path, content: RuleFile) -> None:
    """Write it whole or not at all; only the owner reads it."""
    temporary = path.with_suffix(".tmp")
    temporary.touch(mode=0o600)
    temporary.write_bytes(msgspec.msgpack.encode(content))
    temporary.rename(path)


def load_rule_set(path: Path, cache: Path) -> RuleSet:
    """Compiled, with the groups of known log sources ready before their first event."""
    content = msgspec.msgpack.decode(path.read_bytes(), type=RuleFile)
    rule_set = compiled(content, cache)[0]
    # Compiling also loads what the matcher's libraries load late, which a confined process no longer can.
    rule_set.prepare((*COMMON_ROUTES, *content.routes))
    return rule_set


def compiled(content: RuleFile, cache: Path) -> tuple[RuleSet, LoadReport]:
    """The set and what became of each source."""
    return compile_rule_set(content.sources, cache=RuleCache(cache, content.cache_key), expand=content.expand)
