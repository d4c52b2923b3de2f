"""What a node shows to another, and what it asks to see."""

import ssl

from appliance.foundation.errors import Invalid
from appliance.foundation.settings import Cluster


def client_context(settings: Cluster) -> ssl.SSLContext:
    """
    Shows our certificate and trusts the cluster's own authority alone.

    Raises:
        Invalid: A file cannot be used; names it.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        context.load_cert_chain(settings.certificate, settings.key)
    except OSError as error:
        raise Invalid(f"[cluster] {settings.certificate}, {settings.key}: {error}") from error
    return context
