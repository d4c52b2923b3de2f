"""
Passwords: argon2id in a bounded pool, and a policy that asks for what guessing costs.

Source: NIST SP 800-63B-4 (length, blocklist, no composition, no rotation); OWASP ASVS 5.0 6.2.
Parameters: 46 MiB, one pass, about 100 ms; at most two at once, so that sign-ins cannot exhaust memory.
Common passwords, words and names, keyboard walks and the person's own words are found by zxcvbn (Wheeler,
USENIX Security 2016); breached ones by the list an administrator imports (`password_lists.py`).
"""

import asyncio
import threading
import unicodedata
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
import zxcvbn

from appliance.identity.errors import PasswordTooWeak
from appliance.identity.policies import PROFILES, Profile

T = TypeVar("T")

_LONGEST = 256
_JUDGED_CHARACTERS = 72  # the estimate of a longer one takes quadratic time and is "enough" anyway
_FEWEST_GUESSES = 10**10  # zxcvbn's "very unguessable", against a fast offline attack
# "Safely unguessable", against a slow one, as ours is: eight random characters just reach it.
_FEWEST_GUESSES_WITH_MFA = 10**8
_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
_POOL = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
# Verified when the name is unknown, so that the answer takes as long.
_NOBODY = _HASHER.hash("nobody has this password")
_OWN_WORDS = (
    "password",
    "passwort",
    "qwertz",
    "qwerty",
    "azerty",
    "mini-xdr",
    "minixdr",
    "appliance",
    "administrator",
)
_FEWEST_LEFT, _FEWEST_DIFFERENT = 8, 5  # characters, of what the known words leave
_JUDGE = threading.Lock()  # zxcvbn keeps the person's own words in a global


async def check_policy(
    password: str,
    *,
    words: Collection[str],
    profile: Profile = PROFILES["nist"],
    has_second_factor: bool = False,
) -> None:
    """
    Refuse what is easily guessed.

    Args:
        words: What is known of the person: name, e-mail, organisation.

    Raises:
        PasswordTooWeak: Says what to change.
    """
    shortest = profile.shortest_password_with_mfa if has_second_factor else profile.shortest_password
    if not shortest <= len(password) <= _LONGEST:
        raise PasswordTooWeak(f"a password has {shortest} to {_LONGEST} characters; a sentence is a good one")
    if profile.letters_and_digits and not (_has(str.isalpha, password) and _has(str.isdigit, password)):
        raise PasswordTooWeak("this organisation's profile asks for letters and digits")
    known = [part.lower() for word in words for part in (word, *_parts(word))]
    is_thin = _is_thin_without(password, [*known, *_OWN_WORDS])
    fewest = _FEWEST_GUESSES_WITH_MFA if has_second_factor else _FEWEST_GUESSES
    if is_thin or await _in_pool(_guesses, password, [*known, *_OWN_WORDS]) < fewest:
        raise PasswordTooWeak(
            "it is made of common words, names or patterns; use several words that do not belong together"
        )


async def hashed(password: str) -> str:
    return await _in_pool(_HASHER.hash, normal(password))


async def verified(password_hash: str, password: str) -> bool:
    """Whether it is the password; takes as long when there is no hash to compare with."""
    return await _in_pool(_verify, password_hash or _NOBODY, normal(password)) and bool(password_hash)


def is_outdated(password_hash: str) -> bool:
    """Whether it was hashed with other parameters than today's, and should be hashed again on sign-in."""
    return bool(password_hash) and _HASHER.check_needs_rehash(password_hash)


def normal(password: str) -> str:
    """As compared: the same characters may arrive composed differently (SP 800-63B-4 3.1.1.2: NFKC)."""
    return unicodedata.normalize("NFKC", password)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except argon2.exceptions.VerificationError:
        return False


def _is_thin_without(password: str, words: list[str]) -> bool:
    bare = password.lower()
    for word in sorted(words, key=len, reverse=True):
        bare = bare.replace(word, "")
    return len(bare) < _FEWEST_LEFT or len(set(bare)) < _FEWEST_DIFFERENT


def _guesses(password: str, words: list[str]) -> int:
    with _JUDGE:
        return int(zxcvbn.zxcvbn(password[:_JUDGED_CHARACTERS], user_inputs=words)["guesses"])


def _has(kind: Callable[[str], bool], password: str) -> bool:
    return any(kind(character) for character in password)


def _parts(word: str) -> list[str]:
    plain = "".join(c if c.isalnum() else " " for c in word)
    return [part for part in plain.split() if len(part) > 2]  # noqa: PLR2004 — shorter is no word


async def _in_pool(function: Callable[..., T], *arguments: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(_POOL, function, *arguments)
