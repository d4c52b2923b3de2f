from pathlib import Path

import pytest

from packer import sealing


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name in ("etc/ssh", "etc/ssl/certs", "etc/ssl/private", "var/log/nginx", "var/lib/systemd", "opt/xdr",
                 "usr/local", "usr/lib/python3/a/__pycache__", "root"):  # fmt: skip
        (root / name).mkdir(parents=True)
    for name, text in {
        "etc/ssh/ssh_host_ed25519_key": "secret",
        "etc/ssl/private/ssl-cert-snakeoil.key": "secret",
        "etc/machine-id": "0123",
        "etc/shadow": "root:*:1::::::\n",
        "var/log/nginx/access.log": "a visit",
        "var/lib/systemd/random-seed": "x",
        "usr/lib/python3/a/__pycache__/a.pyc": "x",
        "opt/xdr/kept": "x",
        "root/.bash_history": "x",
    }.items():
        (root / name).write_text(text)
    (root / "etc/ssl/certs/1234.0").symlink_to("ssl-cert-snakeoil.pem")
    return root


def test_what_belongs_to_one_machine_is_gone(tree: Path) -> None:
    sealing.seal(tree)
    sealing.end(tree, ["nobody-writes-this"])
    left = {str(path.relative_to(tree)) for path in tree.rglob("*") if not path.is_dir()}
    assert left == {"etc/hostname", "etc/hosts", "etc/machine-id", "etc/shadow", "opt/xdr/kept"}
    assert (tree / "var/log/nginx").is_dir()
    assert (tree / "etc/machine-id").read_text() == ""


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("etc/shadow", "root:$y$j9T$abc:1::::::\n", "has a password"),
        ("etc/shadow", "root::1::::::\n", "needs none"),
        ("etc/ssh/ssh_host_rsa_key", "x", "same on every machine"),
        ("etc/machine-id", "0123", "not empty"),
        ("opt/xdr/kept", "made in /builds/here", "/builds/here"),
    ],
)
def test_what_is_left_ends_the_build(tree: Path, name: str, text: str, words: str) -> None:
    sealing.seal(tree)
    (tree / name).write_text(text)
    with pytest.raises(sealing.UnsealedTree, match=words):
        sealing.end(tree, ["/builds/here"])


def test_the_list_sees_mode_content_and_target_but_no_time(tree: Path) -> None:
    import os

    before = sealing.listing(tree)
    os.utime(tree / "opt/xdr/kept", (1, 1))
    assert sealing.listing(tree) == before
    assert "120777" in next(line for line in before if line.endswith("1234.0"))
    for change in (
        lambda: (tree / "opt/xdr/kept").chmod(0o4755),
        lambda: (tree / "opt/xdr/kept").write_text("y"),
        (tree / "opt/xdr/new").mkdir,
    ):
        change()
        after = sealing.listing(tree)
        assert after != before
        before = after
