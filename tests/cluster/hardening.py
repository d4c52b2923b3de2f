"""
An installed node as two auditors see it: lynis, and OpenSCAP with Debian's guide. Both are carried in and out again.

    python -m tests.cluster.hardening [--node NODE]

Prints what each finds, for docs/security/hardening.md to explain. Exit status 1 if lynis warns of something, or a
rule fails, that page does not name.
"""

import argparse
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from tests.cluster import say
from tests.cluster.laboratory import CACHE, PROJECT, Laboratory, Node, run

AUDITOR = CACHE / "auditor"
PAGE = PROJECT / "docs/security/hardening.md"
PROFILES = ("standard", "anssi_bp28_enhanced")
_PACKAGES = "lynis,openscap-scanner,ssg-debian"
_PLACE = "opt/xdrlab-auditor"
_GUIDE = "usr/share/xml/scap/ssg/content/ssg-debian12-ds.xml"
_XCCDF = "{http://checklists.nist.gov/xccdf/1.2}"
_RULE = "xccdf_org.ssgproject.content_rule_"
_LYNIS = {
    "usr/sbin/lynis": "lynis",
    "usr/share/lynis/include": "include",
    "usr/share/lynis/db": "db",
    "etc/lynis/plugins": "plugins",
    "etc/lynis/default.prf": "default.prf",
}


def make_auditor() -> None:
    """A Debian 13 tree that holds the two programs, and the guide made to accept that release."""
    if (AUDITOR / "lynis/plugins").exists():
        return
    shutil.rmtree(AUDITOR, ignore_errors=True)
    run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}", "trixie", str(AUDITOR))
    guide = AUDITOR / _GUIDE
    # Debian 13 carries the guides of 11 and 12 only, which call each rule inapplicable on any other release.
    guide.write_text(guide.read_text().replace("^12.[0-9]+$", "^1[23].[0-9]+$"))
    for source, name in _LYNIS.items():
        target = AUDITOR / "lynis" / name
        target.parent.mkdir(exist_ok=True)
        if (AUDITOR / source).is_dir():
            shutil.copytree(AUDITOR / source, target)
        else:
            shutil.copy(AUDITOR / source, target)


def carry_in(node: Node) -> None:
    carry_out(node)
    run("cp", "-a", "--reflink=auto", str(AUDITOR), str(node.root / _PLACE))


def carry_out(node: Node) -> None:
    shutil.rmtree(node.root / _PLACE, ignore_errors=True)


def lynis(node: Node) -> tuple[int, list[str], list[str]]:
    """Its index out of 100, its warnings and its suggestions as `ID text`."""
    node.ssh(
        f"rm -f /run/lynis.pid; cd /{_PLACE}/lynis && ./lynis audit system --no-colors --quick --quiet"
        " --logfile ../lynis.log --report-file ../lynis.dat",
        check=False,
    )
    report = (node.root / _PLACE / "lynis.dat").read_text(errors="replace")
    found = {
        kind: [
            " ".join(line.split("|")[:2]) for line in re.findall(rf"^{kind}\[\]=(.*)$", report, re.MULTILINE)
        ]
        for kind in ("warning", "suggestion")
    }
    index = re.search(r"^hardening_index=(\d+)", report, re.MULTILINE)
    if index is None:
        raise RuntimeError(f"lynis came to no end on {node.name}")
    return int(index[1]), found["warning"], found["suggestion"]


def scap(node: Node, profile: str) -> dict[str, str]:
    """The result of each rule of a profile, by the rule's name."""
    libraries = f"/{_PLACE}/usr/lib/x86_64-linux-gnu"
    node.ssh(
        f"LD_LIBRARY_PATH={libraries} OSCAP_SCHEMA_PATH=/{_PLACE}/usr/share/openscap/schemas"
        f" /{_PLACE}/usr/bin/oscap xccdf eval --profile xccdf_org.ssgproject.content_profile_{profile}"
        f" --results /{_PLACE}/{profile}.xml /{_PLACE}/{_GUIDE}",
        check=False,
    )
    results = ET.parse(node.root / _PLACE / f"{profile}.xml")
    return {
        each.get("idref", "").removeprefix(_RULE): (each.findtext(f"{_XCCDF}result") or "unknown")
        for each in results.iter(f"{_XCCDF}rule-result")
        if each.findtext(f"{_XCCDF}result") != "notselected"
    }


def unexplained(names: list[str]) -> Iterator[str]:
    page = PAGE.read_text()
    for name in names:
        if f"`{name}`" not in page:
            yield name


def audit(node: Node) -> list[str]:
    """What the page does not explain."""
    make_auditor()
    carry_in(node)
    try:
        index, warnings, suggestions = lynis(node)
        rules = {profile: scap(node, profile) for profile in PROFILES}
    finally:
        carry_out(node)
    said = [*warnings, *suggestions]
    print(f"lynis: {index} of 100, {len(warnings)} warnings, {len(suggestions)} suggestions")
    print("\n".join(f"  {line}" for line in said))
    failed: dict[str, None] = {}
    for profile, results in rules.items():
        counts = {word: list(results.values()).count(word) for word in sorted(set(results.values()))}
        print(f"{profile}: " + ", ".join(f"{count} {word}" for word, count in counts.items()))
        failed |= {rule: None for rule, word in results.items() if word not in ("pass", "notapplicable")}
    print("\n".join(f"  {rule}" for rule in failed))
    where = PAGE.relative_to(PROJECT)
    names = [line.split()[0] for line in said] + list(failed)
    return [f"{name}: not explained in {where}" for name in unexplained(names)]


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--node", default="node2")
    chosen = options.parse_args()
    found = audit(Laboratory().nodes[chosen.node])
    for problem in found:
        say(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
