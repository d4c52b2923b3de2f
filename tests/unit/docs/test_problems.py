"""Every error code is explained, and nothing is explained that does not exist."""

import importlib
import pkgutil
import re
from pathlib import Path

import appliance
from appliance.foundation.errors import ApplianceError

PAGE = Path(__file__).parents[3] / "docs" / "problems.md"
# Answers of the web framework and of the last resort (web/errors.py, jobs/receivers): no ApplianceError.
_OF_THE_DOOR = {"internal", "http_404", "http_405", "http_422", "http_error"}


def _codes() -> set[str]:
    for module in pkgutil.walk_packages(appliance.__path__, "appliance."):
        if not module.name.startswith(("appliance.migrations", "appliance.web.ui")):
            importlib.import_module(module.name)
    return {kind.code for kind in _below(ApplianceError)} | {ApplianceError.code}


def _below(kind: type[ApplianceError]) -> set[type[ApplianceError]]:
    return set(kind.__subclasses__()).union(*(_below(one) for one in kind.__subclasses__()))


def _explained() -> list[str]:
    return re.findall(r"^### (\S+)$", PAGE.read_text(), re.MULTILINE)


def test_every_code_is_explained_once_and_no_other():
    explained = _explained()

    assert sorted(set(explained)) == sorted(explained)
    assert set(explained) == _codes() | _OF_THE_DOOR


def test_every_explanation_says_something():
    sections = re.split(r"^### \S+$", PAGE.read_text(), flags=re.MULTILINE)[1:]

    assert all(len(section.split("\n## ")[0].split()) >= 8 for section in sections)
