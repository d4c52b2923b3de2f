"""
Bearer secrets: 256 random bits with a readable prefix and a checksum, kept only as a hash.

A prefix lets a secret scanner find a leaked token; the checksum lets us refuse a mistyped one without
asking the database. 256 random bits need no slow hash.
"""

import secrets
import zlib
from hashlib import sha256

_BYTES = 32
_CHECK_DIGITS = 8


def new_token(prefix: str) -> str:
    """Such as `xdr_src_…`; shown once, never stored."""
    return token_of(prefix, secrets.token_urlsafe(_BYTES))


def token_of(prefix: str, body: str) -> str:
    """A token around a body that is itself secret and as long as 256 bits."""
    return f"{prefix}_{body}{_check(prefix, body)}"


def hash_of(token: str) -> bytes:
    return sha256(token.encode(errors="surrogateescape")).digest()


def is_well_formed(token: str, prefix: str) -> bool:
    """Whether prefix and checksum hold; says nothing about whether it is valid."""
    start = f"{prefix}_"
    body, check = token[len(start) : -_CHECK_DIGITS], token[-_CHECK_DIGITS:]
    return token.startswith(start) and secrets.compare_digest(_check(prefix, body).encode(), check.encode())


def _check(prefix: str, body: str) -> str:
    return f"{zlib.crc32(f'{prefix}{body}'.encode(errors='replace')):08x}"
