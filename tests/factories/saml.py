"""A real SAML identity provider (pysaml2 and xmlsec1) that answers rightly, and wrongly on request."""

import base64
import copy
import subprocess
import warnings
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from tests.factories.directories import program

with warnings.catch_warnings():
    # pysaml2 names ciphers by a module that cryptography has since moved.
    warnings.simplefilter("ignore")
    from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
    from saml2.config import IdPConfig
    from saml2.metadata import entity_descriptor
    from saml2.saml import NAMEID_FORMAT_PERSISTENT, NAMEID_FORMAT_TRANSIENT, NameID
    from saml2.server import Server

ENTITY = "https://idp.example.test/metadata"
SIGN_ON, LOGOUT = "https://idp.example.test/sso", "https://idp.example.test/slo"
NS = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
DIGEST_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA1, DIGEST_SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2000/09/xmldsig#sha1"
CONTEXT = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


class KeyPair:
    """A key and a self-signed certificate, as files."""

    def __init__(self, folder: Path, name: str, *, days: int = 365) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=days))
            .sign(self.key, hashes.SHA256())
        )
        self.key_file, self.certificate_file = folder / f"{name}.key", folder / f"{name}.pem"
        self.key_file.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        self.certificate_file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def encoded(self) -> str:
        return base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()


class IdentityProvider:
    """Signs with its first key; its metadata may name a second one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key, self.next_key = KeyPair(folder, "first"), KeyPair(folder, "next")
        self.stranger = KeyPair(folder, "stranger")
        self._server: Server | None = None

    def _config(self, key: KeyPair, service_metadata: Path | None) -> IdPConfig:
        wanted = {
            "entityid": ENTITY,
            "xmlsec_binary": program("xmlsec1"),
            "key_file": str(key.key_file),
            "cert_file": str(key.certificate_file),
            "service": {
                "idp": {
                    "endpoints": {
                        "single_sign_on_service": [(SIGN_ON, BINDING_HTTP_REDIRECT)],
                        "single_logout_service": [(LOGOUT, BINDING_HTTP_REDIRECT)],
                    },
                    "policy": {"default": {"lifetime": {"minutes": 5}, "attribute_restrictions": None}},
                }
            },
        }
        if service_metadata is not None:
            wanted["metadata"] = {"local": [str(service_metadata)]}
        return IdPConfig().load(wanted)

    def metadata(self, *, rollover: bool = False, valid_until: str = "") -> str:
        text = str(entity_descriptor(self._config(self.key, None)))
        root = etree.fromstring(text.encode())
        if valid_until:
            root.set("validUntil", valid_until)
        if rollover:
            (first,) = root.xpath("//*[local-name()='KeyDescriptor'][@use='signing' or not(@use)]")[:1]
            second = copy.deepcopy(first)
            (held,) = second.xpath(".//*[local-name()='X509Certificate']")
            held.text = self.next_key.encoded
            first.addnext(second)
        return etree.tostring(root).decode()

    def knows(self, service_metadata: bytes, name: str) -> None:
        """Tell the provider of us, by our own metadata document."""
        path = self.folder / f"{name}.xml"
        path.write_bytes(service_metadata)
        self._server = Server(config=self._config(self.key, path))

    def answer(
        self,
        *,
        request_id: str | None,
        consumer: str,
        audience: str,
        subject: str = "user-0001",
        groups: tuple[str, ...] = ("analysts",),
        email: str = "ada@example.test",
        key: KeyPair | None = None,
        sign_response: bool = False,
        sign_assertion: bool = True,
        transient: bool = False,
        algorithm: str = SHA256,
        digest: str = DIGEST_SHA256,
    ) -> etree._Element:
        """A response as pysaml2 makes it, for changing before it is encoded."""
        assert self._server is not None
        signer = key or self.key
        self._server.sec.key_file, self._server.sec.cert_file = (
            str(signer.key_file),
            str(signer.certificate_file),
        )
        self._server.sec.my_cert = signer.encoded
        name_id = NameID(
            format=NAMEID_FORMAT_TRANSIENT if transient else NAMEID_FORMAT_PERSISTENT, text=subject
        )
        made = self._server.create_authn_response(
            {"mail": [email], "displayName": ["Ada Analyst"], "groups": list(groups)},
            in_response_to=request_id, destination=consumer, sp_entity_id=audience, name_id=name_id,
            authn={"class_ref": CONTEXT, "authn_auth": ENTITY}, sign_assertion=sign_assertion,
            sign_response=sign_response, sign_alg=algorithm, digest_alg=digest, session_not_on_or_after=None,
        )  # fmt: skip
        return etree.fromstring(str(made).encode())


def encoded(response: etree._Element | bytes) -> str:
    raw = response if isinstance(response, bytes) else etree.tostring(response)
    return base64.b64encode(raw).decode()


def resigned(response: etree._Element, key: KeyPair, folder: Path) -> etree._Element:
    """The same response after a change, its assertion signed anew with this key."""
    (held,) = response.xpath("//saml:Assertion/ds:Signature", namespaces=NS)
    for name in ("ds:SignedInfo/ds:Reference/ds:DigestValue", "ds:SignatureValue"):
        held.xpath(name, namespaces=NS)[0].text = ""
    unsigned, signed = folder / "unsigned.xml", folder / "signed.xml"
    unsigned.write_bytes(etree.tostring(response))
    subprocess.run(
        [program("xmlsec1"), "--sign", "--privkey-pem", f"{key.key_file},{key.certificate_file}",
         "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion", "--output", str(signed),
         str(unsigned)],
        check=True, capture_output=True,
    )  # fmt: skip
    return etree.fromstring(signed.read_bytes())


def redirect_query(message: str, key: KeyPair | None, *, kind: str = "SAMLRequest") -> str:
    """A message as a signed address (HTTP-Redirect binding); unsigned without a key."""
    packed = zlib.compress(message.encode())[2:-4]
    query = urlencode({kind: base64.b64encode(packed).decode()})
    if key is None:
        return query
    query += "&" + urlencode({"SigAlg": SHA256})
    signature = key.key.sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())
    return query + "&" + urlencode({"Signature": base64.b64encode(signature).decode()})


def logout_request(*, subject: str, session: str, destination: str, issuer: str = ENTITY) -> str:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    index = f"<samlp:SessionIndex>{session}</samlp:SessionIndex>" if session else ""
    return (
        f'<samlp:LogoutRequest xmlns:samlp="{NS["samlp"]}" xmlns:saml="{NS["saml"]}" ID="_l1" Version="2.0"'
        f' IssueInstant="{now}" Destination="{destination}"><saml:Issuer>{issuer}</saml:Issuer>'
        f'<saml:NameID Format="{NAMEID_FORMAT_PERSISTENT}">{subject}</saml:NameID>{index}'
        "</samlp:LogoutRequest>"
    )


def inflated(url: str, kind: str) -> etree._Element:
    """The message that an address carries."""
    packed = base64.b64decode(parse_qs(urlsplit(url).query)[kind][0])
    return etree.fromstring(zlib.decompress(packed, -15))


__all__ = ["BINDING_HTTP_POST", "IdentityProvider", "KeyPair"]
