"""
Which appliance a command talks to, and as whom.

The nearest wins: flag, environment, the user's profile, this node's settings. On a node the Unix socket
needs no token; elsewhere a token comes from a file and never from the command line (CWE-214).
"""

import stat
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from appliance.cli import kept_sessions
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.options import Environment, Options
from appliance.foundation import settings as configuration
from appliance.foundation.errors import Invalid
from appliance.foundation.settings import Settings

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_HOW = "run this on the node, set XDR_CONFIG, or give --url and --token-file"


class Target(msgspec.Struct, frozen=True):
    """
    Where the API is.

    Attributes:
        name: Stands for the appliance in messages and file names.
        organisation: Name or id of the one meant, on the node; the first where it is empty.
        socket: The administrator's Unix socket; empty if it is reached by `url`.
        session_file: Where `xdr login` keeps its tokens for this appliance; None on the node.
        settings: The node's settings, where they could be read.
    """

    name: str
    socket: str = ""
    url: str = ""
    token_file: Path | None = None
    session_file: Path | None = None
    ca_file: str = ""
    ingest_url: str = ""
    settings: Settings | None = None
    organisation: str = ""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    token_file: str = ""
    ca_file: str = ""
    ingest_url: str = ""


class _Profiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    default: str = ""
    profiles: dict[str, Profile] = msgspec.field(default_factory=dict)


def find(options: Options, environment: Environment) -> Target:
    """
    The appliance meant.

    Raises:
        CommandFailure: None is named, or what names it is wrong.
    """
    found = _find(options, environment)
    if options.organisation and not found.socket:
        raise invalid("--organisation is for the administrator on the node; a token belongs to one already")
    session_file = None if found.socket else kept_sessions.path_of(environment.config_home, found.name)
    return msgspec.structs.replace(found, organisation=options.organisation or "", session_file=session_file)


def _find(options: Options, environment: Environment) -> Target:
    token_file = options.token_file or _path(environment.token_file)
    if options.url:
        return _remote(options.url, token_file)
    if options.profile:
        return _of_profile(options.profile, environment, token_file)
    if options.config or environment.config:
        return _of_settings(options.config or Path(environment.config))
    if environment.url:
        return _remote(environment.url, token_file)
    name = environment.profile or _profiles(environment).default
    if name:
        return _of_profile(name, environment, token_file)
    for place in (environment.system_config, environment.development_config):
        if _exists(place):
            return _of_settings(place)
    raise CommandFailure(
        "no appliance is named, and none is on this machine", code=ExitCode.USAGE, next_step=_HOW
    )


def settings_of(options: Options, environment: Environment) -> Settings:
    """
    This node's settings, for commands that work without the API.

    Raises:
        CommandFailure: There are none, or they are wrong.
    """
    named = options.config or _path(environment.config)
    for place in [named] if named else [environment.system_config, environment.development_config]:
        if named or _exists(place):
            return _load(place)
    raise CommandFailure(
        "no settings file is named, and none is on this machine",
        code=ExitCode.USAGE,
        next_step="give --config FILE or set XDR_CONFIG",
    )


def is_loopback(url: str) -> bool:
    return (urlsplit(url).hostname or "") in _LOOPBACK


def read_secret(path: Path, what: str) -> str:
    """
    A secret from a file.

    Raises:
        CommandFailure: It cannot be read, or is empty.
    """
    try:
        secret = path.expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailure(f"{what} cannot be read from {path}: {error}", code=ExitCode.USAGE) from error
    if not secret:
        raise invalid(f"{what} in {path} is empty")
    return secret


def is_exposed(path: Path) -> bool:
    """Whether others than the owner may read it."""
    return bool(path.expanduser().stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def _of_settings(path: Path) -> Target:
    settings = _load(path)
    socket = settings.web.admin_socket
    if not socket or not _exists(Path(socket)):
        raise CommandFailure(
            f"the appliance of {path} does not run: its socket {socket or '(none configured)'} is not there",
            code=ExitCode.UNAVAILABLE,
            next_step="start it (`systemctl start xdr.target`, or `xdr dev run`), then `xdr doctor`",
        )
    return Target(name=socket, socket=socket, ingest_url=_ingest_url(settings), settings=settings)


def _ingest_url(settings: Settings) -> str:
    host = {"::": "[::1]", "0.0.0.0": "127.0.0.1"}.get(settings.ingest.host)  # noqa: S104 — read, not bound
    if host is None:
        host = f"[{settings.ingest.host}]" if ":" in settings.ingest.host else settings.ingest.host
    return f"http://{host}:{settings.ingest.http_port}" if settings.ingest.http_port else ""


def _remote(url: str, token_file: Path | None, profile: Profile | None = None) -> Target:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid(f"{url} is no address of an appliance; write it as https://xdr.example.org")
    if parts.scheme == "http" and not is_loopback(url):
        raise invalid(f"{url} would send what proves who you are readable to anybody", "use https://")
    return Target(
        name=parts.netloc,
        url=url.rstrip("/"),
        token_file=token_file,
        ca_file=profile.ca_file if profile else "",
        ingest_url=profile.ingest_url if profile else "",
    )


def _of_profile(name: str, environment: Environment, token_file: Path | None) -> Target:
    known = _profiles(environment).profiles
    if name not in known:
        said = ", ".join(sorted(known)) or "none"
        raise invalid(f"no profile {name!r} in {_profile_file(environment)}; there are: {said}")
    profile = known[name]
    return _remote(profile.url, token_file or _path(profile.token_file), profile)


def _profile_file(environment: Environment) -> Path:
    return environment.config_home / "xdr" / "config.toml"


def _profiles(environment: Environment) -> _Profiles:
    path = _profile_file(environment)
    if not _exists(path):
        return _Profiles()
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), _Profiles)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise invalid(f"{path} cannot be used: {error}") from error


def _load(path: Path) -> Settings:
    try:
        return configuration.load(path)
    except Invalid as error:
        raise CommandFailure(str(error), code=ExitCode.USAGE, detail=error.code) from error


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return False


def _path(text: str) -> Path | None:
    return Path(text).expanduser() if text else None
