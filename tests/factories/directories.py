"""A real OpenLDAP server with TLS, and a rogue one that writes down what it is told."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from appliance.identity.federation_schemas import GroupRole, LdapConfig

SUFFIX = "dc=example,dc=test"
SERVICE, SERVICE_PASSWORD = f"cn=xdr,{SUFFIX}", "a service account's password"
PEOPLE, GROUPS = f"ou=people,{SUFFIX}", f"ou=groups,{SUFFIX}"
PASSWORD = "correct horse battery"
_CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
security simple_bind=128
sizelimit 500
database mdb
suffix "{suffix}"
rootdn "cn=admin,{suffix}"
rootpw admin
directory {folder}/db
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{service}" read by * none
"""


def _person(uid: str, name: str, **more: str) -> str:
    entry = {"sn": name, "cn": name, "displayName": name, "mail": f"{uid}@example.test"} | more
    lines = "".join(f"{key}: {value}\n" for key, value in entry.items())
    return (
        f"dn: uid={uid},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: {uid}\n{lines}userPassword: {PASSWORD}\n\n"
    )


def _group(name: str, *members: str) -> str:
    lines = "".join(f"member: {member}\n" for member in members)
    return f"dn: cn={name},{GROUPS}\nobjectClass: groupOfNames\ncn: {name}\n{lines}\n"


def dn(uid: str) -> str:
    return f"uid={uid},{PEOPLE}"


def group(name: str) -> str:
    return f"cn={name},{GROUPS}"


LDIF = (
    f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n\n"
    f"dn: {SERVICE}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: xdr\n"
    f"userPassword: {SERVICE_PASSWORD}\n\n"
    f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n\n"
    f"dn: {GROUPS}\nobjectClass: organizationalUnit\nou: groups\n\n"
    + _person("ada", "Ada Analyst")
    + _person("nell", "Nell Nested")
    + _person("nora", "Nora Norole")
    + _person("peer", "Peer Parenthesis")
    # The subsystem with a reference to another server, as a domain's root gives it.
    + f"dn: ou=elsewhere,{SUFFIX}\nobjectClass: referral\nobjectClass: extensibleObject\nou: elsewhere\n"
    "ref: ldap://127.0.0.1:{referral_port}/ou=elsewhere,dc=example,dc=test\n\n"
    + _group("analysts", dn("ada"), dn("peer"))
    + _group("inner", dn("nell"))
    + _group("middle", group("inner"))
    + _group("responders", group("middle"))
    + _group("lonely", dn("nora"))
)
ROLES = [
    GroupRole(group=f"CN=Responders, OU=groups, {SUFFIX.upper()}", role="incident_responder"),
    GroupRole(group=group("analysts"), role="soc_analyst"),
]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Slapd:
    """OpenLDAP on loopback: `ldaps` at one port, StartTLS at the other."""

    def __init__(self, folder: Path, *, referral_port: int = 9) -> None:
        self.folder, self.port, self.plain_port = folder, free_port(), free_port()
        self.authority = trustme.CA()
        (folder / "db").mkdir(parents=True)
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        served = self.authority.issue_cert("localhost", "127.0.0.1")
        served.cert_chain_pems[0].write_to_path(folder / "server.pem")
        served.private_key_pem.write_to_path(folder / "server.key")
        (folder / "slapd.conf").write_text(_CONF.format(folder=folder, suffix=SUFFIX, service=SERVICE))
        ldif = LDIF.replace("{referral_port}", str(referral_port))
        self._run("slapadd", "-f", str(folder / "slapd.conf"), stdin=ldif)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def ca(self) -> str:
        return (self.folder / "ca.pem").read_text()

    def start(self) -> None:
        urls = f"ldaps://127.0.0.1:{self.port} ldap://127.0.0.1:{self.plain_port}"
        with (self.folder / "slapd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("slapd"), "-f", str(self.folder / "slapd.conf"), "-h", urls, "-d", "none"],
                stdout=log,
                stderr=log,
            )
        wait_for(self.port, self._process, self.folder / "slapd.log")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def change(self, ldif: str) -> None:
        """As the directory's administrator."""
        url = f"ldaps://127.0.0.1:{self.port}"
        arguments = ["-H", url, "-x", "-D", f"cn=admin,{SUFFIX}", "-w", "admin"]
        self._run("ldapmodify", *arguments, stdin=ldif)

    def config(self, *, servers: list[str] | None = None, **more: object) -> LdapConfig:
        values = {
            "servers": servers or [f"ldaps://localhost:{self.port}"], "ca_certificates": self.ca,
            "bind_dn": SERVICE, "base_dn": PEOPLE, "group_base_dn": GROUPS, "flavour": "openldap",
            "group_roles": ROLES, "timeout_seconds": 3,
        } | more  # fmt: skip
        return LdapConfig(**values)  # type: ignore[arg-type]  # as the fields are

    def _run(self, name: str, *arguments: str, stdin: str) -> None:
        environment = os.environ | {"LDAPTLS_CACERT": str(self.folder / "ca.pem")}
        done = subprocess.run(
            [program(name), *arguments],
            input=stdin.encode(),
            env=environment,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()


def program(name: str) -> str:
    """Where a peer is; such tests are listed as not run without it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed; run `sudo make test-deps`")
    return found


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path, host: str = "127.0.0.1") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(log.read_text()[-2000:])
        with contextlib.suppress(OSError):
            socket.create_connection((host, port), 1).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens at {port}: {log.read_text()[-2000:]}")


class Listener:
    """Accepts connections, answers nothing, and keeps every byte it was sent."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.received, self.handshakes = b"", 0
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                return
            accepted.settimeout(2)
            with accepted, contextlib.suppress(OSError):
                self._hear(accepted)

    def _hear(self, accepted: socket.socket) -> None:
        if self._context is None:
            while said := accepted.recv(4096):
                self.received += said
            return
        with self._context.wrap_socket(accepted, server_side=True) as encrypted:
            self.handshakes += 1
            while said := encrypted.recv(4096):
                self.received += said


@contextlib.contextmanager
def rogue(host: str = "localhost") -> Iterator[Listener]:
    """A server that speaks TLS with a certificate of an authority nobody knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(host, "127.0.0.1").configure_cert(context)
    listener = Listener(context)
    try:
        yield listener
    finally:
        listener.close()
