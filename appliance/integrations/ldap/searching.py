"""
Finding people and their groups. What a person typed enters a filter escaped, and nothing else.

Nested groups: Active Directory resolves them itself (rule 1.2.840.113556.1.4.1941, [MS-ADTS] 3.1.1.3.4.4.3);
elsewhere we go up level by level, so many at most.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from appliance.identity.federation_schemas import LdapConfig, Person
from appliance.integrations.ldap.explaining import is_disabled
from appliance.integrations.ldap.library import LDAPException, escape_filter_chars, ldap3

MOST_GROUPS, MOST_LEVELS = 1_000, 10
_IN_CHAIN = "1.2.840.113556.1.4.1941"
_LOGINS = {
    "active_directory": ["userPrincipalName", "sAMAccountName", "mail"],
    "openldap": ["uid", "mail"],
}
_ATTRIBUTES = {
    "active_directory": [
        "objectGUID", "userPrincipalName", "mail", "displayName", "cn", "userAccountControl",
        "accountExpires",
    ],
    "openldap": ["entryUUID", "mail", "displayName", "cn", "pwdAccountLockedTime"],
}  # fmt: skip
_PEOPLE = {
    "active_directory": "(&(objectCategory=person)(objectClass=user){})",
    "openldap": "(&(objectClass=person){})",
}
_LOCKED_FOR_EVER = "000001010000Z"  # OpenLDAP's password policy
_EPOCH_1601 = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER = 2**63 - 1
_FILTER_BATCH = 50


class Found:
    """A person's entry: where it is, and what it says."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.dn: str = entry["dn"]
        self._raw: dict[str, list[bytes]] = {
            name.lower(): values for name, values in entry["raw_attributes"].items()
        }

    def text(self, *names: str) -> str:
        """The first of these attributes that is there."""
        for name in names:
            for value in self._raw.get(name.lower(), []):
                if said := value.decode(errors="replace").strip():
                    return said
        return ""

    @property
    def subject(self) -> str:
        """The identifier that survives a change of name."""
        if raw := self._raw.get("objectguid"):
            return str(UUID(bytes_le=raw[0]))
        return self.text("entryUUID")

    def disabled(self, now: datetime) -> str:
        """Why the account may not be used; "" if it may."""
        if is_disabled(self.text("userAccountControl")):
            return "the account is disabled in the directory"
        if self.text("pwdAccountLockedTime") == _LOCKED_FOR_EVER:
            return "the account is locked in the directory"
        expires = self.text("accountExpires")
        if expires.isdigit() and 0 < int(expires) < _NEVER:
            at = _EPOCH_1601 + timedelta(microseconds=int(expires) // 10)
            if at < now:
                return "the account has expired in the directory"
        return ""


def by_login(connection: Any, config: LdapConfig, login: str) -> list[Found]:
    """Everybody whom this login may mean; two at most, since two is one too many."""
    # A directory written in C may read no further than a NUL, and find somebody else (Samba does).
    if not login.isprintable():
        return []
    typed = login.rpartition("\\")[2] if config.flavour == "active_directory" else login
    value = escape_filter_chars(typed)
    names = config.login_attributes or _LOGINS[config.flavour]
    wanted = "".join(f"({name}={value})" for name in names)
    return _people(connection, config, f"(|{wanted})", most=2)


def by_subjects(connection: Any, config: LdapConfig, subjects: list[str]) -> dict[str, Found]:
    """Those of the subjects that are still there."""
    found: dict[str, Found] = {}
    for start in range(0, len(subjects), _FILTER_BATCH):
        batch = subjects[start : start + _FILTER_BATCH]
        wanted = "".join(_subject_clause(config, subject) for subject in batch)
        for one in _people(connection, config, f"(|{wanted})", most=_FILTER_BATCH):
            found[one.subject] = one
    return found


def groups_of(connection: Any, config: LdapConfig, dn: str) -> list[str]:
    """The distinguished names of all groups the person is in, also by way of others."""
    if config.flavour == "active_directory":
        return _groups(connection, config, f"(member:{_IN_CHAIN}:={escape_filter_chars(dn)})")
    seen: dict[str, None] = {}
    level = [dn]
    for _ in range(MOST_LEVELS):
        above = [name for one in level for name in _groups(connection, config, _member_filter(one))]
        level = [name for name in dict.fromkeys(above) if name not in seen]
        seen |= dict.fromkeys(level)
        if not level or len(seen) >= MOST_GROUPS:
            break
    return list(seen)[:MOST_GROUPS]


def described(connection: Any, config: LdapConfig, one: Found, now: datetime) -> Person:
    """A person with groups, as the rest of the appliance sees one."""
    return Person(
        subject=one.subject,
        email=one.text("mail", "userPrincipalName"),
        name=one.text("displayName", "cn") or one.text("mail"),
        groups=groups_of(connection, config, one.dn),
        disabled=one.disabled(now),
    )


def search(
    connection: Any, base: str, wanted: str, attributes: list[str], *, most: int, scope: str = ldap3.SUBTREE
) -> list[dict[str, Any]]:
    """
    Entries only: references to other servers are dropped.

    Raises:
        LDAPException: The directory refused the search; says how.
    """
    connection.search(
        base, wanted, search_scope=scope, attributes=attributes, size_limit=most,
        time_limit=connection.receive_timeout, dereference_aliases=ldap3.DEREF_NEVER,
    )  # fmt: skip
    code = int(connection.result["result"])
    if code not in (0, 4):  # 4: there are more than we want to know of
        raise LDAPException(f"search below {base!r}: {connection.result['description']} ({code})")
    return [entry for entry in connection.response or [] if entry["type"] == "searchResEntry"]


def _people(connection: Any, config: LdapConfig, clause: str, *, most: int) -> list[Found]:
    wanted = _PEOPLE[config.flavour].format(clause)
    attributes = _ATTRIBUTES[config.flavour]
    return [Found(one) for one in search(connection, config.base_dn, wanted, attributes, most=most)]


def _groups(connection: Any, config: LdapConfig, wanted: str) -> list[str]:
    base = config.group_base_dn or config.base_dn
    return [one["dn"] for one in search(connection, base, wanted, ["cn"], most=MOST_GROUPS)]


def _member_filter(dn: str) -> str:
    value = escape_filter_chars(dn)
    return f"(|(member={value})(uniqueMember={value}))"


def _subject_clause(config: LdapConfig, subject: str) -> str:
    if config.flavour == "active_directory":
        value = "".join(f"\\{byte:02x}" for byte in UUID(subject).bytes_le)
        return f"(objectGUID={value})"
    return f"(entryUUID={escape_filter_chars(subject)})"
