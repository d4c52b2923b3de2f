"""
The starter pack: our own single-event rules for sources that the public Sigma rules do not cover.

Rules are data: every `.yml` beside this file is one, and `tests/rules/<name>` holds the events that prove it.
"""

from importlib.resources import files

from appliance.detection.sigma.rules import RuleSource


def starter_pack() -> tuple[RuleSource, ...]:
    """The built-in rules, by name."""
    found = [path for path in files(__name__).iterdir() if path.name.endswith(".yml")]
    ordered = sorted(found, key=lambda path: path.name)
    return tuple(RuleSource(f"starter/{path.name}", path.read_text(encoding="utf-8")) for path in ordered)
