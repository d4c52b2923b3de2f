import json
import re
import zipfile
from pathlib import Path

from packer import sbom

_STATUS = """Package: openssl
Status: install ok installed
Architecture: amd64
Version: 3.5.1-1+deb13u1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: libstdc++6
Status: install ok installed
Architecture: amd64
Version: 1:14.2-19
"""
_LOCK = {
    "packages": {
        "": {"name": "ui"},
        "node_modules/@lit/context": {"version": "1.1.0"},
        "node_modules/lit": {"version": "3.3.0"},
        "node_modules/a/node_modules/lit": {"version": "2.0.0"},
        "node_modules/vite": {"version": "7.0.0", "dev": True},
    }
}


def test_only_installed_packages_are_parts() -> None:
    found = sbom.debian(_STATUS)
    assert [each["name"] for each in found] == ["openssl", "libstdc++6"]
    assert found[0]["purl"] == "pkg:deb/debian/openssl@3.5.1-1+deb13u1?arch=amd64&distro=debian-13"
    assert found[1]["purl"].startswith("pkg:deb/debian/libstdc++6@1%3A14.2-19?")


def test_tools_of_the_console_are_not_parts() -> None:
    found = sbom.npm(json.dumps(_LOCK))
    assert [each["purl"] for each in found] == [
        "pkg:npm/%40lit/context@1.1.0", "pkg:npm/lit@3.3.0", "pkg:npm/lit@2.0.0",
    ]  # fmt: skip


def test_a_wheel_carries_its_hash(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "zope.interface_x-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("a", "b")
    (found,) = sbom.wheels(tmp_path)
    assert found["purl"] == "pkg:pypi/zope-interface-x@1.0"
    assert re.fullmatch("[0-9a-f]{64}", found["hashes"][0]["content"])


def test_the_document_is_the_same_for_the_same_parts() -> None:
    def text(parts: list[sbom.Component]) -> str:
        return sbom.make(parts, version="0.1.0", commit="c", epoch=0)

    parts = sbom.debian(_STATUS) + sbom.npm(json.dumps(_LOCK))
    assert text(parts) == text(parts[::-1] + parts)
    document = json.loads(text(parts))
    assert (document["bomFormat"], document["specVersion"], document["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document["serialNumber"])
    assert document["metadata"]["timestamp"] == "1970-01-01T00:00:00Z"
    names = [each["bom-ref"] for each in document["components"]]
    assert len(names) == len(set(names)) == 5
    assert all({"type", "name", "version", "purl"} <= each.keys() for each in document["components"])
    assert text(parts[1:]) != text(parts)
