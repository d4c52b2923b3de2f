"""
The compiled-rule cache: parsed rules as msgpack and Vectorscan databases as they are.

Invariants:
- Nothing is read that this key did not seal: an altered database is memory-unsafe, so every file carries
  a MAC over its name and content, and one that does not verify is rebuilt.
- A file's name holds what it depends on: rule text, value lists, library version, CPU, code version.
- The cache is only ever faster, never different; it may be deleted at any time.
"""

import hmac
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import hyperscan
import msgspec

from appliance.detection.sigma.parsing import Outcome, ParsedRule, parse
from appliance.detection.sigma.rules import RuleSource

# Raise whenever the same rule text would be parsed or compiled to something else.
_CODE_VERSION: Final = 1
_MAC_BYTES: Final = 32
_KEY_BYTES: Final = 16
_CONTENT = dict[str, tuple[Outcome, ...]]


class RuleCache:
    """
    A directory of sealed files.

    Args:
        directory: Made if it is not there; readable by nobody else.
        key: At least 16 secret bytes that only this appliance has.

    Raises:
        ValueError: The key is too short to mean anything.
    """

    def __init__(self, directory: Path, key: bytes) -> None:
        if len(key) < _KEY_BYTES:
            raise ValueError(f"The key of the rule cache must have at least {_KEY_BYTES} bytes.")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._key = blake2b(key, person=b"rule-cache").digest()

    def open(self, expand: Mapping[str, Sequence[str]]) -> "Session":
        """A compilation with these value lists."""
        return Session(self, expand)

    def load_database(self, name: str) -> bytes | None:
        return self.read(f"{name}-{_environment()}.hs")

    def save_database(self, name: str, serialised: bytes) -> None:
        self.write(f"{name}-{_environment()}.hs", serialised)

    def keep_only(self, names: Iterable[str]) -> None:
        """Deletes every file but these: what no rule set needs any more."""
        kept = set(names)
        for path in self._directory.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)

    def read(self, name: str) -> bytes | None:
        """The content of a file this cache sealed, or None; a bad file is deleted."""
        path = self._directory / name
        try:
            sealed = path.read_bytes()
        except OSError:
            return None
        mac, content = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        if hmac.compare_digest(mac, self._mac(name, content)):
            return content
        with suppress(OSError):
            path.unlink()
        return None

    def write(self, name: str, content: bytes) -> None:
        """Seals a file. A full disk is no reason to fail: the cache only saves time."""
        with suppress(OSError):
            self._replace(self._directory / name, self._mac(name, content) + content)

    def _replace(self, path: Path, sealed: bytes) -> None:
        with NamedTemporaryFile(dir=self._directory, delete=False) as temporary:
            try:
                temporary.write(sealed)
                temporary.flush()
                Path(temporary.name).replace(path)
            except OSError:
                Path(temporary.name).unlink(missing_ok=True)
                raise

    def _mac(self, name: str, content: bytes) -> bytes:
        mac = blake2b(key=self._key, digest_size=_MAC_BYTES)
        mac.update(len(name).to_bytes(2, "big") + os.fsencode(name))
        mac.update(content)
        return mac.digest()


class Session:
    """
    One compilation against the cache.

    Attributes:
        recalled: How many active rules were not parsed again.
    """

    def __init__(self, store: RuleCache, expand: Mapping[str, Sequence[str]]) -> None:
        self._store = store
        self._expand = expand
        self._name = f"rules-{_digest(_stable(expand))}-{_CODE_VERSION}.msgpack"
        self._known = _decode(store.read(self._name))
        self._used: _CONTENT = {}
        self.recalled = 0

    def outcomes(self, source: RuleSource) -> tuple[Outcome, ...]:
        """What each document of a source is."""
        digest = _digest(msgspec.msgpack.encode(source))
        known = self._known.get(digest)
        if known is None:
            known = parse(source, self._expand)
        else:
            self.recalled += sum(isinstance(outcome, ParsedRule) for outcome in known)
        self._used[digest] = known
        return known

    def save(self) -> None:
        """Keeps what this compilation used, unless nothing changed."""
        if self._used.keys() != self._known.keys():
            self._store.write(self._name, msgspec.msgpack.encode(self._used))


def _decode(content: bytes | None) -> _CONTENT:
    if content is None:
        return {}
    try:
        return msgspec.msgpack.decode(content, type=_CONTENT)
    except msgspec.DecodeError:
        return {}


def _stable(expand: Mapping[str, Sequence[str]]) -> bytes:
    return msgspec.msgpack.encode(sorted((name, list(values)) for name, values in expand.items()))


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


@cache
def _environment() -> str:
    """What a Vectorscan database depends on: the library and the CPU's features."""
    probe = hyperscan.Database()
    probe.compile(expressions=[b"probe"], ids=[0], flags=0)
    features = ""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    facts = [version("hyperscan"), probe.info(), platform.machine(), features, _CODE_VERSION]
    return _digest(repr(facts).encode())[:16]
