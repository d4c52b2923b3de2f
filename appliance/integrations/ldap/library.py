"""
ldap3, imported in one place, with its dangerous defaults shut.

ldap3 2.9.1 asks pyasn1 for two names that pyasn1 now calls otherwise; only those two warnings are kept
quiet. By default the library accepts any certificate and follows referrals with the service account's
password, in clear text, to wherever a server says.
"""

import ssl
import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.filterwarnings(
        "ignore", message="(tagMap|typeMap) is deprecated", category=DeprecationWarning, module="ldap3"
    )
    import ldap3
    from ldap3.core.exceptions import LDAPException
    from ldap3.utils.conv import escape_filter_chars

__all__ = ["LDAPException", "StrictTls", "escape_filter_chars", "ldap3"]


class StrictTls(ldap3.Tls):  # type: ignore[misc]  # ldap3 has no types
    """
    TLS 1.2 or later, the named authorities and no others, and the server's own name.

    The library's own way turns OpenSSL's name check off and does it again by itself; OpenSSL does it here,
    during the handshake.
    """

    def __init__(self, ca_certificates: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED, ca_certs_data=ca_certificates)
        self._context = strict_context(ca_certificates)

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        connection.socket = self._context.wrap_socket(
            connection.socket, server_hostname=connection.server.host, do_handshake_on_connect=do_handshake
        )


def strict_context(ca_certificates: str) -> ssl.SSLContext:
    """
    A context that trusts these authorities only.

    Raises:
        ssl.SSLError: They are no PEM certificates.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=ca_certificates)
    return context
