"""
Each way to get in with a SAML response that should not, refused; and beside it the one that should.

The names are the rows of the table: wrapping, another signer, a comment in the NameID, DTD, unsolicited,
SHA-1, Destination, clock, size, base64, unsigned logout. Replay and RelayState need the database and stand
in test_sign_on.py.
"""

import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from lxml import etree

from appliance.foundation.errors import Invalid
from appliance.identity.federation_errors import AssertionMalformed, AssertionRefused
from appliance.identity.federation_schemas import SamlConfig
from appliance.integrations.saml import hardening
from appliance.integrations.saml.provider import SamlServiceProvider
from tests.factories.saml import (
    CONTEXT,
    DIGEST_SHA1,
    NS,
    SHA1,
    IdentityProvider,
    encoded,
    inflated,
    logout_request,
    redirect_query,
    resigned,
)

pytestmark = pytest.mark.peer
URL = "https://xdr.example.test"
PROVIDER = UUID("01890000-0000-7000-8000-000000000001")
HERE = hardening.Addresses(URL, PROVIDER)
REQUEST = "ONELOGIN_0123456789abcdef"
SAML, SAMLP, DS = (f"{{{NS[name]}}}" for name in ("saml", "samlp", "ds"))


@pytest.fixture(scope="module")
def ours():
    return SamlServiceProvider(URL)


@pytest.fixture(scope="module")
def key(ours):
    return ours.new_key(PROVIDER, datetime.now(UTC))


@pytest.fixture(scope="module")
def known(tmp_path_factory, ours, key):
    made = IdentityProvider(Path(tmp_path_factory.mktemp("idp")))
    made.service_metadata = ours.metadata(PROVIDER, SamlConfig(metadata=made.metadata()), key)
    return made


@pytest.fixture
def idp(known):
    known.knows(known.service_metadata, "us")
    return known


@pytest.fixture
def config(idp):
    return SamlConfig(metadata=idp.metadata())


@pytest.fixture
def verify(idp, ours, key, config):
    """Verifies a response; and after each refusal the one that should get in does, under the same settings."""

    def asked(response, *, config=config, request_id=REQUEST):
        message = response if isinstance(response, str) else encoded(response)
        return ours.verify(PROVIDER, config, key, message=message, request_id=request_id)

    yield asked
    assert asked(right(idp)).person.subject == "user-0001"


def right(idp, **more):
    values = {"request_id": REQUEST, "consumer": HERE.consumer, "audience": HERE.entity_id} | more
    return idp.answer(**values)


def assertion_of(response):
    return response.find(f"{SAML}Assertion")


def forged(response):
    """A copy of the assertion, unsigned, about somebody else."""
    evil = copy.deepcopy(assertion_of(response))
    evil.remove(evil.find(f"{DS}Signature"))
    evil.find(f"{SAML}Subject/{SAML}NameID").text = "administrator"
    return evil


# The eight of Somorovsky et al., "On Breaking SAML" (USENIX Security 2012), that concern a signed assertion.
def _evil_before_signed(response):
    evil = forged(response)
    evil.set("ID", "_evil")
    response.insert(list(response).index(assertion_of(response)), evil)


def _signed_inside_evil(response):
    signed = assertion_of(response)
    evil = forged(response)
    evil.set("ID", "_evil")
    response.replace(signed, evil)
    evil.append(signed)


def _signed_in_evil_signature(response):
    signed = assertion_of(response)
    evil = copy.deepcopy(signed)
    evil.find(f"{SAML}Subject/{SAML}NameID").text = "administrator"
    evil.set("ID", "_evil")
    response.replace(signed, evil)
    signed.remove(signed.find(f"{DS}Signature"))
    evil.find(f"{DS}Signature").append(signed)


def _signed_in_object(response):
    signed = assertion_of(response)
    evil = copy.deepcopy(signed)
    evil.find(f"{SAML}Subject/{SAML}NameID").text = "administrator"
    response.replace(signed, evil)
    holder = etree.SubElement(evil.find(f"{DS}Signature"), f"{DS}Object")
    holder.append(signed)


def _signed_in_extensions(response):
    signed = assertion_of(response)
    evil = forged(response)
    evil.set("ID", "_evil")
    response.replace(signed, evil)
    holder = etree.Element(f"{SAMLP}Extensions")
    response.insert(1, holder)
    holder.append(signed)


WRAPPINGS = [
    _evil_before_signed, _signed_inside_evil, _signed_in_evil_signature, _signed_in_object, _signed_in_extensions,
]  # fmt: skip


def test_lxml_and_xmlsec_live_in_one_process():
    import xmlsec

    assert xmlsec.get_libxml_compiled_version() == xmlsec.get_libxml_version()
    assert etree.LIBXML_VERSION[:2] == xmlsec.get_libxml_version()[:2]


def test_a_response_as_it_should_be_is_believed(idp, verify):
    assertion = verify(right(idp))

    person = assertion.person
    assert (person.subject, person.email, person.name, person.groups, person.contexts) == (
        "user-0001", "ada@example.test", "Ada Analyst", ["analysts"], [CONTEXT],
    )  # fmt: skip
    assert assertion.id
    assert timedelta(0) < assertion.expires_at - datetime.now(UTC) < timedelta(minutes=11)


@pytest.mark.parametrize("wrap", WRAPPINGS)
def test_wrapping_is_refused(idp, verify, wrap):
    response = right(idp)
    wrap(response)

    with pytest.raises((AssertionRefused, AssertionMalformed)):
        verify(response)


def test_another_signer_is_refused(idp, verify):
    with pytest.raises(AssertionRefused, match="Signature validation failed"):
        verify(right(idp, key=idp.stranger))


def test_another_signer_is_refused_also_with_the_right_certificate_beside_it(idp, verify):
    response = right(idp, key=idp.stranger)
    for held in response.xpath("//ds:X509Certificate", namespaces=NS):
        held.text = idp.key.encoded

    with pytest.raises(AssertionRefused, match="Signature validation failed"):
        verify(response)


def test_an_unsigned_assertion_is_refused(idp, verify):
    with pytest.raises(AssertionRefused, match=r"not signed|No Signature"):
        verify(right(idp, sign_assertion=False))


def test_a_signed_response_around_an_unsigned_assertion_is_refused(idp, verify):
    with pytest.raises(AssertionRefused, match="Assertion of the Response is not signed"):
        verify(right(idp, sign_assertion=False, sign_response=True))


def test_an_altered_assertion_is_refused(idp, verify):
    response = right(idp)
    assertion_of(response).find(f"{SAML}Subject/{SAML}NameID").text = "administrator"

    with pytest.raises(AssertionRefused, match="Signature validation failed"):
        verify(response)


def test_a_comment_in_the_name_does_not_shorten_it(idp, verify):
    response = right(idp, subject="admin@example.test.evil.test")
    name = assertion_of(response).find(f"{SAML}Subject/{SAML}NameID")
    name.text = "admin@example.test"
    comment = etree.Comment("x")
    comment.tail = ".evil.test"
    name.append(comment)

    assert verify(response).person.subject == "admin@example.test.evil.test"


@pytest.mark.parametrize(
    "head",
    [
        "<!DOCTYPE r>",
        '<!DOCTYPE r [<!ENTITY x "y">]>',
        '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>',
        '<!DOCTYPE r SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE r [<!ENTITY % x SYSTEM "http://127.0.0.1:9/"> %x;]>',
    ],
)
def test_a_dtd_is_refused(idp, verify, head):
    body = etree.tostring(right(idp))

    with pytest.raises(AssertionMalformed, match="declares a type or entities"):
        verify(encoded(head.encode() + body))


def test_a_dtd_in_another_encoding_is_refused(idp, verify):
    text = "<!DOCTYPE r>" + etree.tostring(right(idp)).decode()

    with pytest.raises(AssertionMalformed, match="not UTF-8"):
        verify(encoded(('<?xml version="1.0" encoding="UTF-16"?>' + text).encode("utf-16")))


def test_unsolicited_is_refused(idp, ours, verify):
    response = right(idp, request_id=None)

    with pytest.raises(AssertionRefused, match="nobody asked"):
        ours.answered_question(encoded(response))
    with pytest.raises(AssertionRefused):
        verify(response)
    with pytest.raises(AssertionMalformed):
        verify(right(idp), request_id="")


def test_the_answer_to_another_request_is_refused(idp, verify):
    with pytest.raises(AssertionRefused):
        verify(right(idp, request_id="ONELOGIN_another"))


@pytest.mark.parametrize(
    ("algorithm", "digest"), [(SHA1, DIGEST_SHA1), (SHA1, "http://www.w3.org/2001/04/xmlenc#sha256")]
)
def test_sha1_is_refused(idp, verify, algorithm, digest):
    with pytest.raises(AssertionRefused, match="not accepted"):
        verify(right(idp, algorithm=algorithm, digest=digest))


@pytest.mark.parametrize(
    "destination",
    [
        None, "", HERE.consumer + "/../evil", HERE.consumer + "/", HERE.consumer + "?x", HERE.consumer.upper(),
        "https://evil.test", HERE.consumer.replace("https", "http"), HERE.consumer.removesuffix("acs"),
    ],
)  # fmt: skip
def test_another_destination_or_none_is_refused(idp, verify, destination):
    response = right(idp)
    if destination is None:
        del response.attrib["Destination"]
    else:
        response.set("Destination", destination)

    with pytest.raises(AssertionRefused, match="not meant for"):
        verify(response)


@pytest.mark.parametrize("recipient", [HERE.consumer + "/../evil", "https://evil.test/" + HERE.consumer, ""])
def test_another_recipient_is_refused(idp, verify, recipient):
    response = right(idp)
    response.xpath("//saml:SubjectConfirmationData", namespaces=NS)[0].set("Recipient", recipient)

    with pytest.raises(AssertionRefused):
        verify(resigned(response, idp.key, idp.folder))


@pytest.mark.parametrize("change", ["Recipient", "InResponseTo", "NotOnOrAfter"])
def test_a_confirmation_that_leaves_out_what_binds_it_is_refused(idp, verify, change):
    response = right(idp)
    del response.xpath("//saml:SubjectConfirmationData", namespaces=NS)[0].attrib[change]

    with pytest.raises(AssertionRefused):
        verify(resigned(response, idp.key, idp.folder))


def test_signing_anew_is_what_the_refusals_above_are_not_about(idp, verify):
    response = right(idp)
    response.xpath("//saml:SubjectConfirmationData", namespaces=NS)[0].set("Address", "192.0.2.1")

    assert verify(resigned(response, idp.key, idp.folder)).person.subject == "user-0001"


def test_another_audience_is_refused(idp, verify):
    response = right(idp)
    response.xpath("//saml:Audience", namespaces=NS)[0].text = "https://other.example.test"

    with pytest.raises(AssertionRefused):
        verify(resigned(response, idp.key, idp.folder))


def test_no_audience_at_all_is_refused(idp, verify):
    response = right(idp)
    (held,) = response.xpath("//saml:AudienceRestriction", namespaces=NS)
    held.getparent().remove(held)

    with pytest.raises(AssertionRefused, match="not meant for"):
        verify(resigned(response, idp.key, idp.folder))


def test_another_issuer_is_refused(idp, verify):
    response = right(idp)
    for held in response.xpath("//saml:Issuer", namespaces=NS):
        held.text = "https://other.example.test"

    with pytest.raises(AssertionRefused):
        verify(resigned(response, idp.key, idp.folder))


@pytest.mark.parametrize(
    ("name", "attribute", "shift"),
    [
        ("saml:Conditions", "NotOnOrAfter", timedelta(minutes=-10)),
        ("saml:Conditions", "NotBefore", timedelta(minutes=10)),
        ("saml:SubjectConfirmationData", "NotOnOrAfter", timedelta(seconds=-5)),
    ],
)
def test_too_late_and_too_early_are_refused(idp, verify, name, attribute, shift):
    response = right(idp)
    moment = (datetime.now(UTC) + shift).strftime("%Y-%m-%dT%H:%M:%SZ")
    response.xpath(f"//{name}", namespaces=NS)[0].set(attribute, moment)

    with pytest.raises(AssertionRefused):
        verify(resigned(response, idp.key, idp.folder))


def test_a_name_that_changes_each_time_is_refused(idp, verify):
    with pytest.raises(AssertionRefused, match="persistent"):
        verify(right(idp, transient=True))


def test_too_large_is_refused_before_it_is_decoded(verify):
    with pytest.raises(AssertionMalformed, match="larger than"):
        verify("A" * 1_000_000)


@pytest.mark.parametrize(
    "message", ["", "%%%", "PHg+", encoded(b"<x/>"), encoded(b"\xff\xfe"), encoded(b"<a><b></a>")]
)
def test_what_is_no_response_is_malformed(ours, verify, message):
    with pytest.raises(AssertionMalformed):
        verify(message)
    with pytest.raises(AssertionMalformed):
        ours.answered_question(message)


def test_a_required_context_must_be_there(idp, verify, config):
    strong = "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken"
    metadata = config.metadata

    with pytest.raises(AssertionRefused):
        verify(right(idp), config=SamlConfig(metadata=metadata, required_contexts=[strong]))

    assert verify(right(idp), config=SamlConfig(metadata=metadata, required_contexts=[CONTEXT])).id


def test_two_certificates_are_both_accepted_while_a_key_is_exchanged(idp, verify):
    both = SamlConfig(metadata=idp.metadata(rollover=True))

    assert verify(right(idp), config=both).id
    assert verify(right(idp, key=idp.next_key), config=both).id
    with pytest.raises(AssertionRefused):
        verify(right(idp, key=idp.stranger), config=both)


def test_expired_metadata_is_refused(idp, verify):
    old = SamlConfig(metadata=idp.metadata(valid_until="2020-01-01T00:00:00Z"))

    with pytest.raises(AssertionRefused, match="metadata has expired"):
        verify(right(idp), config=old)


def test_metadata_cannot_replace_our_own_part(idp, ours, key, config):
    entity = hardening.library_settings(HERE, config, key).get_sp_data()

    assert entity["entityId"] == HERE.entity_id
    assert entity["assertionConsumerService"]["url"] == HERE.consumer


@pytest.mark.parametrize("metadata", ["", "<x/>", "<!DOCTYPE x><x/>", "nothing", "<EntityDescriptor/>"])
def test_what_is_no_metadata_is_refused(ours, key, metadata):
    with pytest.raises(Invalid):
        ours.question(PROVIDER, SamlConfig(metadata=metadata), key)


def test_our_request_is_signed_and_names_our_address(idp, ours, key, config):
    question = ours.question(PROVIDER, config, key)

    request = inflated(question.url, "SAMLRequest")
    assert (request.get("ID"), request.get("AssertionConsumerServiceURL")) == (question.id, HERE.consumer)
    assert "SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256" in question.url
    assert "&Signature=" in question.url


def test_our_metadata_demands_signed_assertions(ours, key, config):
    root = etree.fromstring(ours.metadata(PROVIDER, config, key))

    (described,) = root.xpath("//*[local-name()='SPSSODescriptor']")
    assert root.get("entityID") == HERE.entity_id
    assert (described.get("WantAssertionsSigned"), described.get("AuthnRequestsSigned")) == ("true", "true")


def test_a_signed_logout_request_is_believed(idp, ours, key, config):
    message = logout_request(subject="user-0001", session="s1", destination=HERE.logout)

    asked = ours.logout_asked(PROVIDER, config, key, redirect_query(message, idp.key))

    assert (asked.subject, asked.sessions) == ("user-0001", ["s1"])
    answer = ours.logout_answer(PROVIDER, config, key, asked, "r")
    assert inflated(answer, "SAMLResponse").get("InResponseTo") == asked.id
    assert "Signature=" in answer


def test_an_unsigned_logout_request_is_refused(ours, key, config):
    message = logout_request(subject="user-0001", session="s1", destination=HERE.logout)

    with pytest.raises(AssertionRefused, match="not signed"):
        ours.logout_asked(PROVIDER, config, key, redirect_query(message, None))


@pytest.mark.parametrize("how", ["stranger", "destination", "issuer", "twice", "altered"])
def test_a_logout_request_that_is_not_the_providers_is_refused(idp, ours, key, config, how):
    destination = HERE.logout + "/x" if how == "destination" else HERE.logout
    issuer = {"issuer": "https://evil.test"} if how == "issuer" else {}
    message = logout_request(subject="user-0001", session="s1", destination=destination, **issuer)
    query = redirect_query(message, idp.stranger if how == "stranger" else idp.key)
    other = redirect_query(message.replace("user-0001", "user-0002"), None)
    if how == "twice":
        query += "&" + other
    if how == "altered":
        query = other + query[query.index("&SigAlg") :]

    with pytest.raises((AssertionRefused, AssertionMalformed)):
        ours.logout_asked(PROVIDER, config, key, query)


def test_a_logout_message_that_unpacks_to_gigabytes_is_refused(ours, key, config):
    import base64
    import zlib
    from urllib.parse import urlencode

    bomb = base64.b64encode(zlib.compress(b"\x00" * 50_000_000)[2:-4]).decode()

    with pytest.raises(AssertionMalformed, match="larger than"):
        ours.logout_asked(PROVIDER, config, key, urlencode({"SAMLRequest": bomb}))


def test_our_wish_to_be_signed_out_is_signed(ours, key, config):
    url = ours.logout_question(PROVIDER, config, key, "user-0001", "s1")

    request = inflated(url, "SAMLRequest")
    assert request.find(f"{SAML}NameID").text == "user-0001"
    assert request.find(f"{SAMLP}SessionIndex").text == "s1"
    assert "&Signature=" in url


def test_a_library_that_is_not_strict_stops_the_start(monkeypatch):
    monkeypatch.setattr(hardening.LibrarySettings, "is_strict", lambda _: False)

    with pytest.raises(hardening.NotHardened, match="strictly"):
        SamlServiceProvider(URL)
