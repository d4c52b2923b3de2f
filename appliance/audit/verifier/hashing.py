"""
What is hashed and what is signed, byte for byte.

Three hashes that cannot be taken for one another, by their first byte (RFC 6962 for the first two):

    leaf  SHA-256(0x00 || body)          a record's exact bytes
    node  SHA-256(0x01 || left || right) two subtrees of the Merkle tree over the leaves
    head  SHA-256(0x02 || head before || leaf)

Every signature is Ed25519 (RFC 8032) over a text that names its purpose and ends in a newline, followed by
the bytes below; a signature of one purpose is none of another.
"""

import base64
import binascii
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HASH_BYTES, SIGNATURE_BYTES, KEY_BYTES = 32, 64, 32
ORIGIN = bytes(HASH_BYTES)  # the head before the first record
RECORD, CHECKPOINT, ROTATION = b"xdr-audit-record-v1\n", b"xdr-audit-checkpoint-v1\n", b"xdr-audit-key-v1\n"


def leaf_hash(body: bytes) -> bytes:
    return sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def next_head(head: bytes, leaf: bytes) -> bytes:
    return sha256(b"\x02" + head + leaf).digest()


def record_statement(stream: bytes, seq: int, sealed_at: int, head: bytes) -> bytes:
    """
    What a record's signature covers: its place, when it was sealed, and through `head` all before it.

    Args:
        stream: 16 bytes.
        seq: From 1.
        sealed_at: Microseconds since the epoch.
    """
    return RECORD + stream + seq.to_bytes(8) + sealed_at.to_bytes(8) + head


def rotation_statement(stream: bytes, old: bytes, new: bytes) -> bytes:
    """What both keys sign when the one takes over from the other; keys are 32 raw bytes."""
    return ROTATION + stream + old + new


def fingerprint(key: bytes) -> str:
    """SHA-256 of the raw public key, in hex: what is printed and pinned."""
    return sha256(key).hexdigest()


def is_signed(key: bytes, signature: bytes, statement: bytes) -> bool:
    """Whether a signature, raw or in base64url, is that key's over the statement."""
    try:
        if len(signature) != SIGNATURE_BYTES:
            signature = from_text(signature)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def to_text(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_text(text: str | bytes) -> bytes:
    """
    The bytes again.

    Raises:
        ValueError: Not base64url.
    """
    raw = text.encode() if isinstance(text, str) else text
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64url: {raw[:40]!r}") from error
