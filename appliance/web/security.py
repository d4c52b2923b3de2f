"""Response headers. The console is one origin, runs no inline code and loads nothing from outside."""

from litestar import Request, Response

CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "manifest-src 'self'; object-src 'none'; require-trusted-types-for 'script'"
)
# Swagger UI sets style attributes and would fall to the stricter policy; it has a page of its own.
DOCS_POLICY = CONSOLE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "; require-trusted-types-for 'script'", ""
)
_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), usb=()",
    "X-Frame-Options": "DENY",
}


async def add_headers(response: Response) -> Response:  # type: ignore[type-arg]  # any content
    return secured(response)


def secured(response: Response) -> Response:  # type: ignore[type-arg]  # any content
    """The answer with the headers. Errors call it themselves: no hook of the framework sees all of them."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", CONSOLE_POLICY)
    return response


def never_cache(request: Request) -> bool:  # type: ignore[type-arg]  # any user
    return not request.url.path.startswith("/assets/")
