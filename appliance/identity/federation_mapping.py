"""
From groups to a role, and from an address to one that may be stored.

Invariants: the list is in order and the first that fits decides; nothing fits is no access; a group is
compared whole, never by part; names are compared without regard to case, as directories do.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from appliance.foundation.errors import Invalid
from appliance.identity.federation_schemas import GroupRole

_AROUND_SEPARATORS = re.compile(r"\s*(?<!\\)([,=+])\s*")
_LONGEST_EMAIL = 254  # RFC 5321
# Nobody is given these by a provisioning client: its token is no administrator.
PRIVILEGED = frozenset({"super_admin", "security_admin"})


def role_of(groups: Iterable[str], mapping: Sequence[GroupRole]) -> str | None:
    """The role of the first line whose group the person is in; None is no access."""
    held = {normal_group(group) for group in groups}
    return next((line.role for line in mapping if normal_group(line.group) in held), None)


def normal_group(group: str) -> str:
    """A name or distinguished name as it is compared: case and blanks around separators do not count."""
    return trimmed_group(unicodedata.normalize("NFKC", group)).casefold()


def trimmed_group(group: str) -> str:
    """A distinguished name without the blanks that people type around its separators."""
    return _AROUND_SEPARATORS.sub(r"\1", group.strip())


def printable(said: str, *, most: int = 200) -> str:
    """Text from outside as it may be stored and shown: no control characters, and bounded."""
    return "".join(one for one in said if one.isprintable())[:most].strip()


def stored_email(said: str) -> str:
    """
    The address as users are kept under.

    Raises:
        Invalid: The provider gave none, or something that is none.
    """
    email = said.strip().lower()
    if "@" not in email or not email.isprintable() or " " in email or len(email) > _LONGEST_EMAIL:
        raise Invalid(
            "the identity provider gave no e-mail address for this person; check the attribute mapping"
        )
    return email
