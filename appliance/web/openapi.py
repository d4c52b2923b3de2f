"""
The OpenAPI document as it is: every refusal in it, and bodies closed to fields nobody declared.

The framework documents what handlers return. That each may also refuse, always in the same shape
(RFC 9457), and that an unknown field is refused, is added here.
"""

from typing import Any

from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import OpenAPI

_REF = "#/components/schemas/"
_PROBLEM = {
    "type": "object",
    "description": "Why not (RFC 9457); `code` is explained in /docs/problems.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "instance": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail", "code", "instance"],
}
_REFUSED = {
    "description": "Refused, or not possible now.",
    "content": {"application/problem+json": {"schema": {"$ref": f"{_REF}Problem"}}},
}


class TruthfulConfig(OpenAPIConfig):
    """Makes a document that is completed when it is written."""

    def to_openapi_schema(self) -> OpenAPI:
        made = super().to_openapi_schema()
        made.__class__ = _Completed
        return made


class _Completed(OpenAPI):
    def to_schema(self) -> dict[str, Any]:
        document = super().to_schema()
        components = document["components"].setdefault("schemas", {})
        for methods in document["paths"].values():
            for operation in methods.values():
                # Its word for a body that does not fit; ours is 422, as a problem.
                operation["responses"].pop("400", None)
                operation["responses"]["default"] = _REFUSED
                _close(operation.get("requestBody", {}), components)
        components["Problem"] = _PROBLEM
        return document


def _close(schema: Any, components: dict[str, Any]) -> None:
    """Declare each object that is reachable from here as closed."""
    if isinstance(schema, list):
        for part in schema:
            _close(part, components)
    elif isinstance(schema, dict):
        named = components.get(str(schema.get("$ref", "")).removeprefix(_REF))
        if named is not None and "additionalProperties" not in named:
            if "properties" in named:
                named["additionalProperties"] = False
            _close(named, components)
        for key, part in schema.items():
            if key not in ("example", "examples", "default", "const", "enum"):
                _close(part, components)
