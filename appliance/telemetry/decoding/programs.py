"""
What well-known Unix programs say in their log messages, as typed fields.

Invariant: a name that an attacker chose (a user name with " from 192.0.2.1 port 1" in it) cannot pass for
the address: every pattern takes the *last* place the fixed text fits, which is the program's own.
"""

import re
from collections.abc import Callable

from appliance.telemetry.decoding.commands import add_command
from appliance.telemetry.decoding.flattening import Fields

KINDS: dict[str, str] = {
    "sshd": "linux.sshd",
    "sshd-session": "linux.sshd",
    "sudo": "linux.sudo",
    "cron": "linux.cron",
    "crond": "linux.cron",
    "anacron": "linux.cron",
}
# Programs that rules name as a service of Linux, or whose messages are read below. Any other is
# "linux.syslog", so that a sender cannot invent kinds.
_NAMED = (
    "apache", "apache2", "auth", "clamav", "clamd", "freshclam", "groupadd", "guacd", "httpd", "kernel",
    "login", "mysqld", "nginx", "postgres", "postgresql", "su", "systemd-logind", "useradd", "usermod",
    "vsftpd",
)  # fmt: skip
KINDS.update({name: f"linux.{name}" for name in _NAMED})

_LONGEST_READ = 8192
_MOST_PARTS = 64
_SSHD = (
    (
        re.compile(r"(Accepted|Failed|Postponed) (\S+) for (invalid user |)(.*) from (\S+) port (\d{1,5})"),
        ("action", "auth_method", "invalid", "user", "src_ip", "src_port"),
    ),
    (
        re.compile(r"(Invalid user) (.*) from (\S+)(?: port (\d{1,5}))?"),
        ("action", "user", "src_ip", "src_port"),
    ),
    (
        re.compile(
            r"(?:error: )?(maximum authentication attempts exceeded) for (invalid user |)(.*)"
            r" from (\S+) port (\d{1,5})"
        ),
        ("action", "invalid", "user", "src_ip", "src_port"),
    ),
    (
        re.compile(
            r"(?:error: )?"
            r"(Connection closed by|Connection reset by|Disconnected from|Received disconnect from)"
            r" (?:(?:authenticating|invalid) )?(?:user (.*) )?(\S+) port (\d{1,5})(?::| |$)"
        ),
        ("action", "user", "src_ip", "src_port"),
    ),
    (
        re.compile(
            r"(?:error: )?(Connection closed by|Received disconnect from) ([0-9A-Fa-f:.]+?)(?:: | |$)"
        ),
        ("action", "src_ip"),
    ),
    (
        re.compile(r"(reverse mapping checking getaddrinfo) for (\S+) \[([^\]]+)\] failed"),
        ("action", "src_host", "src_ip"),
    ),
    (
        re.compile(
            r"(Did not receive identification string|Bad protocol version identification).*"
            r" from (\S+)(?: port (\d{1,5}))?"
        ),
        ("action", "src_ip", "src_port"),
    ),
    (
        # An empty name is a name too: scanners send it.
        re.compile(r"(input_userauth_request): invalid user (.*?)(?: \[preauth\])?$"),
        ("action", "user"),
    ),
    (
        re.compile(r"(Disconnecting)\b.*? for (?:invalid user )?(\S+)"),
        ("action", "user"),
    ),
)
_ACTIONS = {
    "Accepted": "accepted",
    "Failed": "failed",
    "Postponed": "postponed",
    "Invalid user": "invalid_user",
    "maximum authentication attempts exceeded": "max_attempts",
    "Connection closed by": "closed",
    "Connection reset by": "reset",
    "Disconnected from": "disconnected",
    "Received disconnect from": "disconnected",
    "reverse mapping checking getaddrinfo": "reverse_mapping_failed",
    "Did not receive identification string": "no_identification",
    "Bad protocol version identification": "bad_identification",
    "Disconnecting": "disconnecting",
    "input_userauth_request": "invalid_user",
}
_REPEATED = re.compile(r"message repeated (\d{1,9}) times: \[ ?(.*)\]$", re.DOTALL)
_PAM_FAILURE = re.compile(r"authentication failure; (.*)")
_PAM_SESSION = re.compile(
    r"session (opened|closed) for user ([^\s(]+)(?:\(uid=\d+\))?(?: by (\S*?)\(uid=(\d+)\))?"
)
_PAIR = re.compile(r"(\w+)=(\S*)")
_SUDO = re.compile(r"\s*(\S+) : (.*)", re.DOTALL)
_SU = (
    (re.compile(r"FAILED SU \(to (\S+)\) (\S+) on (\S+)"), "failed"),
    (re.compile(r"\(to (\S+)\) (\S+) on (\S+)"), "accepted"),
    (re.compile(r"Successful su for (\S+) by (\S+)"), "accepted"),
    (re.compile(r"FAILED su for (\S+) by (\S+)"), "failed"),
)
_CRON = re.compile(r"\(([^)]+)\) ([A-Z][A-Z ]*) \((.*)\)\s*$", re.DOTALL)
_FIREWALL = re.compile(r"^(?:\[ *\d+\.\d+\] )?(.*?)\s*\bIN=(\S*) OUT=(\S*) ", re.DOTALL)
_FIREWALL_NAMES = {
    "SRC": "src_ip",
    "DST": "dst_ip",
    "SPT": "src_port",
    "DPT": "dst_port",
    "PROTO": "proto",
    "MAC": "mac",
    "LEN": "length",
}
_BLOCKING = re.compile(r"drop|den|block|reject", re.IGNORECASE)
_NEW_USER = re.compile(r"new (user|group): (.*)")


def add_program_fields(fields: Fields, program: str, message: str) -> None:
    """Adds what the message of this program says; a message of another shape adds nothing."""
    reader = _READERS.get(program)
    if reader is not None:
        reader(fields, message[:_LONGEST_READ])
    if "pam_unix" in message or "authentication failure;" in message or "session " in message:
        _pam(fields, message[:_LONGEST_READ])


def _sshd(fields: Fields, message: str) -> None:
    repeated = _REPEATED.match(message)
    if repeated:
        fields["repeated"] = int(repeated[1])
        message = repeated[2]
    for pattern, names in _SSHD:
        match = pattern.match(message)
        if match:
            _add_groups(fields, names, match.groups())
            return


def _add_groups(fields: Fields, names: tuple[str, ...], groups: tuple[str | None, ...]) -> None:
    for name, value in zip(names, groups, strict=True):
        if name == "action":
            fields[name] = _ACTIONS[value or ""]
        elif name == "invalid":
            fields["user_is_known"] = "false" if value else "true"
        elif name == "src_port" and value:
            fields[name] = int(value)
        elif value:
            fields[name] = value


def _pam(fields: Fields, message: str) -> None:
    failure = _PAM_FAILURE.search(message)
    if failure:
        fields.setdefault("action", "failed")
        pairs = dict(_PAIR.findall(failure[1])[:_MOST_PARTS])
        for source, name in (("rhost", "src_ip"), ("user", "user"), ("tty", "tty"), ("ruser", "remote_user")):
            if pairs.get(source):
                fields.setdefault(name, pairs[source])
        return
    session = _PAM_SESSION.search(message)
    if session:
        fields.setdefault("action", f"session_{session[1]}")
        fields.setdefault("user", session[2])
        if session[3]:
            fields["by"] = session[3]


def _sudo(fields: Fields, message: str) -> None:
    match = _SUDO.match(message)
    if not match:
        return
    fields["user"] = match[1]
    head, mark, command = match[2].partition("COMMAND=")
    for part in head.split(" ; ")[:_MOST_PARTS]:
        name, equals, value = part.strip().partition("=")
        if equals and name.isupper():
            fields[name] = value
        elif part.strip(" ;"):
            fields["reason"] = part.strip(" ;")
    if mark:
        fields["COMMAND"] = command
        add_command(fields, command)
        if isinstance(fields.get("USER"), str):
            fields["User"] = fields["USER"]
        if isinstance(fields.get("PWD"), str):
            fields["CurrentDirectory"] = fields["PWD"]
    fields["action"] = "failed" if "reason" in fields else "accepted"


def _su(fields: Fields, message: str) -> None:
    for pattern, action in _SU:
        match = pattern.match(message)
        if match:
            fields["target_user"], fields["user"], fields["action"] = match[1], match[2], action
            return


def _cron(fields: Fields, message: str) -> None:
    match = _CRON.match(message)
    if not match:
        return
    fields["user"], fields["action"] = match[1], match[2].lower().strip().replace(" ", "_")
    if match[2] in ("CMD", "CMDOUT", "CMDEND"):
        fields["COMMAND"] = match[3]
        fields["User"] = match[1]
        if match[2] == "CMD":
            add_command(fields, match[3])


def _user_management(fields: Fields, message: str) -> None:
    match = _NEW_USER.match(message)
    if match:
        fields["action"] = f"new_{match[1]}"
        for part in match[2].split(", ")[:_MOST_PARTS]:
            name, equals, value = part.partition("=")
            if equals:
                fields["target_user" if name == "name" else name] = value


def _kernel(fields: Fields, message: str) -> None:
    match = _FIREWALL.match(message)
    if not match:
        return
    fields["prefix"] = match[1]
    fields["IN"], fields["OUT"] = match[2], match[3]
    for name, value in _PAIR.findall(message[match.end() :])[:_MOST_PARTS]:
        known = _FIREWALL_NAMES.get(name)
        if known:
            fields.setdefault(known, int(value) if value.isdecimal() and len(value) < 10 else value)  # noqa: PLR2004 — an int in 32 bits
    fields["action"] = "blocked" if _BLOCKING.search(match[1]) else "logged"


_READERS: dict[str, Callable[[Fields, str], None]] = {
    "sshd": _sshd,
    "sshd-session": _sshd,
    "sudo": _sudo,
    "su": _su,
    "cron": _cron,
    "crond": _cron,
    "useradd": _user_management,
    "groupadd": _user_management,
    "kernel": _kernel,
}
