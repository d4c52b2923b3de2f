"""Which addresses of identity providers are used at all."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from appliance.foundation.errors import Invalid


def check_url(url: str) -> None:
    """
    Refuse what is not encrypted; on this machine itself nobody listens in between.

    Raises:
        Invalid: It is no `https://` address.
    """
    parts = urlsplit(url)
    is_plain_loopback = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not parts.hostname or (parts.scheme != "https" and not is_plain_loopback) or parts.username:
        raise Invalid(f"{url[:200]!r} cannot be used: a provider is reached by https://")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
