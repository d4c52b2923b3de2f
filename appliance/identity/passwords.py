"""
Passwords: argon2id in a bounded pool, and a policy that asks for length, not for symbols.

Source: NIST SP 800-63B-4 (length, blocklist, no composition, no rotation); OWASP ASVS 5.0 6.2.
Parameters: 46 MiB, one pass, about 100 ms; at most two at once, so that sign-ins cannot exhaust memory.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2

from appliance.identity.errors import PasswordTooWeak

T = TypeVar("T")

_SHORTEST, _LONGEST = 15, 256
_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
_POOL = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
# Verified when the name is unknown, so that the answer takes as long.
_NOBODY = _HASHER.hash("nobody has this password")
_CONTEXT_WORDS = (
    "password",
    "passwort",
    "mini-xdr",
    "minixdr",
    "appliance",
    "administrator",
    "qwertz",
    "qwerty",
)


def check_policy(password: str, *, email: str) -> None:
    """
    Refuse what is easily guessed.

    Raises:
        PasswordTooWeak: Says what to change.
    """
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise PasswordTooWeak(
            f"a password has {_SHORTEST} to {_LONGEST} characters; a sentence is a good one"
        )
    bare = password.lower()
    for word in (*_CONTEXT_WORDS, email.partition("@")[0].lower()):
        if word:
            bare = bare.replace(word, "")
    if len(set(bare)) < 5 or len(bare) < 8:  # noqa: PLR2004 — what is left after the guessable parts
        raise PasswordTooWeak(
            "apart from common words and your own name, too little is left; add words of your own"
        )


async def hashed(password: str) -> str:
    return await _in_pool(_HASHER.hash, _normal(password))


async def verified(password_hash: str, password: str) -> bool:
    """Whether it is the password; takes as long when there is no hash to compare with."""
    return await _in_pool(_verify, password_hash or _NOBODY, _normal(password)) and bool(password_hash)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except argon2.exceptions.VerificationError:
        return False


def _normal(password: str) -> str:
    # The same characters typed on another keyboard may arrive composed differently (SP 800-63B-4 3.1.1.2).
    return unicodedata.normalize("NFKC", password)


async def _in_pool(function: Callable[..., T], *arguments: str) -> T:
    return await asyncio.get_running_loop().run_in_executor(_POOL, function, *arguments)
