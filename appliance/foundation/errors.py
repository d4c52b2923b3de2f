"""
The kinds of failure a service may raise. A door maps each kind once.

    ApplianceError
     ├── Invalid         what was sent cannot be right            HTTP 422, exit 2
     ├── NotAuthenticated nobody is signed in                     HTTP 401, exit 4
     ├── NotPermitted    this actor may not                       HTTP 403, exit 4
     ├── NotFound        there is none, or it is not yours        HTTP 404, exit 3
     ├── Conflict        somebody was faster, or the state forbids HTTP 409, exit 5
     ├── TooLarge        over a bound that the message names      HTTP 413, exit 2
     ├── Exhausted       a limit is reached; try again later      HTTP 429, exit 6
     └── Unavailable     a dependency does not answer             HTTP 503, exit 6
"""

from typing import ClassVar


class ApplianceError(Exception):
    """
    Base of all expected failures.

    `code` is stable and documented; the message says what, which one, and what to do next.
    """

    code: ClassVar[str] = "error"


class Invalid(ApplianceError):
    code = "invalid"


class NotAuthenticated(ApplianceError):
    code = "not_authenticated"


class NotPermitted(ApplianceError):
    code = "not_permitted"


class NotFound(ApplianceError):
    code = "not_found"


class Conflict(ApplianceError):
    code = "conflict"


class TooLarge(ApplianceError):
    code = "too_large"


class Exhausted(ApplianceError):
    code = "exhausted"

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(ApplianceError):
    code = "unavailable"

    def __init__(self, message: str, *, retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
