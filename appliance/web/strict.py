"""
Bodies as the API takes them: JSON that says each thing once.

Two parsers that disagree about a repeated key are how a check is passed with one value and the work done
with another; so a repeated key is refused everywhere. What a form on another site can send without being
asked (RFC 9110 "simple" types) is refused too.
"""

import json
from typing import Any

from litestar import Request
from litestar.exceptions import HTTPException
from litestar.types import Empty

from appliance.foundation.errors import Invalid

_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})


class StrictRequest(Request[Any, Any, Any]):
    """Checks a body once, when it is first read."""

    async def body(self) -> bytes:
        is_read = self._body is not Empty
        raw = await super().body()
        if raw and not is_read and self.url.path.startswith(("/api/", "/scim/")):
            self._check(raw)
        return raw

    def _check(self, raw: bytes) -> None:
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in _FORMS:
            raise HTTPException(
                status_code=415, detail=f"the API takes application/json, not {kind}; send it as that"
            )
        if kind.endswith("json") or not kind:
            refuse_repeated_keys(raw)


def refuse_repeated_keys(raw: bytes) -> None:
    """
    Check JSON text; anything else that is wrong with it is left to the parser proper.

    Raises:
        Invalid: Names the key, or says that it is nested too deep.
    """
    try:
        json.loads(raw, object_pairs_hook=_once)
    except RecursionError as error:
        raise Invalid("the body is nested too deep") from error
    except ValueError:
        return


def _once(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise Invalid(f"the key {key[:100]!r} stands twice in one object; send it once")
        seen.add(key)
