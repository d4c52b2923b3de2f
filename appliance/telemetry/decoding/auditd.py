"""
Linux audit records, raw ("type=EXECVE msg=audit(…)"), inside syslog, and as auoms writes them.

The records of one event id that stand next to each other are one event: its `type` names them all, and
`name` and the like hold one value for each PATH record. A program start also gets `Image`, `CommandLine`
and `User`, so that the process rules read it.

Source: audit.rules(7), ausearch(8) and the audit message format; an unquoted value of a field that can
hold anything is hex.
"""

import re
import shlex
from itertools import islice
from typing import NamedTuple

from appliance.telemetry.decoding.context import Context, natural_key
from appliance.telemetry.decoding.flattening import BoundExceededError, Fields
from appliance.telemetry.decoding.times import in_range
from appliance.telemetry.events import Event

MOST_RECORDS = 64
RECORD = re.compile(rb"(?:type=(\S{1,64}) )?(?:msg=)?audit\((\d{1,12})\.(\d{1,6}):(\d{1,20})\): ?")

_PAIR = re.compile(r"""([\w\-]+(?:\[\d+\])?)=("[^"]*"?|'[^']*'?|\[[^\]]*\]|[^\s,]*(?:,[^\s=]+(?=\s|$))*)""")
_NODE = re.compile(rb"(?:^|\s)node=(\S{1,255}) type=")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")
_HEX_FIELDS = frozenset(
    ("comm", "exe", "name", "cwd", "proctitle", "cmd", "key", "path", "data", "acct", "file")
)
_ARGUMENT = re.compile(r"a(\d{1,4})(?:\[\d+\])?\Z")
_QUOTED = re.compile(r'"([^"]*)"')
_AUOMS_COMMAND = re.compile(r' cmdline="(.*)"(?= redactors=|$)| proctitle=(.*?)(?= redactors=|$)', re.DOTALL)
_ENRICHED = "\x1d"
_TYPES = {
    "1100": "USER_AUTH", "1101": "USER_ACCT", "1105": "USER_START", "1106": "USER_END", "1112": "USER_LOGIN",
    "1123": "USER_CMD", "1130": "SERVICE_START", "1131": "SERVICE_STOP", "1300": "SYSCALL", "1302": "PATH",
    "1305": "CONFIG_CHANGE", "1307": "CWD", "1309": "EXECVE", "1325": "NETFILTER_CFG", "1326": "SECCOMP",
    "1327": "PROCTITLE", "1400": "AVC", "1701": "ANOM_ABEND",
}  # fmt: skip
# Where a rule set routes by record type, only these may decide: a sender can invent any other.
_CODES = (
    "EXECVE",
    "AVC",
    "USER_CMD",
    "USER_LOGIN",
    "USER_AUTH",
    "SERVICE_STOP",
    "CONFIG_CHANGE",
    "SYSCALL",
    "PATH",
)
_SYSCALLS = {
    "c000003e": {
        "2": "open", "41": "socket", "42": "connect", "43": "accept", "49": "bind", "50": "listen",
        "56": "clone", "57": "fork", "58": "vfork", "59": "execve", "62": "kill", "82": "rename",
        "83": "mkdir", "84": "rmdir", "85": "creat", "86": "link", "87": "unlink", "88": "symlink",
        "90": "chmod", "91": "fchmod", "92": "chown", "93": "fchown", "101": "ptrace", "105": "setuid",
        "106": "setgid", "133": "mknod", "135": "personality", "155": "pivot_root", "159": "adjtimex",
        "161": "chroot", "164": "settimeofday", "165": "mount", "166": "umount2", "169": "reboot",
        "170": "sethostname", "175": "init_module", "176": "delete_module", "188": "setxattr",
        "227": "clock_settime", "246": "kexec_load", "257": "openat", "258": "mkdirat", "259": "mknodat",
        "260": "fchownat", "263": "unlinkat", "264": "renameat", "265": "linkat", "266": "symlinkat",
        "268": "fchmodat", "272": "unshare", "308": "setns", "310": "process_vm_readv",
        "311": "process_vm_writev", "313": "finit_module", "316": "renameat2", "319": "memfd_create",
        "320": "kexec_file_load", "321": "bpf", "322": "execveat", "435": "clone3",
    },
    "c00000b7": {
        "33": "mknodat", "34": "mkdirat", "35": "unlinkat", "40": "mount", "51": "chroot", "56": "openat",
        "92": "personality", "97": "unshare", "104": "kexec_load", "105": "init_module",
        "106": "delete_module", "117": "ptrace", "129": "kill", "161": "sethostname", "198": "socket",
        "200": "bind", "201": "listen", "202": "accept", "203": "connect", "220": "clone", "221": "execve",
        "268": "setns", "270": "process_vm_readv", "271": "process_vm_writev", "273": "finit_module",
        "276": "renameat2", "279": "memfd_create", "280": "bpf", "281": "execveat",
    },
}  # fmt: skip


class Record(NamedTuple):
    """One audit line: its type, its pairs, and which event it belongs to."""

    type: str
    pairs: list[tuple[str, str]]
    node: str
    serial: str
    time: int


def audit_id(line: bytes) -> bytes:
    """What lines of one event share (node, time and serial); b"" if the line is no audit record."""
    match = RECORD.search(line, 0, 2048)
    if match is None or (match[1] is None and b"type=" not in line[:2048]):
        return b""
    node = _NODE.search(line, 0, match.end())
    return b"%b|%b.%b:%b" % (node[1] if node else b"", match[2], match[3], match[4])


def auditd_event(lines: list[bytes], context: Context, host: str = "") -> Event:
    """The event that these adjacent records make up."""
    most = context.bounds.fields + 1
    records = [record for line in lines if (record := _record(line, most)) is not None]
    fields: Fields = {}
    types: list[str] = []
    for record in records:
        types.extend(_merge(fields, record))
    distinct = tuple(dict.fromkeys(types))
    fields["type"] = distinct[0] if len(distinct) == 1 else distinct
    _add_syscall(fields)
    _add_process(fields, distinct)
    if len(fields) > context.bounds.fields:
        raise BoundExceededError(f"more than {context.bounds.fields} fields")
    first = records[0] if records else Record("", [], "", "", 0)
    node = (first.node or str(fields.get("node") or "") or host or context.host).lower()
    code = next((name for name in _CODES if name in distinct), "")
    key = natural_key(node, first.serial, *lines) if first.serial else None
    return Event("linux.auditd", "", code, fields, first.time, node, key)


def _record(line: bytes, most: int) -> Record | None:
    match = RECORD.search(line)
    if match is None:
        return None
    node = _NODE.search(line, 0, match.end())
    kind = (match[1] or b"").decode("utf-8", "replace")
    text = line[match.end() :].decode("utf-8", "replace")
    time = in_range(int(match[2]) * 1_000_000 + int(match[3].ljust(6, b"0")))
    name = node[1].decode("utf-8", "replace") if node else ""
    return Record(_TYPES.get(kind, kind), _pairs(kind, text, most), name, f"{match[2]!r}:{match[4]!r}", time)


def _pairs(kind: str, text: str, most: int) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    if kind.startswith("AUOMS_"):
        command = _AUOMS_COMMAND.search(text)
        if command:
            name = "cmdline" if command[1] is not None else "proctitle"
            pairs.append((name, command[1] if command[1] is not None else command[2]))
            text = text[: command.start()] + text[command.end() :]
    for match in islice(_PAIR.finditer(text.replace(_ENRICHED, " ")), most):
        value = match[2]
        # msg='op=PAM:session acct="root" …' holds the record's own pairs.
        if value[:1] == "'":
            pairs.extend(
                (inner[1], _plain(inner[1], inner[2], kind)) for inner in _PAIR.finditer(value[1:-1])
            )
        else:
            pairs.append((match[1], _plain(match[1], value, kind)))
    return pairs


def _plain(name: str, value: str, kind: str) -> str:
    if value[:1] == '"':
        return value.strip('"')
    is_text = name in _HEX_FIELDS or (kind in ("EXECVE", "1309") and _ARGUMENT.match(name) is not None)
    if is_text and len(value) >= 2 and _HEX.match(value):  # noqa: PLR2004 — one byte is two digits
        decoded = bytes.fromhex(value).decode("utf-8", "replace")
        # The kernel hexes only what needs it: a plain word that happens to be hex stays.
        if any(character < "!" or character == '"' or character > "~" for character in decoded):
            return decoded.replace("\0", " ").rstrip() if name in ("proctitle", "cmd") else decoded
    return "" if value == "(null)" else value


def _merge(fields: Fields, record: Record) -> list[str]:
    if record.type == "EXECVE":
        _merge_arguments(fields, record)
        return ["EXECVE"]
    for name, value in record.pairs:
        if name == "type":
            continue
        _append(fields, name, value)
    if record.type.startswith("AUOMS_"):
        _merge_auoms(fields)
        return [record.type, *(("SYSCALL", "EXECVE", "PATH") if record.type == "AUOMS_EXECVE" else ())]
    return [record.type]


def _merge_arguments(fields: Fields, record: Record) -> None:
    # What SYSCALL calls a0 to a3 are pointers; the words of the command take their place.
    for name in ("a0", "a1", "a2", "a3"):
        fields.pop(name, None)
    for name, value in record.pairs:
        match = _ARGUMENT.match(name)
        if match:
            known = fields.get(f"a{match[1]}", "")
            fields[f"a{match[1]}"] = f"{known}{value}" if "[" in name else value
        elif not name.endswith("_len"):
            fields[name] = value


def _merge_auoms(fields: Fields) -> None:
    command = fields.get("cmdline")
    for name in ("a0", "a1", "a2", "a3"):
        fields.pop(name, None)
    if isinstance(command, str):
        for index, word in enumerate(_words(command)[:MOST_RECORDS]):
            fields[f"a{index}"] = word
    paths = fields.get("path_name")
    if isinstance(paths, str):
        names = tuple(_QUOTED.findall(paths))
        if names:
            fields["name"] = names if len(names) > 1 else names[0]


def _append(fields: Fields, name: str, value: str) -> None:
    known = fields.get(name)
    if known is None:
        fields[name] = value
    elif isinstance(known, tuple):
        if value not in known:
            fields[name] = (*known, value)
    elif known != value:
        fields[name] = (known, value)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _add_syscall(fields: Fields) -> None:
    number, arch = fields.get("syscall"), fields.get("arch")
    if isinstance(number, str) and "SYSCALL" not in fields:
        known = _SYSCALLS.get(str(arch), {}).get(number)
        if known or not number.isdecimal():
            fields["SYSCALL"] = known or number


def _add_process(fields: Fields, types: tuple[str, ...]) -> None:
    if "EXECVE" not in types and fields.get("SYSCALL") not in ("execve", "execveat"):
        if "USER_CMD" in types and isinstance(fields.get("cmd"), str):
            fields["CommandLine"] = fields["cmd"]
        return
    command = _command_line(fields)
    for name, value in (
        ("Image", fields.get("exe") or fields.get("a0")),
        ("CommandLine", command),
        ("User", fields.get("UID") or fields.get("user") or _user_name(fields.get("uid"))),
        ("CurrentDirectory", fields.get("cwd")),
        ("ProcessId", fields.get("pid")),
        ("ParentProcessId", fields.get("ppid")),
        ("LogonId", fields.get("ses")),
    ):
        if isinstance(value, str) and value:
            fields[name] = value


def _command_line(fields: Fields) -> str:
    command = fields.get("cmdline")
    if isinstance(command, str):
        return command
    words = []
    for index in range(4096):
        word = fields.get(f"a{index}")
        if not isinstance(word, str):
            break
        words.append(word)
    title = fields.get("proctitle")
    if words and "argc" in fields:
        return " ".join(words)
    return title if isinstance(title, str) else ""


def _user_name(uid: object) -> str:
    return "root" if uid == "0" else str(uid or "")
