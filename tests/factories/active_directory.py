"""A real Active Directory domain controller (Samba) in a network namespace of its own."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from uuid import uuid4

import pytest
import trustme

from appliance.identity.federation_schemas import GroupRole, LdapConfig
from tests.factories.directories import program

SUFFIX = "DC=example,DC=test"
PASSWORD, SERVICE_PASSWORD = "Correct-horse-7-battery", "Service-account-7-secret"
SERVICE = f"CN=xdr,CN=Users,{SUFFIX}"
_CONF = """
[global]
  netbios name = DC1
  realm = EXAMPLE.TEST
  workgroup = EXAMPLE
  server role = active directory domain controller
  server services = ldap
  interfaces = lo
  bind interfaces only = yes
  private dir = {folder}/private
  state directory = {folder}/state
  cache directory = {folder}/cache
  lock directory = {folder}
  pid directory = {folder}
  ncalrpc dir = {folder}/ncalrpc
  binddns dir = {folder}/bind-dns
  ntp signd socket directory = {folder}/ntp
  winbindd socket directory = {folder}/winbindd
  log file = {folder}/samba.log
  tls enabled = yes
  tls certfile = {folder}/server.pem
  tls keyfile = {folder}/server.key
  tls cafile = {folder}/ca.pem
"""


def group(name: str) -> str:
    return f"CN={name},CN=Users,{SUFFIX}"


ROLES = [
    GroupRole(group=group("Responders"), role="incident_responder"),
    GroupRole(group=group("Analysts"), role="soc_analyst"),
]


class DomainController:
    """
    Provisioned once in a folder; LDAP and LDAPS on their own ports, in a namespace nobody else is in.

    Needs root for the namespace; as an ordinary user its tests are listed as not run.
    """

    def __init__(self, folder: Path) -> None:
        if os.getuid() != 0:
            pytest.skip("a network namespace for the domain controller takes root")
        self.folder = folder / "dc"
        self._tool = program("samba-tool")
        self._namespace = f"xdr-{uuid4().hex[:8]}"
        self._process: subprocess.Popen[bytes] | None = None
        self._provision()
        self._people()

    @property
    def worker_command(self) -> tuple[str, ...]:
        """What has to stand before a command that is to reach the controller."""
        return ("ip", "netns", "exec", self._namespace)

    def config(self, **more: object) -> LdapConfig:
        values = {
            "servers": ["ldaps://localhost"], "ca_certificates": (self.folder / "ca.pem").read_text(),
            "bind_dn": SERVICE, "base_dn": SUFFIX, "flavour": "active_directory", "group_roles": ROLES,
        } | more  # fmt: skip
        return LdapConfig(**values)  # type: ignore[arg-type]  # as the fields are

    def start(self) -> None:
        _run("ip", "netns", "add", self._namespace)
        _run(*self.worker_command, "ip", "link", "set", "lo", "up")
        command = [program("samba"), "-F", "--no-process-group", "-s", str(self._conf), "-d", "1"]
        with (self.folder / "samba.out").open("ab") as output:
            self._process = subprocess.Popen([*self.worker_command, *command], stdout=output, stderr=output)
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "samba.out").read_text()[-3000:])
            time.sleep(0.2)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
        subprocess.run(["ip", "netns", "delete", self._namespace], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def tool(self, *arguments: str) -> None:
        """`samba-tool` on the controller's own database."""
        database = f"tdb://{self.folder}/private/sam.ldb"
        _run(self._tool, *arguments, "-H", database, "-s", str(self._conf))

    @property
    def _conf(self) -> Path:
        return self.folder / "smb.conf"

    def _provision(self) -> None:
        _run(
            self._tool, "domain", "provision", "--realm=EXAMPLE.TEST", "--domain=EXAMPLE", "--server-role=dc",
            f"--adminpass={PASSWORD}", f"--targetdir={self.folder}", "--dns-backend=NONE", "--host-name=dc1",
            "--host-ip=127.0.0.1",
        )  # fmt: skip
        authority = trustme.CA()
        served = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(self.folder / "ca.pem")
        served.cert_chain_pems[0].write_to_path(self.folder / "server.pem")
        served.private_key_pem.write_to_path(self.folder / "server.key")
        (self.folder / "server.key").chmod(0o600)
        self._conf.write_text(_CONF.format(folder=self.folder))

    def _people(self) -> None:
        self.tool("user", "create", "xdr", SERVICE_PASSWORD)
        for name in ("ada", "nell", "nora", "dora"):
            self.tool(
                "user", "create", name, PASSWORD, f"--mail-address={name}@example.test",
                f"--given-name={name.title()}", "--surname=Tester",
            )  # fmt: skip
        for name, members in (
            ("Analysts", "ada,dora"),
            ("Inner", "nell"),
            ("Middle", "Inner"),
            ("Responders", "Middle"),
        ):
            self.tool("group", "add", name)
            self.tool("group", "addmembers", name, members)
        self.tool("user", "disable", "dora")

    def _answers(self) -> bool:
        probe = "import socket; [socket.create_connection(('127.0.0.1', p), 1) for p in (389, 636)]"
        done = subprocess.run(
            [*self.worker_command, "python3", "-c", probe], check=False, capture_output=True
        )
        return done.returncode == 0


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
