"""OpenID Connect providers: a real one as a process, and one that says what a test wants it to."""

import base64
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from appliance.identity.federation_schemas import GroupRole, OidcConfig
from tests.factories.directories import free_port, wait_for

CLIENT, SECRET = "xdr", "a client's secret"
ROLES = [
    GroupRole(group="admins", role="super_admin"),
    GroupRole(group="analysts", role="soc_analyst"),
]


def public_key(private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, kid: str) -> dict[str, Any]:
    algorithm = "EdDSA" if isinstance(private, ed25519.Ed25519PrivateKey) else "RS256"
    made = jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True)
    return made | {"kid": kid, "use": "sig", "alg": algorithm}


def uploaded_config(**more: Any) -> OidcConfig:
    """A provider whose keys were uploaded: nothing has to be fetched."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    values = {
        "issuer": "http://127.0.0.1:9", "client_id": CLIENT, "authorization_endpoint": "http://127.0.0.1:9/a",
        "token_endpoint": "http://127.0.0.1:9/t", "jwks": json.dumps({"keys": [public_key(private, "one")]}),
        "group_roles": [GroupRole(group="readers", role="read_only_analyst")],
    } | more  # fmt: skip
    return OidcConfig(**values)


class Scripted:
    """Its token endpoint checks code and verifier as a provider does, and answers with a token as told."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.other_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.token: Any = ""
        self.challenge, self.seen = "", list[dict[str, str]]()
        self.redirect_to = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def config(self, **more: Any) -> OidcConfig:
        values = {
            "issuer": self.url, "client_id": CLIENT, "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/jwks", "group_roles": ROLES,
        } | more  # fmt: skip
        return OidcConfig(**values)

    def claims(self, nonce: str, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.url, "aud": CLIENT, "sub": "user-1", "iat": now, "exp": now + 300, "nonce": nonce,
            "email": "ada@example.test", "email_verified": True, "name": "Ada", "groups": ["analysts"],
        } | more  # fmt: skip

    def signed(self, claims: dict[str, Any], **header: Any) -> str:
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "one"} | header)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say(200, {"keys": [public_key(provider.key, "one")]})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                provider.seen.append(form | {"authorization": self.headers.get("authorization", "")})
                if provider.redirect_to:
                    self.send_response(307)
                    self.send_header("location", provider.redirect_to)
                    self.end_headers()
                    return
                digest = sha256(form.get("code_verifier", "").encode()).digest()
                if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != provider.challenge:
                    self._say(400, {"error": "invalid_grant"})
                    return
                self._say(200, {"access_token": "x", "token_type": "Bearer", "id_token": provider.token})

            def _say(self, status: int, content: dict[str, Any]) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@contextlib.contextmanager
def provider_process(folder: Path, claims: dict[str, Any]) -> Iterator[str]:
    """oidc-provider-mock as a process of its own; its address."""
    port, log = free_port(), folder / "oidc.log"
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    command += ["--user-claims", json.dumps(claims)]
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_for(port, process, log, host="localhost")
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(10)
