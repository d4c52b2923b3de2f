"""
The one place through which identity providers are called: verified, without redirects, bounded.

No proxy and no credentials are taken from the environment.
"""

import ssl

import httpx

from appliance.foundation.errors import Unavailable
from appliance.integrations.addresses import check_url

MOST_ANSWER_BYTES = 1_048_576
_TIMEOUT = httpx.Timeout(10, connect=5)


async def fetched(
    url: str,
    *,
    ca_certificates: str = "",
    form: dict[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> bytes:
    """
    The body of a successful answer.

    Args:
        ca_certificates: PEM of the authorities to trust instead of the system's.
        form: Posted if given; otherwise it is a GET.

    Raises:
        Unavailable: No answer, not a success, too large, or a redirect; names the host.
        Invalid: An address that is never called.
    """
    check_url(url)
    host = httpx.URL(url).host
    basic = httpx.BasicAuth(*auth) if auth else None
    try:
        async with (
            httpx.AsyncClient(
                verify=_context(ca_certificates), follow_redirects=False, trust_env=False, timeout=_TIMEOUT
            ) as client,
            client.stream(
                "POST" if form is not None else "GET",
                url,
                data=form,
                auth=basic,
                headers={"Accept": "application/json"},
            ) as answer,
        ):
            body = await _bounded(answer, host)
    except httpx.HTTPError as error:
        raise Unavailable(f"{host} does not answer: {str(error) or type(error).__name__}") from error
    if answer.status_code != httpx.codes.OK:
        raise Unavailable(f"{host} answered {answer.status_code}: {body[:200].decode(errors='replace')}")
    return body


async def _bounded(answer: httpx.Response, host: str) -> bytes:
    body = b""
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > MOST_ANSWER_BYTES:
            raise Unavailable(f"{host} answered with more than {MOST_ANSWER_BYTES} bytes")
    return body


def _context(ca_certificates: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca_certificates or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
