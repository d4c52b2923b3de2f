"""The shipped units, judged by systemd itself."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.cli.development import PROCESSES

UNITS = Path(__file__).parents[3] / "systemd"
# It installs the machine, once, before anything listens: nothing of root's can be taken from it.
UNCONFINED = {"xdr-first-boot.service"}
ALL = sorted(unit for unit in UNITS.glob("*.service") if unit.name not in UNCONFINED)
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@needs_systemd
@pytest.mark.peer
@pytest.mark.parametrize("unit", ALL, ids=lambda unit: unit.name)
def test_a_unit_is_exposed_to_two_at_most(unit: Path) -> None:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", unit],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout.splitlines()[-1:] or said.stderr


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_each_process_has_a_unit_that_starts_its_module(name: str) -> None:
    unit = (UNITS / f"xdr-{name}.service").read_text()
    assert re.search(rf"^ExecStart=\S+/python -m {re.escape(PROCESSES[name])} ", unit, re.MULTILINE)
    assert f"xdr-{name}.service" in (UNITS / "xdr.target").read_text()
