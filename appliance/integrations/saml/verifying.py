"""
A response is believed when the library says so, and when all that the library leaves open holds as well.

The library is asked after our own look at the form, and before our look at the content: what is read from
the document afterwards is what the library verified, since there is exactly one assertion in it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from onelogin.saml2.constants import OneLogin_Saml2_Constants as Names
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response as LibraryResponse

from appliance.identity.federation_errors import AssertionMalformed, AssertionRefused
from appliance.identity.federation_schemas import Person, SamlConfig
from appliance.identity.ports import Assertion
from appliance.integrations.saml.hardening import (
    DIGESTS,
    SIGNATURES,
    TRANSFORMS,
    Addresses,
    LibrarySettings,
    request_at,
)
from appliance.integrations.saml.messages import NAMES, from_post, parsed

SKEW = timedelta(seconds=Names.ALLOWED_CLOCK_DRIFT)
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_LONGEST_SUBJECT = 1024


def verified(
    settings: LibrarySettings, addresses: Addresses, config: SamlConfig, *, message: str, request_id: str
) -> Assertion:
    """
    Whom a response is about.

    Raises:
        AssertionMalformed: It is none.
        AssertionRefused: It does not convince; says why.
    """
    root = parsed(from_post(message), tag="samlp:Response")
    check_form(root, destination=addresses.consumer)
    response = _checked_by_library(settings, addresses, message, request_id)
    only = _only_assertion(root)
    expires_at = _confirmed_until(only, addresses, request_id)
    _check_audience(only, addresses)
    _check_contexts(response.get_authn_contexts(), config)
    return Assertion(id=str(only.get("ID")), expires_at=expires_at + SKEW, person=_person(response, config))


def check_form(root: Any, *, destination: str) -> None:
    """
    What must hold of any message: where it is meant to go, and how strongly it is signed.

    Raises:
        AssertionRefused: It is meant for elsewhere, or signed with what is broken.
    """
    if root.get("Destination") != destination:
        raise AssertionRefused(f"the message is not meant for {destination}")
    _each(root, "ds:SignatureMethod", SIGNATURES)
    _each(root, "ds:DigestMethod", DIGESTS)
    _each(root, "ds:CanonicalizationMethod", TRANSFORMS)
    _each(root, "ds:Transform", TRANSFORMS)


def _each(root: Any, name: str, allowed: frozenset[str]) -> None:
    for one in root.xpath(f"//{name}/@Algorithm", namespaces=NAMES):
        if one not in allowed:
            raise AssertionRefused(f"the message is signed with {one}, which is not accepted")


def _checked_by_library(
    settings: LibrarySettings, addresses: Addresses, message: str, request_id: str
) -> LibraryResponse:
    try:
        response = LibraryResponse(settings, "".join(message.split()))
        response.is_valid(request_at(addresses.consumer), request_id=request_id, raise_exceptions=True)
    except (OneLogin_Saml2_ValidationError, OneLogin_Saml2_Error) as error:
        raise AssertionRefused(str(error)[:300]) from error
    except (ValueError, SyntaxError, KeyError, AttributeError, IndexError) as error:
        # What the library does not expect in a document it reports by whatever breaks.
        raise AssertionMalformed("the response cannot be read") from error
    return response


def _only_assertion(root: Any) -> Any:
    if root.xpath("//saml:EncryptedAssertion", namespaces=NAMES):
        raise AssertionRefused("encrypted assertions are not taken; let the provider sign and send by TLS")
    found = root.xpath("//saml:Assertion", namespaces=NAMES)
    if len(found) != 1 or found[0].getparent() is not root or not found[0].get("ID"):
        raise AssertionRefused("there must be one assertion, and in its place")
    return found[0]


def _confirmed_until(assertion: Any, addresses: Addresses, request_id: str) -> datetime:
    """Until when the assertion may be presented here, as answer to this request, by whoever bears it."""
    for confirmation in assertion.xpath("./saml:Subject/saml:SubjectConfirmation", namespaces=NAMES):
        for data in confirmation.xpath("./saml:SubjectConfirmationData", namespaces=NAMES):
            is_ours = (
                confirmation.get("Method") == _BEARER
                and data.get("Recipient") == addresses.consumer
                and data.get("InResponseTo") == request_id
            )
            if is_ours and (until := _time(data.get("NotOnOrAfter"))) is not None:
                return until
    raise AssertionRefused("the assertion is not confirmed for this request and this address")


def _check_audience(assertion: Any, addresses: Addresses) -> None:
    audiences = assertion.xpath(
        "./saml:Conditions/saml:AudienceRestriction/saml:Audience/text()", namespaces=NAMES
    )
    if addresses.entity_id not in [one.strip() for one in audiences]:
        raise AssertionRefused(f"the assertion is not meant for {addresses.entity_id}")


def _check_contexts(contexts: list[str], config: SamlConfig) -> None:
    if config.required_contexts and not set(contexts) & set(config.required_contexts):
        raise AssertionRefused(
            f"signed in by {', '.join(contexts) or 'unknown means'}, which is too weak here"
        )


def _person(response: LibraryResponse, config: SamlConfig) -> Person:
    subject, form = response.get_nameid(), response.get_nameid_format()
    if form == Names.NAMEID_TRANSIENT:
        raise AssertionRefused("the provider names people anew each time; let it send a persistent NameID")
    if not subject or len(subject) > _LONGEST_SUBJECT:
        raise AssertionRefused("the assertion names nobody")
    said = response.get_attributes() | response.get_friendlyname_attributes()
    return Person(
        subject=subject,
        email=_first(said, config.email_attribute),
        name=_first(said, config.name_attribute) or subject,
        groups=[str(one) for one in said.get(config.groups_attribute, []) if one],
        session=response.get_session_index() or "",
        contexts=list(response.get_authn_contexts()),
    )


def _first(said: dict[str, list[Any]], name: str) -> str:
    return next((str(one) for one in said.get(name, []) if one), "")


def _time(said: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(said or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
