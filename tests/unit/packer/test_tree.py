from pathlib import Path

from packer import tree


def test_what_starts_is_what_somebody_enabled(tmp_path: Path) -> None:
    units = tmp_path / "etc/systemd/system"
    for name in ("multi-user.target.wants/etcd.service", "timers.target.wants/fstrim.timer"):
        link = units / name
        link.parent.mkdir(parents=True)
        link.symlink_to(f"/usr/lib/systemd/system/{link.name}")
    (units / "xdr-web.service").write_text("")
    assert tree.starting(tmp_path) == {"etcd.service", "fstrim.timer"}


def test_modes_of_the_checkout_do_not_reach_the_image(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "tree"
    (source / "etc/new").mkdir(parents=True, mode=0o700)
    (target / "etc").mkdir(parents=True)
    (target / "etc").chmod(0o751)
    for name, mode in (("etc/new/read", 0o600), ("etc/run", 0o775)):
        (source / name).write_text(name)
        (source / name).chmod(mode)

    tree.put(source, target)

    modes = {str(path.relative_to(target)): path.stat().st_mode & 0o7777 for path in target.rglob("*")}
    assert modes == {"etc": 0o751, "etc/new": 0o755, "etc/new/read": 0o644, "etc/run": 0o755}
