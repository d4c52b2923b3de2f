"""Stages run by a real `ansible-playbook` on this machine: killed, gone on with, run again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from installer.failures import ExitCode, InstallFailure
from installer.paths import Paths
from installer.playbooks import Journal, Runner

MANIFEST = "0" * 64 + "  debian/Packages\n"
STAGES = ("first", "second", "third")
# A program of its own, so that it can be killed; the fixture's folder is its argument.
PROGRAM = """
import sys
from pathlib import Path
from installer.paths import Paths
from installer.playbooks import Runner
folder = Path(sys.argv[1])
runner = Runner(folder / "bundle", folder / "hosts.yml", Paths(folder / "root"), lambda line: print(line, flush=True))
print("changes", runner.apply(again="--again" in sys.argv))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A bundle of three stages. Each notes that it ran, makes one file, and waits where it finds a gate."""
    playbooks = tmp_path / "bundle/ansible/playbooks"
    playbooks.mkdir(parents=True)
    index = [{"ansible.builtin.import_playbook": f"playbooks/{stage}.yml"} for stage in STAGES]
    (tmp_path / "bundle/ansible/site.yml").write_text(yaml.safe_dump(index))
    (tmp_path / "bundle/manifest.sha256").write_text(MANIFEST)
    for stage in STAGES:
        (playbooks / f"{stage}.yml").write_text(_playbook(stage, tmp_path))
    hosts = {"here": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"xdr": {"hosts": hosts}}))
    site = tmp_path / "root/etc/xdr/site.yml"
    site.parent.mkdir(parents=True)
    site.write_text("version: 1\n")
    yield tmp_path
    for gate in tmp_path.glob("gate-*"):
        gate.unlink()


def _playbook(stage: str, folder: Path) -> str:
    tasks = [
        {"name": "It is noted", "ansible.builtin.shell": f"echo {stage} >> {folder}/runs", "changed_when": False},
        {
            "name": "The gate is open",
            "ansible.builtin.shell": f"touch {folder}/at-{stage}; while [ -e {folder}/gate-{stage} ]; do sleep 0.1; done",
            "changed_when": False,
        },
        {"name": "It is made", "ansible.builtin.command": f"mkdir {folder}/made-{stage}",
         "args": {"creates": f"{folder}/made-{stage}"}},
    ]  # fmt: skip
    return yaml.safe_dump([{"hosts": "xdr", "gather_facts": False, "tasks": tasks}], sort_keys=False)


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), *options],
        cwd=Path(__file__).parents[3], text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        # A console without UTF-8, as a serial line has it.
        env=os.environ | {"LC_ALL": "C", "PYTHONUTF8": "1"},
    )  # fmt: skip


def apply(folder: Path, *options: str) -> str:
    """Until it is this one's turn: workers of a killed run end their task first, and keep the lock until then."""
    until = time.monotonic() + 60
    while True:
        program = start(folder, *options)
        said, _ = program.communicate(timeout=200)
        if "another xdr-install is at work" not in said or time.monotonic() > until:
            break
        time.sleep(0.5)
    assert program.returncode == 0, said
    return said


def wait_for(path: Path) -> None:
    until = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not appear"
        time.sleep(0.05)


def runs(folder: Path) -> list[str]:
    return (folder / "runs").read_text().split()


def states(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / "root/var/lib/xdr-install/journal.jsonl").read_text().split("\n")
    found = [json.loads(line) for line in lines if line]
    return [(Path(entry["stage"]).stem, entry["state"]) for entry in found]


def test_stages_run_in_order_once_and_a_second_run_does_nothing(folder: Path) -> None:
    said = apply(folder)
    again = apply(folder)

    assert "changes 3" in said
    assert "2/3 second: It is made" in said
    assert "changes 0" in again
    assert again.count("done before") == 3
    assert runs(folder) == list(STAGES)
    assert states(folder) == [(stage, state) for stage in STAGES for state in ("begun", "done")]


@pytest.mark.parametrize("where", STAGES)
def test_a_killed_run_goes_on_at_the_stage_that_was_under_way(folder: Path, where: str) -> None:
    (folder / f"gate-{where}").touch()
    program = start(folder)
    wait_for(folder / f"at-{where}")
    with program:
        os.killpg(program.pid, signal.SIGKILL)
    (folder / f"gate-{where}").unlink()
    log = (folder / "root/var/log/xdr-install.log").read_text()

    said = apply(folder)

    before = STAGES[: STAGES.index(where)]
    assert "TASK [The gate is open]" in log, "a killed run leaves its log"
    assert said.count("done before") == len(before)
    assert runs(folder) == [*before, where, *STAGES[len(before) :]]
    assert {path.name for path in folder.glob("made-*")} == {f"made-{stage}" for stage in STAGES}
    assert states(folder)[-1] == ("third", "done")
    assert states(folder).count((where, "begun")) == 2


def test_what_is_done_for_another_site_or_bundle_is_not_done(folder: Path) -> None:
    runner = _runner(folder)
    journal = Journal(folder / "root/var/lib/xdr-install/journal.jsonl")
    for stage in runner.stages():
        journal.note(stage, runner.digest, "done")
    assert runner.apply() == 0

    (folder / "root/etc/xdr/site.yml").write_text("version: 1\n# changed\n")
    assert journal.done(runner.digest) == set()
    (folder / "root/etc/xdr/site.yml").write_text("version: 1\n")
    (folder / "bundle/manifest.sha256").write_text("1" * 64 + "  debian/Packages\n")
    assert journal.done(runner.digest) == set()
    (folder / "bundle/manifest.sha256").write_text(MANIFEST)
    forced = apply(folder, "--again")

    assert "done before" not in forced
    assert runs(folder) == list(STAGES)


def test_one_run_at_a_time(folder: Path) -> None:
    (folder / "gate-second").touch()
    program = start(folder)
    wait_for(folder / "at-second")

    with pytest.raises(InstallFailure) as refused:
        _runner(folder).apply()
    (folder / "gate-second").unlink()
    said, _ = program.communicate(timeout=100)

    assert refused.value.code == ExitCode.TRANSIENT
    assert "another xdr-install" in str(refused.value)
    assert "changes 3" in said
    assert runs(folder) == list(STAGES)


def test_killing_the_installer_alone_lets_no_second_run_beside_its_playbook(folder: Path) -> None:
    (folder / "gate-second").touch()
    program = start(folder)
    wait_for(folder / "at-second")
    program.kill()
    program.wait()

    with program, pytest.raises(InstallFailure) as refused:
        _runner(folder).apply()
    (folder / "gate-second").unlink()
    _until_free(folder)
    _runner(folder).apply()

    assert "another xdr-install" in str(refused.value)
    assert runs(folder) == ["first", "second", "second", "third"]


def test_a_stage_that_fails_says_why_and_is_run_again(folder: Path) -> None:
    (folder / "made-second").touch()  # A file, in whose place no folder can be made.
    playbook = folder / "bundle/ansible/playbooks/second.yml"
    whole = playbook.read_text()
    playbook.write_text(whole.replace(f"creates: {folder}/made-second", "creates: /nonexistent"))

    with pytest.raises(InstallFailure) as failed:
        _runner(folder).apply()
    playbook.write_text(whole)
    _runner(folder).apply()

    assert "File exists" in str(failed.value)
    assert "xdr-install.log" in failed.value.next_step
    assert ("second", "failed") in states(folder)
    assert runs(folder) == ["first", "second", "second", "third"]


def test_the_plan_changes_nothing_and_says_which_kind_it_is(folder: Path) -> None:
    tasks = _runner(folder).preview()
    (folder / "root/etc/xdr/settled").touch()
    changes = _runner(folder).preview()

    assert "It is made" in tasks
    assert "changed=" not in tasks
    assert "changed=3" in changes
    assert list(folder.glob("made-*")) == []


def _runner(folder: Path) -> Runner:
    return Runner(folder / "bundle", folder / "hosts.yml", Paths(folder / "root"), lambda _: None)


def _until_free(folder: Path) -> None:
    """The orphaned playbook ends by itself, at the latest when it has nobody to tell."""
    lock = folder / "root/var/lib/xdr-install/lock"
    until = time.monotonic() + 120
    while subprocess.run(["flock", "--nonblock", str(lock), "true"], check=False).returncode:
        assert time.monotonic() < until, "the playbook did not end"
        time.sleep(0.2)
