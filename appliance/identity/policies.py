"""
What an organisation demands of passwords, sessions and second factors: one profile, by name.

`nist` is SP 800-63B-4 and ASVS 5.0: length and blocklists, no composition, no rotation. `pci` is what
PCI DSS 4.0.1 adds (8.2.6, 8.2.8, 8.3.4, 8.3.6, 8.3.7, 8.4.2); where the two collide the site chooses.
"""

from datetime import timedelta

import msgspec

from appliance.foundation.actors import Permission
from appliance.foundation.errors import Invalid

# Whoever may change who may do what needs a second factor, whatever the profile says.
_MIGHTY = frozenset(
    {
        Permission.USERS_EDIT, Permission.ROLES_EDIT, Permission.POLICIES_EDIT, Permission.KEYS_ROTATE,
        Permission.KEYS_DESTROY, Permission.IDENTITY_PROVIDERS_EDIT, Permission.SETTINGS_UPDATE,
        Permission.RESPONSE_APPROVE, Permission.RULES_EDIT, Permission.INTEGRATIONS_CONFIGURE,
    }
)  # fmt: skip


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Lengths in characters, times as named; 0 turns a demand off."""

    title: str
    shortest_password: int
    shortest_password_with_mfa: int
    letters_and_digits: bool = False
    former_passwords_refused: int = 0
    idle_minutes: int = 60
    absolute_hours: int = 12
    program_days: int = 30
    lock_after_failures: int = 0
    lock_seconds: int = 0
    mfa_for_everybody: bool = False
    inactive_days: int = 0

    @property
    def idle(self) -> timedelta:
        return timedelta(minutes=self.idle_minutes)

    @property
    def absolute(self) -> timedelta:
        return timedelta(hours=self.absolute_hours)


PROFILES = {
    "nist": Profile(
        title="NIST SP 800-63B-4 and OWASP ASVS 5.0", shortest_password=15, shortest_password_with_mfa=8
    ),
    "pci": Profile(
        title="PCI DSS 4.0.1",
        shortest_password=15,
        shortest_password_with_mfa=12,
        letters_and_digits=True,
        former_passwords_refused=4,
        idle_minutes=15,
        program_days=1,
        lock_after_failures=10,
        lock_seconds=1800,
        mfa_for_everybody=True,
        inactive_days=90,
    ),
}


def profile(name: str) -> Profile:
    """
    The profile of that name.

    Raises:
        Invalid: There is none; names those there are.
    """
    try:
        return PROFILES[name]
    except KeyError as error:
        raise Invalid(f"no profile {name!r}; there are {', '.join(PROFILES)}") from error


def needs_second_factor(permissions: frozenset[Permission], chosen: Profile, *, required: bool) -> bool:
    """Whether somebody with these permissions may not sign in with one factor alone."""
    return required or chosen.mfa_for_everybody or bool(permissions & _MIGHTY)
