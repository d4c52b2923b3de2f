"""A whole appliance for a benchmark: its own Postgres with fsync on, its own state, removed afterwards."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx

from appliance.cli.development import prepare, stop
from appliance.cli.embedded import EmbeddedPostgres
from appliance.cli.settling import first_sign_in
from appliance.composition import Services, open_services
from appliance.detection.archives import from_directory
from appliance.detection.sigma.rules import RuleSource
from appliance.foundation import settings as configuration
from appliance.foundation.actors import Scope, appliance
from appliance.foundation.database import Database, organisation_ids
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Settings
from appliance.telemetry.schemas import NewSource

FOLDERS = ("rules", "rules-emerging-threats", "rules-threat-hunting")
ADMIN = appliance("benchmark")
_MODULES = {
    "web": "appliance.web.serving",
    "administration": "appliance.web.administration",
    "ingest": "appliance.jobs.ingest",
    "detect": "appliance.jobs.detect",
    "seal": "appliance.jobs.seal",
    "alert": "appliance.jobs.alert",
}
_TICKS = os.sysconf("SC_CLK_TCK")


class Stack:
    """What runs, and how much processor time and memory it takes."""

    def __init__(self, folder: Path, settings: Settings, postgres: EmbeddedPostgres, config: Path) -> None:
        self.folder, self.settings, self.postgres, self.config = folder, settings, postgres, config
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def ingest_url(self) -> str:
        return f"http://[::1]:{self.settings.ingest.http_port}"

    @property
    def web_url(self) -> str:
        return f"http://localhost:{self.settings.web.port}"

    def start(self, *names: str) -> None:
        (self.folder / "metrics").mkdir(exist_ok=True)
        for name in names:
            command = [sys.executable, "-m", _MODULES[name], str(self.config)]
            with (self.folder / "processes.log").open("ab") as log:
                self.children[name] = subprocess.Popen(
                    command,
                    stderr=log,
                    stdout=log,
                    start_new_session=True,
                    env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(self.folder / "metrics")},
                )

    def wait_for_ingest(self) -> None:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{self.ingest_url}/", timeout=2)
                return
            time.sleep(0.2)
        raise RuntimeError((self.folder / "processes.log").read_text()[-3000:])

    def processes(self) -> dict[str, list[int]]:
        """Process ids by part: each child with its own children, and the database."""
        tree = _children_of()
        found = {name: _descendants(child.pid, tree) for name, child in self.children.items()}
        lock = self.folder / "postgres/data/postmaster.pid"
        if lock.exists():
            found["postgres"] = _descendants(int(lock.read_text().split()[0]), tree)
        return found

    def cpu_seconds(self) -> dict[str, float]:
        return {name: sum(map(_cpu, pids)) for name, pids in self.processes().items()}

    def memory_mb(self) -> dict[str, float]:
        """
        Memory by process, in MB: what is its own, without pages of files; the shared buffers by themselves.

        A shared page counts in parts, one for each process that has it (PSS).
        """
        found: dict[str, float] = {}
        for name, pids in self.processes().items():
            own = [_pss(pid) for pid in pids]
            parts = {name: own} if name == "postgres" else {name: own[:1], f"{name} worker": own[1:]}
            found |= {
                part: sum(each["Anon"] for each in sizes) / 1024 for part, sizes in parts.items() if sizes
            }
            if name == "postgres":
                found["shared buffers"] = sum(each["Shmem"] for each in own) / 1024
        return found

    @asynccontextmanager
    async def services(self, scope: Scope | None = None) -> AsyncIterator[Services]:
        database = Database(self.settings, pool_size=2)
        try:
            walls = scope or Scope(org_id=(await organisation_ids(database))[0])
            async with open_services(
                database, walls, Sealer(self.settings.credential("field-key"))
            ) as opened:
                yield opened
        finally:
            await database.close()

    async def source_token(self, name: str, form: str = "auto") -> str:
        async with self.services() as services:
            source = await services.telemetry.create_source(NewSource(name=name, format=form), by=ADMIN)
            return (await services.telemetry.issue_token(source.id, by=ADMIN)).token

    async def import_rules(self, corpora: Path) -> dict[str, int]:
        async with self.services() as services:
            load = await services.detection.import_rules(public_rules(corpora), origin="public set", by=ADMIN)
            return load.counts


def public_rules(corpora: Path) -> list[RuleSource]:
    return [
        RuleSource(f"{folder}/{source.path}", source.text)
        for folder in FOLDERS
        for source in from_directory(corpora / "sigma" / folder)
    ]


@contextmanager
def running_stack(*, small: str = "") -> Iterator[Stack]:
    """
    A prepared stack with database, schema and starter rules; start its processes yourself.

    Args:
        small: A folder of it, "." for all, that is a volume of its own of 400 MB (root only).
    """
    port, ingest_port = free_ports()
    base = Path("/var/lib/xdr-dev") if os.getuid() == 0 else Path(tempfile.gettempdir())
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="b-", dir=base))
    folder.chmod(0o755)
    if small:
        (folder / small).mkdir(exist_ok=True)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", folder / small], check=True
        )
    postgres, config = prepare(folder, port=port, ingest_port=ingest_port, own_log=False, syslog=False)
    stack = Stack(folder, configuration.load(config), postgres, config)
    try:
        asyncio.run(first_sign_in(stack.settings))
        yield stack
    finally:
        stop(stack.children)
        postgres.stop("immediate")
        if small:
            subprocess.run(["umount", "--lazy", folder / small], check=True)
        shutil.rmtree(folder, ignore_errors=True)


def free_ports() -> tuple[int, int]:
    """Two ports that nobody uses right now, on both families."""
    with socket.socket(socket.AF_INET6) as one, socket.socket(socket.AF_INET6) as other:
        one.bind(("::", 0))
        other.bind(("::", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _children_of() -> dict[int, list[int]]:
    tree: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            tree.setdefault(parent, []).append(int(entry.name))
    return tree


def _descendants(pid: int, tree: dict[int, list[int]]) -> list[int]:
    return [pid, *(one for child in tree.get(pid, []) for one in _descendants(child, tree))]


def _cpu(pid: int) -> float:
    """User and system time of a process and of the children it has waited for, in seconds."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS
    return 0.0


def _pss(pid: int) -> dict[str, int]:
    """Proportional set size of a process in KiB, by kind: Anon, File, Shmem."""
    found = {"Anon": 0, "File": 0, "Shmem": 0}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, size = line.partition(":")
            if name.startswith("Pss_"):
                found[name.removeprefix("Pss_")] = int(size.split()[0])
    return found
