"""SimpleSAMLphp as a real identity provider with a sign-in form, under PHP's own web server on loopback."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.factories.directories import free_port, program, wait_for
from tests.factories.saml import KeyPair

_HOME = Path("/usr/share/simplesamlphp")
USER, PASSWORD = "grace", "an identity provider's password"
_CONFIG = """<?php
$config = [
  'baseurlpath' => '{url}/', 'certdir' => '{folder}/', 'loggingdir' => '{folder}/', 'datadir' => '{folder}/',
  'tempdir' => '{folder}/tmp', 'secretsalt' => 'salt-of-a-test', 'auth.adminpassword' => 'unused-in-tests',
  'technicalcontact_name' => 'Tests', 'technicalcontact_email' => 'na@example.test', 'timezone' => 'UTC',
  'logging.handler' => 'file', 'logging.logfile' => 'ssp.log', 'enable.saml20-idp' => true,
  'store.type' => 'phpsession', 'session.cookie.secure' => false, 'session.phpsession.savepath' => '{folder}/tmp',
  'session.cookie.samesite' => 'Lax', 'session.phpsession.cookiename' => 'SSPSession', 'language.default' => 'en',
  'language.available' => ['en'], 'theme.use' => 'default', 'production' => true, 'showerrors' => true,
  'metadata.sources' => [['type' => 'flatfile', 'directory' => '{folder}/metadata']],
  'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
  'authproc.idp' => [], 'authproc.sp' => [], 'admin.checkforupdates' => false,
];
"""
_AUTHENTICATION = """<?php
$config = ['people' => ['exampleauth:UserPass', '{user}:{password}' => [
  'uid' => ['{user}'], 'mail' => ['{user}@example.test'], 'displayName' => ['Grace Example'],
  'groups' => ['readers'],
]]];
"""
_HOSTED = """<?php
$metadata['__DYNAMIC:1__'] = [
  'host' => '__DEFAULT__', 'privatekey' => 'idp.key', 'certificate' => 'idp.pem', 'auth' => 'people',
  'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'sign.logout' => true,
  'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  'authproc' => [3 => ['class' => 'saml:AttributeNameID', 'attribute' => 'uid',
    'Format' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent']],
];
"""
_REMOTE = """<?php
$metadata['{entity}'] = [
  'AssertionConsumerService' => '{consumer}', 'SingleLogoutService' => '{logout}', 'validate.authnrequest' => true,
  'validate.logout' => true, 'certData' => '{certificate}',
  'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
];
"""


class SimpleSamlPhp:
    """Its pages are at `url`; it knows us once it was told (`knows`)."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"
        for name in ("tmp", "metadata"):
            (folder / name).mkdir()
        KeyPair(folder, "idp")
        self._write("config.php", _CONFIG, url=self.url, folder=folder)
        self._write("authsources.php", _AUTHENTICATION, user=USER, password=PASSWORD.replace("'", "\\'"))
        self._write("metadata/saml20-idp-hosted.php", _HOSTED)

    def metadata(self) -> str:
        answer = httpx.get(f"{self.url}/saml2/idp/metadata.php", timeout=20)
        assert answer.status_code == 200, answer.text[:2000]
        return answer.text

    def knows(self, *, entity: str, consumer: str, logout: str, certificate: str) -> None:
        """Tell it of us: where we are, and what we sign with."""
        body = "".join(line for line in certificate.splitlines() if not line.startswith("-----"))
        self._write(
            "metadata/saml20-sp-remote.php", _REMOTE, entity=entity, consumer=consumer, logout=logout,
            certificate=body,
        )  # fmt: skip

    def _write(self, name: str, text: str, **values: object) -> None:
        for key, value in values.items():
            text = text.replace("{" + key + "}", str(value))
        (self.folder / name).write_text(text)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[SimpleSamlPhp]:
    if not _HOME.exists():
        pytest.skip("SimpleSAMLphp is not installed; run `sudo make test-deps`")
    port = free_port()
    made = SimpleSamlPhp(folder, port)
    log = folder / "php.log"
    environment = {
        "SIMPLESAMLPHP_CONFIG_DIR": str(folder),
        "PATH": "/usr/bin:/bin",
        "PHP_CLI_SERVER_WORKERS": "4",
    }
    command = [
        program("php"),
        "-d",
        f"session.save_path={folder}/tmp",
        "-S",
        f"127.0.0.1:{port}",
        "-t",
        str(_HOME / "www"),
    ]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    try:
        wait_for(port, process, log)
        yield made
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # its workers with it; the group is our own
        process.wait(10)
