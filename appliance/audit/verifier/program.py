"""
`xdr-audit-verify EXPORT`: says whether an exported audit trail is what it was, and names what is wrong first.

Exit status: 0 intact · 1 cannot be read · 2 used wrongly · 8 something is wrong.
"""

import argparse
import json
import sys
from pathlib import Path

from . import checkpoints
from .export import NotAnExport, verify
from .hashing import KEY_BYTES, fingerprint
from .verdicts import Verdict

INTACT, UNREADABLE, USAGE, PROBLEMS = 0, 1, 2, 8


def main(arguments: list[str] | None = None) -> int:
    """Verify as the command line asks; the exit status."""
    given = _parser().parse_args(arguments)
    try:
        pin = pinned(given.fingerprint, given.key)
        expected = [one for path in given.expect for one in kept(path)]
        with sys.stdin.buffer if str(given.export) == "-" else given.export.open("rb") as file:
            verdict = verify(
                file, pin=pin, expected=expected, thorough=given.thorough,
                allow_clock_back=given.allow_clock_back,
            )  # fmt: skip
    except (OSError, ValueError) as error:
        print(f"xdr-audit-verify: {error}", file=sys.stderr)  # noqa: T201 — a command prints
        return UNREADABLE if isinstance(error, OSError | NotAnExport) else USAGE
    print(json.dumps(verdict.as_dict()) if given.json else told(verdict))  # noqa: T201 — a command prints
    return INTACT if verdict.ok else PROBLEMS


def pinned(text: str, key: Path | None) -> str:
    """
    The fingerprint to hold the export against, from either option; "" for none.

    Raises:
        ValueError: Neither a fingerprint, nor a file with a public key in hex.
    """
    if key is not None:
        raw = bytes.fromhex(key.read_text().strip())
        if len(raw) != KEY_BYTES:
            raise ValueError(f"{key} holds no Ed25519 public key in hex")
        return fingerprint(raw)
    found = text.replace(":", "").lower()
    if found and (len(found) != 2 * KEY_BYTES or not set(found) <= set("0123456789abcdef")):
        raise ValueError("a fingerprint is 64 hex digits")
    return found


def kept(path: Path) -> list[checkpoints.Checkpoint]:
    """
    The checkpoints in a file that was kept.

    Raises:
        ValueError: There is none in it.
    """
    with path.open("rb") as file:
        found = checkpoints.parsed_all(file)
    if not found:
        raise ValueError(f"{path} holds no checkpoint")
    return found


def told(verdict: Verdict) -> str:
    """The verdict for people."""
    lines = [f"stream       {verdict.stream}"]
    lines += [f"key          {key}" for key in verdict.keys]
    lines.append(f"records      {verdict.records:,}, {verdict.checkpoints:,} checkpoints")
    if verdict.events:
        lines.append("events       {events:,} in {segments:,} segments".format(**verdict.events))
    if verdict.problem is None:
        lines.append("INTACT       every record is there, in order, as it was sealed")
    else:
        lines.append(f"WRONG        {verdict.problem.kind}: {verdict.problem.message}")
        if verdict.problem.entry_id:
            lines.append(f"entry        {verdict.problem.entry_id}")
    if not verdict.pinned:
        lines.append("note         no key was pinned: whoever made the export may have made the key too")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="xdr-audit-verify", description=__doc__)
    parser.add_argument("export", type=Path, help="the export, or - for standard input")
    parser.add_argument("--key", type=Path, help="file with the trusted public key, in hex")
    parser.add_argument("--fingerprint", default="", help="SHA-256 of the trusted public key")
    parser.add_argument(
        "--expect", "--previous-checkpoint", action="append", default=[], type=Path,
        help="file of checkpoints that were kept elsewhere; may be given again",
    )  # fmt: skip
    parser.add_argument("--thorough", action="store_true", help="look at every signature")
    parser.add_argument("--allow-clock-back", action="store_true", help="a step of the clock is explained")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
