"""The reference is the program's own."""

import subprocess
import sys
from pathlib import Path

from appliance.cli.documenting import commands, markdown
from appliance.cli.running import app

ROOT = Path(__file__).parents[3]


def test_the_reference_is_current():
    written = (ROOT / "docs" / "cli.md").read_text()

    assert written == markdown(app), "run `xdr docs markdown > docs/cli.md`"


def test_every_command_says_what_it_does():
    silent = [" ".join(path) for path, command in commands(app) if not command.help]

    assert silent == []


def test_every_command_takes_the_common_options():
    without = [
        " ".join(path)
        for path, command in commands(app)
        if path[1] != "dev" and not {"output", "debug"} <= {parameter.name for parameter in command.params}
    ]

    assert without == []


def test_no_option_takes_a_secret():
    named = {name for _, command in commands(app) for parameter in command.params for name in parameter.opts}

    assert not [one for one in named if one in ("--password", "--token", "--secret", "--key")]


def test_a_manual_page_is_made_for_every_command(shell, tmp_path):
    shell("docs", "man", "--to", str(tmp_path / "man"))

    pages = {path.stem for path in (tmp_path / "man").iterdir()}
    assert pages == {"-".join(path) for path, _ in commands(app)}
    assert ".SH EXIT STATUS" in (tmp_path / "man" / "xdr-ingest.1").read_text()


def test_help_does_not_wait_for_the_database_layer():
    loaded = (
        "import sys, appliance.cli.running; print('sqlalchemy' in sys.modules, 'litestar' in sys.modules)"
    )

    said = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert said.stdout.split() == ["False", "False"]
