import hashlib
import json
from pathlib import Path

import pytest

from packer import image


def _sums(out: Path) -> dict[str, str]:
    lines = (out / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> image.Build:
    monkeypatch.setattr(image.tree, "number_of", lambda bundle: "0123456789ab")
    made = image.Build(tmp_path, None)
    (made.work / "tree.list").write_text("one file\n")
    return made


def _make(build: image.Build, ending: str, text: str, key: str = "k") -> None:
    target = build.file(ending)
    build.step(ending, key, lambda: target.write_text(text), target)


def test_only_what_this_build_made_is_vouched_for(build: image.Build) -> None:
    _make(build, "iso", "old")
    _make(build, "qcow2", "a disk of the old tree")
    image._publish(build, None)
    stranger = build.out / f"{build.name}.1.iso"
    stranger.write_text("another version")

    again = image.Build(build.out, None)
    _make(again, "iso", "new", key="another tree")
    image._publish(again, None)

    assert set(_sums(build.out)) == {build.file("iso").name, "manifest.json"}
    assert _sums(build.out)[build.file("iso").name] == hashlib.sha256(b"new").hexdigest()
    manifest = json.loads((build.out / "manifest.json").read_text())
    assert (set(manifest["seconds"]), manifest["signature"]) == ({"iso"}, "unsigned")
    assert not build.file("qcow2").exists()
    assert stranger.exists()


def test_a_step_is_done_again_when_its_key_or_its_file_changed(build: image.Build) -> None:
    _make(build, "iso", "first")
    _make(image.Build(build.out, None), "iso", "same key")
    assert build.file("iso").read_text() == "first"
    build.file("iso").unlink()
    _make(image.Build(build.out, None), "iso", "lost")
    assert build.file("iso").read_text() == "lost"
    _make(image.Build(build.out, None), "iso", "changed", key="other")
    assert build.file("iso").read_text() == "changed"


@pytest.mark.parametrize("licence", ["LICENSE.Detection.Rules.md", "COPYING", "licence"])
def test_rules_come_with_their_licence(tmp_path: Path, licence: str) -> None:
    assert "no such folder" in image.refused_rules(tmp_path / "missing")
    assert "no LICENSE" in image.refused_rules(tmp_path)
    (tmp_path / licence).write_text("terms")
    assert not image.refused_rules(tmp_path)
