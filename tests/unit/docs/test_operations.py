"""docs/operations.md names every setting and every metric."""

from pathlib import Path

import msgspec
from prometheus_client import Counter

from appliance.foundation import observability
from appliance.foundation.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()


def _leaves(kind: type) -> list[str]:
    found = []
    for field in msgspec.structs.fields(kind):
        inner = isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
        found += _leaves(field.type) if inner else [field.name]
    return found


def test_every_setting_is_explained():
    missing = [name for name in _leaves(Settings) if f"`{name}`" not in PAGE]

    assert missing == []


def test_every_metric_is_explained():
    metrics = [
        one for one in vars(observability).values() if hasattr(one, "collect") and hasattr(one, "_name")
    ]
    names = [one._name + ("_total" if isinstance(one, Counter) else "") for one in metrics]
    missing = [name for name in names if f"`{name}" not in PAGE]

    assert len(names) > 5
    assert missing == []
