"""What identity providers publish and exchange, fetched by the one way out; in clear only on this machine."""

from collections.abc import Awaitable, Callable

import httpx

from appliance.foundation.errors import Unavailable
from appliance.foundation.outbound import Outbound
from appliance.foundation.settings import Outbound as OutboundSettings
from appliance.integrations.addresses import check_url

MOST_ANSWER_BYTES = 1_048_576


class Fetcher:
    """
    Args:
        settings: Where the site lets the appliance call to.
    """

    def __init__(self, settings: OutboundSettings) -> None:
        self._settings = settings

    async def __call__(
        self,
        url: str,
        *,
        ca_certificates: str = "",
        form: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> bytes:
        """
        The body of a successful answer, at most 1 MiB.

        Args:
            ca_certificates: PEM of the authorities to trust instead of the site's.
            form: Posted if given; otherwise it is a GET.

        Raises:
            Unavailable: No answer, not a success, too large, or a redirect; names the host.
            TargetRefused: The site's settings do not let the appliance call there.
            Invalid: An address that is never called.
        """
        check_url(url)
        host = httpx.URL(url).host
        outbound = Outbound.of(self._settings, ca_certificates=ca_certificates, most_bytes=MOST_ANSWER_BYTES)
        try:
            answer = await outbound.request(
                "POST" if form is not None else "GET",
                url,
                data=form,
                auth=httpx.BasicAuth(*auth) if auth else None,
                headers={"Accept": "application/json"},
            )
        finally:
            await outbound.close()
        if answer.status_code != httpx.codes.OK:
            said = answer.content[:200].decode(errors="replace")
            raise Unavailable(f"{host} answered {answer.status_code}: {said}")
        return answer.content


Fetch = Callable[..., Awaitable[bytes]]
