"""The test of an OpenID Connect provider, step by step."""

import socket
from urllib.parse import urlsplit

from appliance.foundation.errors import Invalid, Unavailable
from appliance.identity.federation_schemas import OidcConfig, Step
from appliance.integrations.fetching import Fetch
from appliance.integrations.oidc.keys import parsed_keys


async def probe(config: OidcConfig, fetch: Fetch) -> list[Step]:
    """What can be tried without a person: names, the keys, the mapping."""
    steps = [_resolved(config.token_endpoint)]
    if steps[0].state == "ok":
        steps.append(await _keys(config, fetch))
    else:
        steps.append(Step(name="keys", state="not_run"))
    if not config.group_roles:
        advice = "map at least one group to a role: without a match nobody gets in"
        steps.append(Step(name="groups", state="failed", said="no group is mapped", next=advice))
    else:
        steps.append(Step(name="groups", state="ok", said=f"{len(config.group_roles)} groups carry a role"))
    return steps


def _resolved(url: str) -> Step:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, port)}
    except OSError as error:
        advice = "check the address, and this node's DNS"
        return Step(name=f"resolve {host}", state="failed", said=str(error), next=advice)
    return Step(name=f"resolve {host}", state="ok", said=", ".join(sorted(map(str, found))))


async def _keys(config: OidcConfig, fetch: Fetch) -> Step:
    try:
        if config.jwks:
            held = parsed_keys(config.jwks.encode())
        else:
            held = parsed_keys(await fetch(config.jwks_uri, ca_certificates=config.ca_certificates))
    except Unavailable as error:
        advice = "check firewalls and the authority, or upload the keys"
        return Step(name="keys", state="failed", said=str(error), next=advice)
    except Invalid as error:
        return Step(name="keys", state="failed", said=str(error), next="upload the provider's JWKS")
    return Step(name="keys", state="ok", said=f"{len(held)} keys")
