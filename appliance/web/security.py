"""Response headers. The console is one origin, runs no inline code and loads nothing from outside."""

import secrets

from litestar import Request, Response

CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "manifest-src 'self'; object-src 'none'; require-trusted-types-for 'script'; "
    "report-uri /api/v1/csp-reports"
)
# Swagger UI sets style attributes and would fall to the stricter policy; it has a page of its own.
DOCS_POLICY = CONSOLE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "; require-trusted-types-for 'script'", ""
)
_NONCE = b"XDR_CSP_NONCE"  # what the console's build leaves for us (ui/vite.config.ts)
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
    # Answers are somebody's: no cache on the way or in the browser keeps them unless they say otherwise.
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def console_page(index: bytes, status: int = 200) -> Response[bytes]:
    """
    The console's page with a nonce of its own: only the scripts it names run, and what they load.

    Trust is handed on by the nonce alone ('strict-dynamic'), so that not even a file of our own origin
    runs as a script unless the page or one of its scripts asked for it.
    """
    nonce = secrets.token_urlsafe(16)
    policy = CONSOLE_POLICY.replace("script-src 'self'", f"script-src 'nonce-{nonce}' 'strict-dynamic'")
    return Response(
        index.replace(_NONCE, nonce.encode()),
        status_code=status,
        media_type="text/html; charset=utf-8",
        headers={"Cache-Control": "no-store", "Content-Security-Policy": policy},
    )


def never_cache(request: Request) -> bool:  # type: ignore[type-arg]  # any user
    return not request.url.path.startswith("/assets/")
