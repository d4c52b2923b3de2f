"""
Regular expressions that run in linear time, whatever the rule or the event.

RE2 (the `google-re2` package, a dependency of pySigma) has no back-tracking; what it cannot run is
refused with a reason when the rule is loaded.
"""

from functools import lru_cache
from typing import Protocol

import re2  # type: ignore[import-untyped]  # has no stubs
from sigma.exceptions import SigmaRegularExpressionError

_MOST_COMPILED = 4096


class Expression(Protocol):
    """A compiled expression."""

    def search(self, text: bytes) -> object | None: ...


@lru_cache(maxsize=_MOST_COMPILED)
def linear_regex(pattern: str, flags: str) -> Expression:
    r"""
    A compiled expression; `search` finds it anywhere in UTF-8.

    Args:
        pattern: RE2 syntax. `\\d`, `\\w` and `\\s` are ASCII; `$` is the end of the text.
        flags: Any of i (ignore case), m (multi-line) and s (dot matches all).

    Raises:
        SigmaRegularExpressionError: RE2 cannot run it in linear time.
    """
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True  # whether it matches is all that is asked
    prefix = f"(?{flags})" if flags else ""
    try:
        compiled: Expression = re2.compile(prefix + pattern, options)
    except re2.error as error:
        raise SigmaRegularExpressionError(f"Regular expression {pattern!r} is invalid: {error}") from error
    return compiled
