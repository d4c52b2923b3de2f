"""
What rules call the fields of a Windows event, added beside what the provider calls them.

Invariants:
- An alias never replaces a field the event has.
- Rules for process creation read Sysmon 1 and Security 4688 alike.

Sources: the Sigma taxonomy; Microsoft's documentation of events 4688 and 4663; the well-known integrity
levels of [MS-DTYP] 2.4.2.4.
"""

from collections.abc import Callable
from typing import Any, Final

Fields = dict[str, Any]

_SYSMON: Final = "Microsoft-Windows-Sysmon/Operational"
_PROVIDERS: Final = ("ProviderName", "Provider", "EventSourceName")
_INTEGRITY: Final = {
    "S-1-16-0": "Untrusted",
    "S-1-16-4096": "Low",
    "S-1-16-8192": "Medium",
    "S-1-16-8448": "Medium Plus",
    "S-1-16-12288": "High",
    "S-1-16-16384": "System",
}
_HASH_NAMES: Final = {"md5": "md5", "sha1": "sha1", "sha256": "sha256", "imphash": "Imphash"}
_MOST_HASHES: Final = 4096
_LONGEST_HASHES: Final = 512
_hashes: dict[str, tuple[tuple[str, str], ...]] = {}


def complete(fields: Fields, channel: str, code: str) -> None:
    """Adds the names that rules use, but for those that `windows` adds on its hot path."""
    if "Provider_Name" not in fields:
        name = next((name for name in _PROVIDERS if name in fields), None)
        if name is not None:
            fields["Provider_Name"] = fields[name]
    if "Hashes" in fields:
        _split_hashes(fields)
    if channel in _BY_CHANNEL:
        _BY_CHANNEL[channel](fields, code)


def _split_hashes(fields: Fields) -> None:
    text = fields["Hashes"]
    if type(text) is not str:
        return
    pairs = _hashes.get(text)
    if pairs is None:
        pairs = _read_hashes(text)
    for name, digest in pairs:
        fields.setdefault(name, digest)


def _read_hashes(text: str) -> tuple[tuple[str, str], ...]:
    """Sysmon's "MD5=…,SHA256=…,IMPHASH=…" as pairs; remembered, because images repeat."""
    split = (part.partition("=") for part in text[:_LONGEST_HASHES].split(","))
    pairs = tuple(
        (_HASH_NAMES[name.strip().lower()], digest.strip())
        for name, _, digest in split
        if name.strip().lower() in _HASH_NAMES and digest.strip()
    )
    if len(_hashes) >= _MOST_HASHES:
        _hashes.clear()
    _hashes[text] = pairs
    return pairs


def _security(fields: Fields, code: str) -> None:
    if code == "4688":
        _process_creation(fields)
    elif code == "4663":
        _alias(fields, "Image", "ProcessName")
        _alias(fields, "FileName", "ObjectName")
        _alias(fields, "TargetFilename", "ObjectName")


def _process_creation(fields: Fields) -> None:
    _alias(fields, "Image", "NewProcessName")
    _alias(fields, "ParentImage", "ParentProcessName")
    _alias(fields, "CommandLine", "ProcessCommandLine")
    # In 4688 ProcessId is the creator's; Sysmon's is the new process's, but the event's own name stands.
    _alias(fields, "ParentProcessId", "ProcessId")
    level = _INTEGRITY.get(str(fields.get("MandatoryLabel")))
    if level:
        fields.setdefault("IntegrityLevel", level)
    # The process runs as the target where there is one (RunAs), else as whoever created it.
    target = fields.get("TargetUserName")
    role = "Target" if isinstance(target, str) and target not in ("", "-") else "Subject"
    name, domain = fields.get(f"{role}UserName"), fields.get(f"{role}DomainName")
    if isinstance(name, str):
        has_domain = isinstance(domain, str) and domain not in ("", "-")
        fields.setdefault("User", f"{domain}\\{name}" if has_domain else name)
        fields.setdefault("LogonId", fields.get(f"{role}LogonId"))


def _classic_powershell(fields: Fields, _code: str) -> None:
    # Rules search Data, the unnamed inserts; NXLog has only the message rendered from them.
    _alias(fields, "Data", "Message")


def _defender(fields: Fields, _code: str) -> None:
    for name in [name for name in fields if " " in name]:
        fields.setdefault(name.replace(" ", ""), fields[name])
    _alias(fields, "Signature", "ThreatName")
    _alias(fields, "Filename", "Path")


def _alias(fields: Fields, alias: str, name: str) -> None:
    if alias not in fields and name in fields:
        fields[alias] = fields[name]


_BY_CHANNEL: Final[dict[str, Callable[[Fields, str], None]]] = {
    "Security": _security,
    "Windows PowerShell": _classic_powershell,
    "Microsoft-Windows-Windows Defender/Operational": _defender,
}

CHANNELS_WITH_ALIASES: Final = frozenset(_BY_CHANNEL)
