"""
Logout messages, both ways, by redirect. None is believed unsigned: a session would be anybody's to end.
"""

from typing import Any

from onelogin.saml2.auth import OneLogin_Saml2_Auth as LibraryAuth
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.logout_request import OneLogin_Saml2_Logout_Request as LibraryRequest
from onelogin.saml2.logout_response import OneLogin_Saml2_Logout_Response as LibraryResponse

from appliance.identity.federation_errors import AssertionRefused
from appliance.identity.ports import LogoutAsked
from appliance.integrations.saml.hardening import SIGNATURES, Addresses, LibrarySettings, request_at
from appliance.integrations.saml.messages import from_redirect, parameters, parsed
from appliance.integrations.saml.verifying import check_form


def asked(settings: LibrarySettings, addresses: Addresses, query: str) -> LogoutAsked:
    """
    What a provider asks us to end.

    Raises:
        AssertionMalformed: It is no LogoutRequest.
        AssertionRefused: Not signed, by somebody else, too late, or not meant for us.
    """
    found = parameters(query)
    message = found.get("SAMLRequest", "")
    root = parsed(from_redirect(message), tag="samlp:LogoutRequest")
    check_form(root, destination=addresses.logout)
    request = request_at(addresses.logout, get_data=found)
    try:
        library = LibraryRequest(settings, message)
        library.is_valid(request, raise_exceptions=True)
        subject = LibraryRequest.get_nameid(root)
        sessions = LibraryRequest.get_session_indexes(root)
    except (OneLogin_Saml2_ValidationError, OneLogin_Saml2_Error) as error:
        raise AssertionRefused(str(error)[:300]) from error
    _check_signature(settings, addresses, query, found, "SAMLRequest")
    if not root.get("ID") or not subject:
        raise AssertionRefused("the request names nobody")
    return LogoutAsked(id=root.get("ID"), subject=subject, sessions=[one for one in sessions if one])


def answer(settings: LibrarySettings, addresses: Addresses, request: LogoutAsked, relay_state: str) -> str:
    """Where the browser takes our signed answer; "" if the provider names no place for it."""
    auth = LibraryAuth(request_at(addresses.logout), settings)
    if not auth.get_slo_response_url():
        return ""
    made = LibraryResponse(settings)
    made.build(request.id)
    message = {"SAMLResponse": made.get_response()}
    if relay_state:
        message["RelayState"] = relay_state
    auth.add_response_signature(message)
    return str(auth.redirect_to(auth.get_slo_response_url(), message))


def question(settings: LibrarySettings, addresses: Addresses, subject: str, session: str) -> str:
    """Where the browser takes our signed wish to be signed out; "" if the provider takes none."""
    auth = LibraryAuth(request_at(addresses.logout), settings)
    if not auth.get_slo_url():
        return ""
    return str(auth.logout(name_id=subject, session_index=session or None, return_to=addresses.logout))


def answered(settings: LibrarySettings, addresses: Addresses, query: str) -> None:
    """
    Check a provider's answer to our wish.

    Raises:
        AssertionMalformed, AssertionRefused: As for a request.
    """
    found = parameters(query)
    message = found.get("SAMLResponse", "")
    root = parsed(from_redirect(message), tag="samlp:LogoutResponse")
    check_form(root, destination=addresses.logout)
    request = request_at(addresses.logout, get_data=found)
    library = LibraryResponse(settings, message)
    try:
        library.is_valid(request, raise_exceptions=True)
    except (OneLogin_Saml2_ValidationError, OneLogin_Saml2_Error) as error:
        raise AssertionRefused(str(error)[:300]) from error
    _check_signature(settings, addresses, query, found, "SAMLResponse")


def _check_signature(
    settings: LibrarySettings, addresses: Addresses, query: str, found: dict[str, str], kind: str
) -> None:
    if not found.get("Signature") or found.get("SigAlg") not in SIGNATURES:
        raise AssertionRefused("the message is not signed, or with what is not accepted")
    # Over the address as it came: providers encode differently, and encoding again would differ too.
    signed: dict[str, Any] = {"query_string": query, "validate_signature_from_qs": True, "get_data": found}
    auth = LibraryAuth(request_at(addresses.logout, **signed), settings)
    check = auth.validate_request_signature if kind == "SAMLRequest" else auth.validate_response_signature
    if not check(found):
        raise AssertionRefused("the signature is not the provider's")
