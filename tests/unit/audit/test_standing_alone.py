"""The offline verifier is a program of its own: built, installed apart, and run where there is no appliance."""

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.vectors.audit.make import FOLDER

VERIFIER = Path(__file__).parents[3] / "appliance" / "audit" / "verifier"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed wheel and nothing else."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=VERIFIER, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = out.glob("xdr_audit_verify-*.whl")
    zipfile.ZipFile(wheel).extractall(out / "site")
    return out / "site"


def run(installed: Path, *arguments: str, export: str | None = None) -> subprocess.CompletedProcess[str]:
    program = "import sys; from xdr_audit_verify.program import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=installed, env=os.environ | {"PYTHONPATH": str(installed)}, input=export, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_it_asks_for_the_standard_library_and_cryptography_only():
    asked = set()
    for path in VERIFIER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                asked |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                asked.add(str(node.module).partition(".")[0])

    assert asked - set(sys.stdlib_module_names) == {"cryptography"}


def test_every_module_is_in_the_wheel(installed):
    assert {p.name for p in (installed / "xdr_audit_verify").glob("*.py")} == {
        p.name for p in VERIFIER.glob("*.py")
    }


def test_the_installed_wheel_names_cryptography_and_no_appliance(installed):
    (metadata,) = installed.glob("*.dist-info/METADATA")
    named = [line for line in metadata.read_text().splitlines() if line.startswith("Requires-Dist")]

    assert named == ["Requires-Dist: cryptography"]
    probe = (
        "import sys, xdr_audit_verify.program; print([m for m in sys.modules if m.startswith('appliance')])"
    )
    env = os.environ | {"PYTHONPATH": str(installed)}
    said = subprocess.run(
        [sys.executable, "-c", probe], cwd=installed, env=env, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "status"), [("intact", 0), ("edited", 8), ("rolled_back", 8), ("event_removed", 8)]
)
def test_its_exit_status_says_what_it_found(installed, tmp_path, name, status):
    vector = json.loads((FOLDER / f"{name}.json").read_text())
    export, kept = tmp_path / "export", tmp_path / "kept"
    export.write_text(vector["export"])
    kept.write_text("\n".join(vector["expect"]))
    expect = ["--expect", str(kept)] if vector["expect"] else []

    done = run(installed, str(export), "--fingerprint", vector["fingerprint"], *expect)
    as_json = run(
        installed, "-", "--json", "--fingerprint", vector["fingerprint"], *expect, export=vector["export"]
    )

    assert done.returncode == as_json.returncode == status, done.stderr
    assert ("INTACT" in done.stdout) == (status == 0)
    assert json.loads(as_json.stdout)["ok"] == (status == 0)


def test_a_public_key_is_pinned_from_a_file(installed, tmp_path):
    vector = json.loads((FOLDER / "key_swapped.json").read_text())
    (tmp_path / "export").write_text(vector["export"])
    (tmp_path / "key").write_text(json.loads(vector["export"].split("\n")[0][2:])["key"])

    done = run(installed, str(tmp_path / "export"), "--key", str(tmp_path / "key"))

    assert done.returncode == 0


@pytest.mark.parametrize(
    ("content", "arguments", "status"),
    [
        ("no export\n", [], 1),
        ("", [], 1),
        ('H {"format":"xdr-audit-export","v":2}\n', [], 1),
        ("H {\n", [], 1),
        ("H {}\n", ["--fingerprint", "abc"], 2),
    ],
)
def test_what_cannot_be_read_is_told_from_what_is_wrong(installed, tmp_path, content, arguments, status):
    (tmp_path / "export").write_text(content)

    done = run(installed, str(tmp_path / "export"), *arguments)

    assert (done.returncode, done.stderr.startswith("xdr-audit-verify: ")) == (status, True)


def test_a_file_that_is_not_there_is_said_so(installed, tmp_path):
    assert run(installed, str(tmp_path / "none")).returncode == 1
