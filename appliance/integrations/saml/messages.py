"""
Messages as they arrive, before anybody believes them: bounded, decoded, parsed without a DTD.

Nothing here is verified. What is read here finds the right request and refuses the impossible early.
"""

import base64
import binascii
import zlib
from typing import Any
from urllib.parse import parse_qsl

from onelogin.saml2.xml_utils import OneLogin_Saml2_XML as Xml

from appliance.identity.federation_errors import AssertionMalformed

MOST_MESSAGE_BYTES = 262_144
MOST_ENCODED_BYTES = MOST_MESSAGE_BYTES * 4 // 3 + 4_096
NAMES = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
}


def parsed(raw: bytes, *, tag: str, most: int = MOST_MESSAGE_BYTES) -> Any:
    """
    The root element of a document without a DTD.

    Args:
        tag: What it has to be, as `prefix:Name`.

    Raises:
        AssertionMalformed: Too large, no XML, a DTD in it, or another kind of document.
    """
    if len(raw) > most:
        raise AssertionMalformed(f"the document is larger than {most} bytes")
    # One encoding, so that no other one hides a DTD from this look.
    text = _utf8(raw)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise AssertionMalformed("the document declares a type or entities; that is never accepted")
    try:
        root = Xml.to_etree(text.encode())
    except (ValueError, SyntaxError) as error:  # the parser's own refusals, and lxml's
        raise AssertionMalformed("the document is no well-formed XML") from error
    prefix, _, name = tag.partition(":")
    if root.tag != f"{{{NAMES[prefix]}}}{name}":
        raise AssertionMalformed(f"a {name} was expected here")
    return root


def from_post(message: str) -> bytes:
    """
    What a form brought (HTTP-POST binding).

    Raises:
        AssertionMalformed: Too large, or no base64.
    """
    if len(message) > MOST_ENCODED_BYTES:
        raise AssertionMalformed(f"the message is larger than {MOST_MESSAGE_BYTES} bytes")
    try:
        return base64.b64decode("".join(message.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise AssertionMalformed("the message is no base64") from error


def from_redirect(message: str) -> bytes:
    """
    What an address brought (HTTP-Redirect binding: deflated).

    Raises:
        AssertionMalformed: Too large, packed or unpacked, or not packed as it should be.
    """
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        raw = stream.decompress(from_post(message), MOST_MESSAGE_BYTES + 1)
    except zlib.error as error:
        raise AssertionMalformed("the message is not deflated") from error
    if len(raw) > MOST_MESSAGE_BYTES or stream.unconsumed_tail:
        raise AssertionMalformed(f"the message is larger than {MOST_MESSAGE_BYTES} bytes")
    return raw


def parameters(query: str) -> dict[str, str]:
    """
    A query's parameters, each once: a second one could be signed while the first is read.

    Raises:
        AssertionMalformed: One stands there twice.
    """
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=20)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise AssertionMalformed("a parameter stands in the address twice")
    return found


def _utf8(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AssertionMalformed("the document is not UTF-8") from error
    if "\x00" in text:
        raise AssertionMalformed("the document is not UTF-8")
    return text
