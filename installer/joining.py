"""
Tokens by which a new machine and a controller know each other, pasted once on the new machine.

A token holds the cluster's public ssh key, so that the machine lets the controller in, and the seed of the
machine's own ssh host key, by which the controller knows the machine that was given it again.
Nothing listens for it. Whoever has it can pose as that machine until its hour: it is shown once, never kept.
"""

import base64
import hashlib
import secrets
import subprocess
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from installer import answers, files, inventory
from installer.answers import Site
from installer.failures import ExitCode, InstallFailure
from installer.paths import Paths

_PREFIX = "xdrj1."
_MAX_CHARACTERS = 4096
_SEED_BYTES = 32
_CHECK_BYTES = 8


class Token(msgspec.Struct, frozen=True):
    """
    Attributes:
        expires: Seconds since the epoch.
        network: The site's; the controller's key counts from nowhere else.
        cluster_key: One line as in `authorized_keys`, without options.
        seed: 32 bytes: the private half of the machine's ed25519 host key. Secret.
    """

    name: str
    address: str
    cluster: str
    network: str
    expires: int
    cluster_key: str
    seed: bytes

    def __repr__(self) -> str:
        return f"Token(name={self.name!r}, address={self.address!r}, expires={self.expires})"


def make(site: Site, name: str, address: str, *, hours: float, paths: Paths) -> str:
    """
    A token for one machine; the controller expects exactly that machine at `address` from now on.

    Returns:
        The text to paste there, some 400 characters.
    """
    refused = answers.newcomer_refused(name, address, site)
    if refused:
        raise InstallFailure(
            f"no token for {name} at {address}: {refused}",
            next_step="xdr-install token NODE ADDRESS, the name and the address that the new machine has",
        )
    seed = secrets.token_bytes(_SEED_BYTES)
    key = paths.cluster_key.with_name("id_ed25519.pub").read_text().strip()
    expires = datetime.now(UTC) + timedelta(hours=hours)
    token = Token(
        name=name,
        address=address,
        cluster=site.cluster,
        network=site.network,
        expires=int(expires.timestamp()),
        cluster_key=key,
        seed=seed,
    )
    inventory.trust(paths, address, _public(seed))
    return encode(token)


def encode(token: Token) -> str:
    return encoded(msgspec.msgpack.encode(token))


def encoded(body: bytes) -> str:
    # Not a signature: it tells a slip in pasting from a token that is not ours.
    return _PREFIX + base64.urlsafe_b64encode(body + _check(body)).decode()


def decode(text: str) -> Token:
    """
    Raises:
        InstallFailure: It is no token, was not pasted whole, or its time is over.
    """
    compact = "".join(text.split())
    if not compact.startswith(_PREFIX) or len(compact) > _MAX_CHARACTERS:
        raise InstallFailure(
            "this is no join token", next_step=f"it begins with {_PREFIX}; paste the whole line"
        )
    try:
        data = base64.b64decode(compact.removeprefix(_PREFIX), altchars=b"-_", validate=True)
        body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    except ValueError as error:
        raise InstallFailure("the token is not whole", next_step="paste the whole line") from error
    if check != _check(body):
        raise InstallFailure("the token was changed or is not whole", next_step="paste the whole line")
    try:
        token = msgspec.msgpack.decode(body, type=Token)
    except msgspec.DecodeError as error:
        raise InstallFailure(
            "the token is of another release", next_step="make one where this bundle runs"
        ) from error
    if len(token.seed) != _SEED_BYTES:
        raise InstallFailure("the token holds no usable key", next_step="make a new one on the controller")
    if token.expires < datetime.now(UTC).timestamp():
        at = datetime.fromtimestamp(token.expires, UTC)
        raise InstallFailure(
            f"the token ended at {at:%Y-%m-%d %H:%M} UTC; it is {datetime.now(UTC):%Y-%m-%d %H:%M} UTC here",
            next_step="set this machine's clock if it is wrong; otherwise make a new token on the controller",
        )
    return token


def accept(token: Token, paths: Paths) -> None:
    """
    Let the controller in, and be known to it. Doing it again changes nothing.

    Raises:
        InstallFailure: This machine does not have the token's address, or belongs to a cluster already.
    """
    if paths.settled.exists():
        raise InstallFailure("this machine is part of a cluster already", next_step="use a blank machine")
    if not inventory.is_own(token.address):
        raise InstallFailure(
            f"the token is for {token.address}, which this machine does not have",
            next_step="give the machine that address, or make a token for the one it has",
        )
    public = paths.host_key.with_name(paths.host_key.name + ".pub")
    # Written last, so that it vouches for the private half.
    if not public.exists() or public.read_text() != _public(token.seed) + "\n":
        files.write(paths.host_key, private_host_key(token.seed))
        files.write(public, _public(token.seed) + "\n", mode=0o644)
    _authorize(token, paths)


def reload_ssh() -> None:
    done = subprocess.run(
        ["/usr/bin/systemctl", "restart", "ssh.service"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise InstallFailure(
            f"ssh did not restart: {done.stderr.strip()}",
            next_step="systemctl status ssh",
            code=ExitCode.TRANSIENT,
        )


def _authorize(token: Token, paths: Paths) -> None:
    until = datetime.fromtimestamp(token.expires, UTC).strftime("%Y%m%d%H%MZ")
    line = f'from="{token.network}",expiry-time="{until}" {token.cluster_key}'
    there = paths.authorized_keys.read_text().splitlines() if paths.authorized_keys.exists() else []
    if line not in there:
        files.write(paths.authorized_keys, "\n".join([*there, line]) + "\n")


def private_host_key(seed: bytes) -> bytes:
    """The seed's ed25519 key as sshd reads it. Secret."""
    return Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )


def _public(seed: bytes) -> str:
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def _check(body: bytes) -> bytes:
    return hashlib.sha256(b"xdr-join" + body).digest()[:_CHECK_BYTES]
