"""
Runs the bundle's playbooks, stage by stage, with a journal, so that a killed run goes on where it was.

A stage is a playbook that `site.yml` imports. All are idempotent: what the journal saves is time, and what it
tells is how far a run came.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

import msgspec
import yaml

from installer.failures import ExitCode, InstallFailure
from installer.paths import Paths

State = Literal["begun", "done", "failed"]
Say = Callable[[str], None]
_RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
_TASK = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(.*)\]")
_SHOWN_LINES = 30


class Entry(msgspec.Struct, frozen=True):
    """
    Attributes:
        digest: Of what was asked for: the site's file and the bundle.
        at: RFC 3339.
    """

    stage: str
    digest: str
    state: State
    at: str


class Journal:
    """Lines of JSON, each on disk before what it says is acted on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> list[Entry]:
        """All that were written whole; a crash may have cut the last."""
        if not self._path.exists():
            return []
        found = []
        for line in self._path.read_bytes().splitlines():
            with contextlib.suppress(msgspec.DecodeError):
                found.append(msgspec.json.decode(line, type=Entry))
        return found

    def done(self, digest: str) -> set[str]:
        """Stages whose last word is that they are done, for exactly this."""
        last = {entry.stage: entry.state for entry in self.entries() if entry.digest == digest}
        return {stage for stage, state in last.items() if state == "done"}

    def note(self, stage: str, digest: str, state: State) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        entry = Entry(
            stage=stage, digest=digest, state=state, at=datetime.now(UTC).isoformat(timespec="seconds")
        )
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # A line that a crash cut must not swallow the next.
            os.write(descriptor, b"\n" + msgspec.json.encode(entry) + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Runner:
    """
    Args:
        bundle: The folder of the bundle that playbooks and packages come from.
        inventory: As `inventory.write` made it.
        say: Gets each line of progress.
    """

    def __init__(self, bundle: Path, inventory: Path, paths: Paths, say: Say) -> None:
        self._content = bundle / "ansible"
        self._manifest = bundle / "manifest.sha256"
        self._inventory, self._paths, self._say = inventory, paths, say
        self._journal = Journal(paths.state / "journal.jsonl")
        self._lock: int | None = None

    @property
    def digest(self) -> str:
        """What a stage is done for: this site's file and this bundle."""
        if not self._manifest.exists():
            raise InstallFailure(
                f"{self._manifest} is not there",
                next_step="run `begin` of the bundle's medium",
                code=ExitCode.NEEDS_HUMAN,
            )
        return hashlib.sha256(self._paths.site.read_bytes() + b"\0" + self._manifest.read_bytes()).hexdigest()

    def stages(self) -> list[str]:
        """Playbooks in their order, as the bundle's index lists them."""
        index = self._content / "site.yml"
        try:
            plays: list[dict[str, Any]] = yaml.safe_load(index.read_text())
        except (OSError, yaml.YAMLError) as error:
            raise InstallFailure(
                f"{index}: {error}", next_step="copy the bundle anew from its medium"
            ) from error
        return [play["ansible.builtin.import_playbook"] for play in plays]

    def apply(self, *, again: bool = False) -> int:
        """
        Run the stages that are not done.

        Returns:
            How many changes were made, over all nodes.

        Raises:
            InstallFailure: A stage failed, or another run is under way.
        """
        with self._alone():
            digest = self.digest
            done = set() if again else self._journal.done(digest)
            changes = 0
            stages = self.stages()
            for number, stage in enumerate(stages, 1):
                name = Path(stage).stem
                if stage in done:
                    self._say(f"{number}/{len(stages)} {name}: done before")
                    continue
                self._journal.note(stage, digest, "begun")
                try:
                    changed = self.play(stage, label=f"{number}/{len(stages)} {name}")
                except BaseException:
                    self._journal.note(stage, digest, "failed")
                    raise
                self._journal.note(stage, digest, "done")
                changes += changed
            return changes

    def bring(self, names: list[str]) -> int:
        """Make new machines members: as `apply`, but always from the start."""
        with self._alone():
            return self.play(
                "playbooks/bring_nodes.yml", "--extra-vars", json.dumps({"bring_nodes_new": names})
            )

    def preview(self) -> str:
        """What `apply` would change, or its tasks where there is nothing to compare with yet."""
        option = ["--check", "--diff"] if self._paths.settled.exists() else ["--list-tasks"]
        said: list[str] = []
        status = self._ansible("site.yml", *option, each=said.append)
        if status:
            raise InstallFailure(
                f"ansible-playbook {' '.join(option)}: status {status}\n{_tail(said)}",
                next_step="correct what it names; nothing was changed",
                code=ExitCode.TRANSIENT,
            )
        return "".join(said)

    def play(self, playbook: str, *options: str, label: str = "") -> int:
        """
        Run one playbook on all nodes, its output in the log.

        Returns:
            How many changes it made.
        """
        label = label or Path(playbook).stem
        self._say(f"{label} …")
        said: list[str] = []
        with self._log() as log:
            log.write(f"== {datetime.now(UTC).isoformat(timespec='seconds')} {playbook}\n")

            def hear(line: str) -> None:
                said.append(line)
                log.write(line)
                task = _TASK.match(line)
                if task:
                    self._say(f"{label}: {task[1]}")

            status = self._ansible(playbook, *options, each=hear)
        if status:
            raise InstallFailure(
                f"{label}: failed\n{_tail(said)}",
                next_step=f"mend it and run the same command again; all of it is in {self._paths.log}",
                code=ExitCode.TRANSIENT,
            )
        changes = sum(int(node[2]) for node in _RECAP.findall("".join(said)))
        self._say(f"{label}: {changes} changes")
        return changes

    def _ansible(self, playbook: str, *options: str, each: Say) -> int:
        """Run it, handing on each line as it is said; its exit status."""
        program = Path(sys.executable).with_name("ansible-playbook")
        if not program.exists():
            raise InstallFailure(
                f"{program} is not there", next_step="run `begin` of the bundle's medium again"
            )
        with subprocess.Popen(  # noqa: S603 — paths of the bundle, options of ours
            [str(program), "--inventory", str(self._inventory), *options, playbook],
            cwd=self._content, env=_environment(), text=True, errors="replace",
            # It holds the lock too: whoever kills this program alone has not ended the run.
            pass_fds=() if self._lock is None else (self._lock,),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as play:  # fmt: skip
            try:
                for line in play.stdout or ():
                    each(line)
            except BaseException:
                play.terminate()
                raise
        return play.returncode

    @contextlib.contextmanager
    def _log(self) -> Iterator[IO[str]]:
        """The log, written line by line: it tells how far a run came that was killed."""
        self._paths.log.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._paths.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", buffering=1) as file:
            yield file

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self._paths.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._paths.state / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InstallFailure(
                    "another xdr-install is at work on this node",
                    next_step=f"wait for it; tail -f {self._paths.log}",
                    code=ExitCode.TRANSIENT,
                ) from error
            self._lock = file.fileno()
            try:
                yield
            finally:
                self._lock = None


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    # Ansible refuses a locale without UTF-8, which a console may well have; and lines come as they are said.
    fixed = {"LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_NOCOWS": "1"}
    return {"HOME": "/root"} | kept | fixed


def _tail(said: list[str]) -> str:
    """The end of what Ansible said, from the first failure on where one is named."""
    lines = [line.rstrip("\n") for line in said]
    first = next(
        (at for at, line in enumerate(lines) if line.startswith(("fatal:", "[ERROR]", "ERROR!"))), None
    )
    shown = lines[max(0, first - 2) :] if first is not None else lines
    return "\n".join(shown[-_SHOWN_LINES:])
