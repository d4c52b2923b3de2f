"""
One frozen struct from one TOML file plus credentials; read once, then passed in.

Secrets are never in the file: they are files in the credentials directory (systemd's
`$CREDENTIALS_DIRECTORY`, or the state directory of `make run`), read when first needed.
"""

import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from appliance.foundation.errors import Invalid

# What an administrator sets and the installer never writes: mail, alerts, ways out, retention.
SITE_FILE = "site.toml"


class Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    How Postgres is reached. Passwords are the credentials `database-app` and `database-platform`.

    Over a network `sslmode` is "verify-ca" or "verify-full" and `sslrootcert` the authority's file; both mean
    what libpq says, and a socket ignores them.
    """

    host: str = "/run/postgresql"
    port: int = 5432
    name: str = "xdr"
    sslmode: str = ""
    sslrootcert: str = ""
    app_role: str = "xdr_app"
    platform_role: str = "xdr_platform"
    pool_size: int = 10
    statement_timeout_seconds: int = 30

    @property
    def way(self) -> dict[str, str]:
        """Host, port and TLS as libpq's own keywords."""
        said = {"host": self.host, "port": str(self.port)}
        tls = {"sslmode": self.sslmode, "sslrootcert": self.sslrootcert}
        return said | {name: value for name, value in tls.items() if value}


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`proxies`: the addresses whose word is taken for where a request comes from (X-Forwarded-For)."""

    host: str = "127.0.0.1"
    port: int = 8443
    public_url: str = "http://localhost:8443"
    admin_socket: str = ""
    security_contact: str = ""
    proxies: tuple[str, ...] = ()
    session_idle_minutes: int = 60
    session_absolute_hours: int = 12

    def __post_init__(self) -> None:
        for proxy in self.proxies:
            ip_network(proxy)  # a name or a star would have anybody say anything

    @property
    def host_name(self) -> str:
        """The host of the public address: what passkeys are bound to."""
        return urlsplit(self.public_url).hostname or "localhost"


class Ingest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Receivers and their physical limits. Port 0 turns a listener off."""

    host: str = "::"
    http_port: int = 8088
    syslog_udp_port: int = 5514
    syslog_tcp_port: int = 5514
    syslog_tls_port: int = 0
    relp_port: int = 2514
    relp_tls_port: int = 0
    peer_port: int = 0
    tls_certificate: str = ""
    tls_key: str = ""
    workers: int = 1
    queue_bytes: int = 256 * 1_048_576
    spool_bytes: int = 4 * 1024**3
    commit_bytes: int = 16 * 1_048_576
    commit_delay_ms: int = 40
    drop_folder: str = ""
    monitor_own_log: bool = True
    public_ingest_url: str = ""

    @property
    def url(self) -> str:
        """Where shippers send to by HTTP; "" if that listener is off."""
        return self.public_ingest_url or (f"http://localhost:{self.http_port}" if self.http_port else "")


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The oldest sealed day goes first when either bound is passed; pinned events never go."""

    events_days: int = 90
    disk_share_percent: int = 70


class Mail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    The site's SMTP relay; without `host` no mail is sent and links are handed over by other means.

    With `user`, the password is the credential `mail-password`. `tls` is "starttls", "implicit", or "none",
    which is accepted for a relay on this host only.
    """

    host: str = ""
    port: int = 25
    tls: str = "starttls"
    ca_file: str = ""
    sender: str = "xdr@localhost"
    user: str = ""


class Outbound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Where the appliance may call to by HTTPS: identity providers now, connectors later.

    A target is usually in the site's own networks, which are private and so have to be named: `networks` in
    CIDR notation, `ports` besides 443, `ca_file` the site's authority. Loopback counts only when a loopback
    network is named.
    """

    networks: tuple[str, ...] = ()
    ports: tuple[int, ...] = (443,)
    ca_file: str = ""


class Cluster(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    The nodes by name and address, and what proves to the others that we are one; empty on a single node.
    """

    nodes: dict[str, str] = {}
    ca_file: str = "/etc/xdr/tls/ca.crt"
    certificate: str = "/etc/xdr/tls/node.crt"
    key: str = "/etc/xdr/tls/node.key"


class Audit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    When the audit trail is checkpointed, and where checkpoints go besides.

    `syslog_host` gets them by syslog over TLS (RFC 5425), its certificate checked against `syslog_ca_file`;
    `checkpoint_file` is appended to, best on another machine's or a write-once volume. "" turns either off.
    """

    checkpoint_seconds: int = 60
    checkpoint_entries: int = 1_000
    syslog_host: str = ""
    syslog_port: int = 6514
    syslog_ca_file: str = ""
    syslog_certificate: str = ""
    syslog_key: str = ""
    checkpoint_file: str = ""
    retention_years: int = 10


class AlertReceiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Who is told of alerts.

    Attributes:
        kind: How: mail by the relay of [mail], syslog (RFC 5424), a webhook (HTTPS POST), an SNMP trap.
        to: Addresses separated by commas; HOST:PORT; a URL; HOST:PORT.
        severities: Of what.
        alive: Whether it also gets the sign of life, whose absence it has to notice.
        transport: Of syslog: tls, tcp or udp.
        ca_file: The authority of a syslog receiver's certificate; "" for the system's list.
        version: Of SNMP: "3", authenticated (HMAC-SHA-256) and encrypted (AES-128), or "2c", in the clear.
        user: Of SNMPv3.
    """

    name: str
    kind: Literal["mail", "syslog", "webhook", "snmp"]
    to: str
    severities: tuple[Literal["critical", "warning"], ...] = ("critical", "warning")
    alive: bool = False
    transport: Literal["tls", "tcp", "udp"] = "tls"
    ca_file: str = ""
    version: Literal["3", "2c"] = "3"
    user: str = ""


class Alerts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    How often rules are evaluated, how often signs of life go out, and to whom.

    A receiver's secret is the credential `alerts/NAME`: a webhook's key, a community, two lines for SNMPv3.
    """

    evaluate_seconds: float = 15.0
    alive_seconds: float = 300.0
    receivers: tuple[AlertReceiver, ...] = ()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    state_dir: Path
    credentials_dir: Path
    node: str = "node-1"
    log_format: str = "json"
    database: Database = Database()
    web: Web = Web()
    ingest: Ingest = Ingest()
    retention: Retention = Retention()
    mail: Mail = Mail()
    audit: Audit = Audit()
    outbound: Outbound = Outbound()
    alerts: Alerts = Alerts()
    cluster: Cluster = Cluster()
    valkey_url: str = ""

    def credential(self, name: str) -> bytes:
        """
        One secret, as bytes without the final newline.

        Raises:
            Invalid: The file is missing; says which and who provides it.
        """
        path = self.credentials_dir / name
        try:
            return path.read_bytes().removesuffix(b"\n")
        except OSError as error:
            raise Invalid(f"credential {name} cannot be read from {path}: {error.strerror}") from error


def load(path: Path) -> Settings:
    """
    Read the settings file, and over it `site.toml` in the same folder, which is the site's own.

    Raises:
        Invalid: One is not readable, not TOML, or a key is unknown or of the wrong type; names file and key.
    """
    try:
        written = tomllib.loads(path.read_text())
    except OSError as error:
        raise Invalid(
            f"settings {path} cannot be read: {error.strerror}; set XDR_CONFIG or run `make run`"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"settings {path}: {error}") from error
    site = path.parent / SITE_FILE
    return _typed(_over(written, _of_site(site)), path, site)


def _of_site(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"settings {path}: {error}") from error


def _typed(settings: dict[str, Any], path: Path, site: Path) -> Settings:
    try:
        return msgspec.convert(settings, Settings, dec_hook=_path)
    except msgspec.ValidationError as error:
        where = f"{path} and {site}" if site.exists() else str(path)
        raise Invalid(f"settings {where}: {error}") from error


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Tables are joined key by key; what is no table is replaced."""
    joined = dict(below)
    for key, value in above.items():
        old = joined.get(key)
        joined[key] = _over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return joined


def _path(expected: type, value: object) -> object:
    if expected is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"settings hold no {expected}")
