"""
What the image consists of, as CycloneDX 1.6: Debian packages of the tree, wheels of the locks, npm packages
of the console, rule sets, and the product itself.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]
_SERIALS = uuid.UUID("6f2b7f0e-0a57-4d0c-9a7e-5c1d3c0f9d13")  # a name space of ours, drawn once


def make(components: Iterable[Component], *, version: str, commit: str, epoch: int) -> str:
    """
    The document's text; the same for the same components.

    Args:
        epoch: Seconds; becomes the document's time.
    """
    unique = {component["bom-ref"]: component for component in components}
    found = [unique[name] for name in sorted(unique)]
    content = hashlib.sha256(json.dumps([version, commit, found]).encode()).hexdigest()
    product = f"pkg:generic/mini-xdr-appliance@{quote(version)}"
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SERIALS, content)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).isoformat().replace("+00:00", "Z"),
            "component": {
                "type": "firmware",
                "bom-ref": product,
                "name": "mini-xdr-appliance",
                "version": version,
                "purl": product,
                "properties": [{"name": "commit", "value": commit}],
            },
        },
        "components": found,
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def debian(status: str) -> list[Component]:
    """Packages that dpkg's status file calls installed."""
    found = []
    for paragraph in status.split("\n\n"):
        fields = dict(
            re.findall(r"^(Package|Version|Architecture|Status|Source): (.*)$", paragraph, re.MULTILINE)
        )
        if fields.get("Status", "").endswith(" installed"):
            purl = (
                f"pkg:deb/debian/{quote(fields['Package'], safe='+')}@{quote(fields['Version'], safe='+')}"
                f"?arch={fields['Architecture']}&distro=debian-13"
            )
            found.append(_component("library", fields["Package"], fields["Version"], purl))
    return found


def wheels(folder: Path) -> list[Component]:
    """The wheels of a folder, each with the SHA-256 that its lock demands."""
    found = []
    for path in sorted(folder.glob("*.whl")):
        name, version, *_ = path.name.split("-")
        name = re.sub(r"[-_.]+", "-", name).lower()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found.append(
            _component("library", name, version, f"pkg:pypi/{name}@{quote(version)}")
            | {"hashes": [{"alg": "SHA-256", "content": digest}]}
        )
    return found


def npm(lock: str) -> list[Component]:
    """What the console is built from and carries; tools of its build are not in the image."""
    found = []
    for place, package in json.loads(lock)["packages"].items():
        if not place or package.get("dev") or package.get("link"):
            continue
        full = place.rpartition("node_modules/")[2]
        scope, _, name = full.rpartition("/")
        path = f"{quote(scope, safe='')}/{name}" if scope else name
        purl = f"pkg:npm/{path}@{quote(package['version'])}"
        found.append(_component("library", full, package["version"], purl))
    return found


def rules(folder: Path, digest: str) -> Component:
    """A rule set that the image carries."""
    purl = f"pkg:generic/{quote(folder.name)}@{digest[:12]}"
    return _component("data", folder.name, digest[:12], purl) | {
        "hashes": [{"alg": "SHA-256", "content": digest}]
    }


def _component(kind: str, name: str, version: str, purl: str) -> Component:
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}
