"""
Three systemd nodes in network namespaces, their bridge in one of its own; nothing of the host's network is touched.

Everything made here carries the prefix `xdrlab`, and cleaning up looks for that prefix and nothing else.
"""

import contextlib
import os
import pty
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.cluster import say

PROJECT = Path(__file__).parent.parent.parent
CACHE = PROJECT / ".cache/lab"
BASE = CACHE / "base"
KEY = CACHE / "id_ed25519"
MEDIUM = "/media/bundle"
BRIDGE = "xdrlab-net"
NODES = {"node1": "10.77.0.11", "node2": "10.77.0.12", "node3": "10.77.0.13"}
VIP = "10.77.0.10"
DRIVER = "10.77.0.1"
_BOOT_SECONDS = 60
_VOLUME = "3G"
_SSH = [
    "ssh", "-q", "-i", str(KEY), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
    "-o", "ConnectTimeout=5", "-o", "BatchMode=yes",
]  # fmt: skip


def run(
    *command: str, check: bool = True, seconds: float = 900, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, check=False, text=True, input=typed, capture_output=True, timeout=seconds)
    if check and done.returncode:
        raise RuntimeError(
            f"{' '.join(command)}: status {done.returncode}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
    return done


def inside(*command: str) -> list[str]:
    """The command as run beside the bridge, from where every node is reached and nothing else is."""
    return ["ip", "netns", "exec", BRIDGE, *command]


class Node:
    def __init__(self, name: str) -> None:
        self.name, self.address = name, NODES[name]
        self.netns = f"xdrlab-{name}"
        self.folder = CACHE / "nodes" / name
        self.root = self.folder / "root"
        self.volume = self.folder / "volume"
        self._process: subprocess.Popen[bytes] | None = None
        self._terminal: int | None = None

    def boot(self) -> None:
        self.link("up")
        log = (self.folder / "console.log").open("ab")
        leader, follower = pty.openpty()  # nspawn hangs silently without a terminal
        self._process = subprocess.Popen(
            [
                "systemd-nspawn", "--quiet", "--directory", str(self.root), "--machine", self.netns,
                "--register=no", "--keep-unit", f"--network-namespace-path=/run/netns/{self.netns}",
                "--capability=CAP_NET_ADMIN,CAP_NET_RAW,CAP_SYS_NICE", f"--hostname={self.name}",
                "--resolv-conf=off", "--timezone=off",
                f"--bind-ro={CACHE / 'bundle'}:{MEDIUM}", f"--bind={self.volume}:/var/lib/postgresql", "--boot",
            ],
            stdin=follower, stdout=follower, stderr=log, start_new_session=True,
            env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        )  # fmt: skip
        os.close(follower)
        self._terminal = leader
        pid = os.fork()
        if pid == 0:  # empties the terminal, whose buffer would otherwise stop the node; ends with it
            _copy_terminal(leader, log.fileno())
        os.close(leader)
        log.close()
        (self.folder / "pid").write_text(str(self._process.pid))

    def unmount(self) -> None:
        for place in (self.root, self.volume):
            if os.path.ismount(place):
                run("umount", "--lazy", str(place))

    def pid(self) -> int | None:
        path = self.folder / "pid"
        return int(path.read_text()) if path.exists() else None

    def wait(self) -> None:
        deadline = time.monotonic() + _BOOT_SECONDS
        while self.ssh("true", check=False).returncode:
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"{self.name} was not reachable in {_BOOT_SECONDS} s: {self.folder}/console.log"
                )
            time.sleep(0.3)

    def ssh(
        self, command: str, *, check: bool = True, seconds: float = 900, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return run(*inside(*_SSH, f"root@{self.address}", command), check=check, seconds=seconds, typed=typed)

    def power_off(self) -> None:
        """As if the plug was pulled: the node's init and its keeper are killed, nothing is flushed by them."""
        pid = self.pid()
        if pid is None:
            return
        children = run("ps", "--ppid", str(pid), "-o", "pid=", check=False).stdout.split()
        for each in [*map(int, children), pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        if self._process is not None:
            self._process.wait(20)
        (self.folder / "pid").unlink(missing_ok=True)
        # The namespace outlives its node, so what the node had set in it goes as a machine's memory would.
        self.link("down", check=False)
        run("ip", "-n", self.netns, "address", "delete", f"{VIP}/24", "dev", "host0", check=False)
        run("ip", "netns", "exec", self.netns, "nft", "flush", "ruleset", check=False)
        deadline = time.monotonic() + 10
        while any(_lives(child) for child in children) and time.monotonic() < deadline:
            time.sleep(0.05)

    def link(self, state: str, *, check: bool = True) -> None:
        run("ip", "-n", BRIDGE, "link", "set", f"v-{self.name}", state, check=check)

    def deafen(self, other: "Node") -> None:
        """This node no longer hears `other`, which still hears it: an asymmetric partition."""
        self.ssh(
            "nft 'add table inet xdrlab; "
            "add chain inet xdrlab deaf { type filter hook input priority -300; }; "
            f"add rule inet xdrlab deaf ip saddr {other.address} drop'"
        )

    def hear(self) -> None:
        self.ssh("nft delete table inet xdrlab", check=False)


def _lives(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _copy_terminal(leader: int, log: int) -> None:
    with contextlib.suppress(OSError):
        while data := os.read(leader, 65536):
            os.write(log, data)
    os._exit(0)


class Laboratory:
    def __init__(self) -> None:
        self.nodes = {name: Node(name) for name in NODES}

    def make(self) -> None:
        """Fresh nodes from the base tree, booted and reachable."""
        self.clean()
        make_base()
        run("ip", "netns", "add", BRIDGE)
        run("ip", "-n", BRIDGE, "link", "set", "lo", "up")
        run("ip", "-n", BRIDGE, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", BRIDGE, "address", "add", f"{DRIVER}/24", "dev", "br0")
        run("ip", "-n", BRIDGE, "link", "set", "br0", "up")
        for node in self.nodes.values():
            self._connect(node)
            self.make_blank(node)
            node.boot()
        for node in self.nodes.values():
            node.wait()
        say(f"laboratory: {len(self.nodes)} nodes booted, no route to anywhere")

    def _connect(self, node: Node) -> None:
        run("ip", "netns", "add", node.netns)
        run(
            "ip",
            "-n",
            BRIDGE,
            "link",
            "add",
            f"v-{node.name}",
            "type",
            "veth",
            "peer",
            "name",
            "host0",
            "netns",
            node.netns,
        )
        run("ip", "-n", BRIDGE, "link", "set", f"v-{node.name}", "master", "br0", "up")
        run("ip", "-n", node.netns, "link", "set", "lo", "up")
        run("ip", "-n", node.netns, "address", "add", f"{node.address}/24", "dev", "host0")
        run("ip", "-n", node.netns, "link", "set", "host0", "up")

    def make_blank(self, node: Node) -> None:
        """The node's disk as it came: the minimal tree, and nothing of an installation."""
        node.unmount()
        shutil.rmtree(node.folder, ignore_errors=True)
        for name in ("upper", "work", "root", "volume"):
            (node.folder / name).mkdir(parents=True)
        # The database has a disk of its own, so that one node's can be full.
        image = node.folder / "volume.ext4"
        run("truncate", "--size", _VOLUME, str(image))
        run("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1", str(image))
        run("mount", "-o", "loop", str(image), str(node.volume))
        shutil.rmtree(node.volume / "lost+found")
        run("mount", "-t", "overlay", f"xdrlab-{node.name}", "-o",
            f"lowerdir={BASE},upperdir={node.folder}/upper,workdir={node.folder}/work", str(node.root))  # fmt: skip
        (node.root / "etc/hostname").write_text(f"{node.name}\n")
        # The manager of root's sessions takes minutes to stop in such a container, and each ssh would wait.
        linger = node.root / "var/lib/systemd/linger"
        linger.mkdir(parents=True, exist_ok=True)
        (linger / "root").touch()
        ssh = node.root / "root/.ssh"
        ssh.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(KEY.with_suffix(".pub"), ssh / "authorized_keys")

    def clean(self) -> None:
        """Ends and removes what bears the laboratory's names; whatever else runs here is not looked at."""
        for node in self.nodes.values():
            node.power_off()
            node.unmount()
            for space in (node.netns,):
                run("ip", "netns", "delete", space, check=False)
        run("ip", "netns", "delete", BRIDGE, check=False)

    def keep_journals(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for node in self.nodes.values():
            said = node.ssh("journalctl --no-pager -b -o short-iso-precise", check=False).stdout
            (folder / f"{node.name}.journal").write_text(said or "not reachable\n")
        say(f"journals are in {folder}")


def make_base() -> None:
    """The minimal tree all nodes start from, made again only when its list of packages changed."""
    if not KEY.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "xdrlab", "-f", str(KEY))
    wanted = (PROJECT / "packer/base-packages.txt").read_text().split()
    made = CACHE / "base.made-from"
    if BASE.exists() and made.exists() and made.read_text() == " ".join(wanted):
        return
    say("laboratory: making the minimal Debian 13 tree")
    shutil.rmtree(BASE, ignore_errors=True)
    run(
        "mmdebstrap", "--quiet", "--variant=minbase", "--components=main", f"--include={','.join(wanted)}",
        "--aptopt=Acquire::Languages none", "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*", "trixie", str(BASE),
    )  # fmt: skip
    made.write_text(" ".join(wanted))
