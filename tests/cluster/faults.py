"""
The faults, and the table they make: each under load, judged by what clients were told against a final read.

    python -m tests.cluster.faults [--times N] [--only NAME ...]

The cluster must be installed (`python -m tests.cluster.installing`). Exit status 1 if anything acknowledged was
lost or doubled, or if the negative control went unnoticed.
"""

import argparse
import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from tests.cluster import history, installing, say
from tests.cluster.laboratory import BRIDGE, CACHE, PROJECT, Laboratory, Node, inside, run
from tests.cluster.writer import ANALYST

PGDATA = "/var/lib/postgresql/17/xdr"
_BEFORE, _AFTER = 5.0, 8.0
_WHOLE_SECONDS = 120
NOT_RUN = {
    "watchdog": "this kernel has no softdog; Patroni runs with the watchdog off here",
}


class Cluster:
    def __init__(self, lab: Laboratory) -> None:
        self.lab = lab
        self.analyst = ""
        self.password = lab.nodes["node1"].ssh("cat /etc/xdr/credentials/database-superuser").stdout.strip()

    def members(self) -> list[dict[str, str]]:
        """As Patroni of some node sees them; by curl, as patronictl takes a second of processor time to start."""
        for node in self.lab.nodes.values():
            tls = node.root / "etc/xdr/tls"
            said = run(
                "ip", "netns", "exec", node.netns, "curl", "-sf", "-m", "5", "--cacert", f"{tls}/ca.crt",
                "--cert", f"{tls}/node.crt", "--key", f"{tls}/node.key", f"https://{node.address}:8008/cluster",
                check=False,
            )  # fmt: skip
            if said.returncode == 0 and said.stdout.strip():
                return list(json.loads(said.stdout)["members"])
        return []

    def leader(self) -> Node:
        for member in self.members():
            if member["role"] == "leader":
                return self.lab.nodes[member["name"]]
        raise RuntimeError("the cluster has no leader; see journalctl -u xdr-patroni on the nodes")

    def standbys(self) -> list[Node]:
        leader = self.leader()
        return [node for node in self.lab.nodes.values() if node is not leader]

    def wait_whole(self) -> float:
        """Until one leads and two stream; seconds that took."""
        started = time.monotonic()
        while True:
            members = self.members()
            roles = [member["role"] for member in members]
            if roles.count("leader") == 1 and [m["state"] for m in members].count("streaming") == 2:
                return time.monotonic() - started
            if time.monotonic() - started > _WHOLE_SECONDS:
                raise RuntimeError(f"the cluster was not whole after {_WHOLE_SECONDS} s: {members}")
            time.sleep(1)

    def sql(self, query: str, node: Node | None = None, database: str = "lab") -> list[str]:
        where = node or self.leader()
        return where.ssh(f'runuser -u postgres -- psql -XAtqc "{query}" {database}').stdout.split()

    @contextlib.contextmanager
    def load(self, folder: Path, *, token: str) -> Iterator[None]:
        folder.mkdir(parents=True, exist_ok=True)
        children = []
        stamp = f"{time.time():.0f}"
        for node in self.lab.nodes.values():
            url = f"https://{node.address}:8088"
            children += [
                _start(
                    node.netns,
                    self.password,
                    "database",
                    f"{node.name}-{stamp}",
                    folder / f"database-{node.name}.log",
                ),
                _start(
                    BRIDGE, token, "ingest", f"i{node.name}-{stamp}", folder / f"ingest-{node.name}.log", url
                ),
                _start(
                    BRIDGE,
                    self.analyst,
                    "api",
                    node.name,
                    folder / f"api-{node.name}.log",
                    f"https://{node.address}",
                ),
            ]
        try:
            yield
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait(20)


def _start(netns: str, secret: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["ip", "netns", "exec", netns, sys.executable, "-m", "tests.cluster.writer", *map(str, arguments)],
        cwd=PROJECT,
        env=os.environ | {"LAB_SECRET": secret},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(CACHE / "writers.err").open("ab"),
    )


def switchover(cluster: Cluster) -> None:
    leader = cluster.leader()
    target = next(node for node in cluster.lab.nodes.values() if node is not leader)
    leader.ssh(
        f"patronictl -c /etc/patroni/xdr.yml switchover --force --leader {leader.name} --candidate {target.name}"
    )


def kill_postgres(cluster: Cluster) -> None:
    cluster.leader().ssh(f"kill -9 $(head -1 {PGDATA}/postmaster.pid)")


def power_loss(cluster: Cluster) -> None:
    leader = cluster.leader()
    leader.power_off()
    time.sleep(35)
    leader.boot()
    leader.wait()


def isolated(cluster: Cluster) -> None:
    leader = cluster.leader()
    leader.link("down")
    time.sleep(40)
    leader.link("up")


def asymmetric(cluster: Cluster) -> None:
    leader, deaf = cluster.leader(), cluster.standbys()[0]
    leader.deafen(deaf)
    time.sleep(30)
    leader.hear()


def frozen_patroni(cluster: Cluster) -> None:
    leader = cluster.leader()
    leader.ssh("systemctl kill --kill-whom=main -s STOP xdr-patroni")
    time.sleep(35)
    leader.ssh("systemctl kill --kill-whom=main -s CONT xdr-patroni")


def etcd_lost(cluster: Cluster) -> None:
    node = cluster.leader()
    node.ssh("systemctl kill -s KILL etcd; systemctl stop etcd")
    time.sleep(20)
    node.ssh("systemctl start etcd")


def disk_full(cluster: Cluster) -> None:
    """Not a byte is left where the leader's database lies; half a minute later there is room again."""
    leader = cluster.leader()
    filler = "/var/lib/postgresql/filler"
    leader.ssh(
        f"fallocate -l $(df --output=avail -B1 {PGDATA} | tail -1) {filler}; dd if=/dev/zero bs=4k >> {filler} || true"
    )
    time.sleep(40)
    leader.ssh(f"rm {filler}")


def valkey_lost(cluster: Cluster) -> None:
    for node in cluster.lab.nodes.values():
        node.ssh("systemctl stop valkey-server")
    time.sleep(10)
    for node in cluster.lab.nodes.values():
        node.ssh("systemctl start valkey-server")


def destroyed(cluster: Cluster) -> None:
    """No leader to commit to, so that ingest spools; then a node goes for good, with what only it and a peer hold."""
    leader, victim = cluster.leader(), cluster.standbys()[0]
    leader.ssh("patronictl -c /etc/patroni/xdr.yml pause --wait")
    leader.ssh(f"runuser -u postgres -- /usr/lib/postgresql/17/bin/pg_ctl -D {PGDATA} -m immediate stop")
    time.sleep(8)
    victim.power_off()
    shutil.rmtree(victim.root / "var/lib/xdr/spool")
    # Not by patronictl, which asks the lost node first and waits for it.
    leader.ssh("xdr cluster resume")
    time.sleep(45)
    victim.boot()
    victim.wait()


def replaced(cluster: Cluster) -> None:
    """The node everything was installed from goes for good; a blank machine takes its place by one command."""
    victim = cluster.lab.nodes["node1"]
    victim.power_off()
    time.sleep(30)
    cluster.lab.make_blank(victim)
    victim.boot()
    victim.wait()
    installing.replace(cluster.lab, victim.name, cluster.lab.nodes["node2"])


def drained(cluster: Cluster) -> None:
    """The leader is taken out for work as an administrator does, and let in again."""
    leader = cluster.leader()
    other = cluster.standbys()[0]
    other.ssh(f"xdr node drain {leader.name} --yes")
    time.sleep(15)
    other.ssh(f"xdr node resume {leader.name}")


def unsent(cluster: Cluster) -> None:
    """
    What a leader commits no longer reaches its standbys, and then it is gone: right only without replication.

    Only the packets of the log's connections are dropped, so that everybody goes on taking it for the leader.
    """
    leader = cluster.leader()
    links = cluster.sql(
        "SELECT host(client_addr) || '|' || client_port FROM pg_stat_replication", database="postgres"
    )
    rules = "".join(
        f"add rule inet xdrlab mute ip daddr {address} tcp dport {port} drop; "
        for address, port in (link.split("|") for link in links)
    )
    leader.ssh(
        "nft 'add table inet xdrlab; "
        f"add chain inet xdrlab mute {{ type filter hook output priority -300; }}; {rules}'"
    )
    time.sleep(10)
    leader.power_off()
    time.sleep(45)
    leader.boot()
    leader.wait()


FAULTS: dict[str, Callable[[Cluster], None]] = {
    "planned switchover": switchover,
    "kill -9 of postgres": kill_postgres,
    "node power loss": power_loss,
    "leader isolated, healed": isolated,
    "asymmetric partition": asymmetric,
    "patroni frozen, no watchdog": frozen_patroni,
    "etcd member lost": etcd_lost,
    "valkey lost on all nodes": valkey_lost,
    "disk full under the leader": disk_full,
    "node destroyed, with its spool": destroyed,
    "node drained, resumed": drained,
    "node replaced": replaced,
}


CONTROL = "leader lost with what it had not sent"


def one(cluster: Cluster, name: str, folder: Path, token: str) -> dict[str, history.Verdict]:
    """One fault under load: the verdicts of database and ingest."""
    cluster.wait_whole()
    events = _events(cluster)
    with cluster.load(folder, token=token):
        time.sleep(_BEFORE)
        (FAULTS | {CONTROL: unsent})[name](cluster)
        cluster.wait_whole()
        time.sleep(_AFTER)
    cluster.wait_whole()
    database = history.read(sorted(folder.glob("database-*.log")))
    verdicts = {"database": history.judge(database, _everywhere(cluster))}
    verdicts["ingest"] = _ingested(cluster, folder, token, events)
    verdicts["api"] = _asked_who(folder)
    return verdicts


def _asked_who(folder: Path) -> history.Verdict:
    """Requests with a session: a 401 is a session that was lost, another refusal or silence a request that failed."""
    rows = history.read(sorted(folder.glob("api-*.log")))
    verdict = history.judge(rows, [], told=("answered", "signed-in"))
    return msgspec.structs.replace(verdict, lost=sum(1 for state, _, _ in rows if state == "refused-401"))


def _everywhere(cluster: Cluster) -> list[str]:
    """The final read of the leader, once every standby shows the same."""
    said = cluster.sql("SELECT id FROM history ORDER BY id")
    for node in cluster.standbys():
        deadline = time.monotonic() + 20
        while cluster.sql("SELECT id FROM history ORDER BY id", node) != said:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{node.name} reads something else than the leader: split brain")
            time.sleep(1)
    return said


def _events(cluster: Cluster) -> int:
    return int(cluster.sql("SELECT count(*) FROM events", database="xdr")[0])


def _ingested(cluster: Cluster, folder: Path, token: str, before: int) -> history.Verdict:
    rows = history.read(sorted(folder.glob("ingest-*.log")))
    promised = {unique for state, unique, _ in rows if state in ("acknowledged", "spooled")}
    deadline = time.monotonic() + 45  # what was spooled is stored once the database is back
    while True:
        there = _asked(cluster, sorted(promised), token)
        if promised <= set(there) or time.monotonic() > deadline:
            break
        time.sleep(2)
    verdict = history.judge(rows, there, told=("acknowledged", "spooled"))
    # Each batch is one event, and nothing else sends: more events than requests that may have got in are doubles.
    return msgspec.structs.replace(
        verdict, doubled=max(0, _events(cluster) - before - len(there) - verdict.unknown)
    )


def _asked(cluster: Cluster, sent: list[str], token: str) -> list[str]:
    addresses = [node.address for node in cluster.lab.nodes.values()]
    return subprocess.run(
        ["ip", "netns", "exec", BRIDGE, sys.executable, "-m", "tests.cluster.asking", *addresses],
        cwd=PROJECT,
        env=os.environ | {"LAB_SECRET": token},
        input="\n".join(sent),
        text=True,
        capture_output=True,
        check=True,
    ).stdout.split()


def prepare(cluster: Cluster) -> str:
    """The table of the checker, a source and somebody who signs in for the load; the source's token."""
    if "lab" not in cluster.sql("SELECT datname FROM pg_database", database="postgres"):
        cluster.sql("CREATE DATABASE lab", database="postgres")
    # No unique key: an id that was written twice has to be seen.
    cluster.sql("CREATE TABLE IF NOT EXISTS history (id text NOT NULL)")
    node = cluster.lab.nodes["node1"]
    node.ssh(
        "export XDR_CONFIG=/etc/xdr/xdr.toml; xdr source create lab --format json >/dev/null 2>&1 || true"
    )
    node.ssh(
        "export XDR_CONFIG=/etc/xdr/xdr.toml; test -s /root/lab-token || xdr source token lab --to /root/lab-token"
    )
    cluster.analyst = _analyst(node)
    return node.ssh("cat /root/lab-token").stdout.strip()


def _analyst(node: Node) -> str:
    """The password of an analyst, who is invited and takes the link when there is none yet."""
    kept = node.ssh("cat /root/lab-analyst", check=False).stdout.strip()
    if kept:
        return kept
    password = secrets.token_urlsafe(18)
    link = node.ssh(
        f"XDR_CONFIG=/etc/xdr/xdr.toml xdr user invite {ANALYST} --name Lab --role soc_analyst"
    ).stdout
    token = re.search(r"/welcome/([\w.~-]+)", link)
    if token is None:
        raise RuntimeError(f"the invitation gave no link: {link[-500:]}")
    run(
        *inside(sys.executable, "-m", "tests.cluster.welcoming", f"https://{node.address}"),
        typed=f"{token[1]} {password}",
    )
    node.ssh("umask 077; cat > /root/lab-analyst", typed=password)
    return password


def control(cluster: Cluster, folder: Path, token: str) -> tuple[int, list[str]]:
    """
    Asynchronous replication, a leader lost: the checker must report loss, and the tripwire must trip.

    Returns:
        How many acknowledged writes it reported as lost; the nodes that wrote nothing any more.
    """
    edit = "patronictl -c /etc/patroni/xdr.yml edit-config --force -s synchronous_mode={} -s synchronous_mode_strict={} -s failsafe_mode={}"
    cluster.leader().ssh(edit.format("off", "false", "false"))
    time.sleep(12)
    try:
        lost = one(cluster, CONTROL, folder, token)["database"].lost
    finally:
        cluster.leader().ssh(edit.format("quorum", "true", "true"))
    tripped = [
        node
        for node in cluster.lab.nodes.values()
        if not node.ssh("test -e /var/lib/xdr/tripwire.json", check=False).returncode
    ]
    for node in tripped:
        node.ssh("xdr cluster accept-data-risk --cluster xdr-lab")
    return lost, [node.name for node in tripped]


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--times", type=int, default=1)
    options.add_argument("--only", nargs="*")
    options.add_argument("--control", action="store_true")
    chosen = options.parse_args()
    lab = Laboratory()
    cluster = Cluster(lab)
    cluster.wait_whole()
    token = prepare(cluster)
    sound = True
    print(
        "| fault | runs | write outage p50 s | max s | acknowledged | lost | doubled | ingest outage max s | ingest acknowledged | lost | doubled "
        "| console outage max s | requests | failed | sessions lost |"
    )
    print("|" + "---|" * 15)
    for name in chosen.only or FAULTS:
        verdicts = []
        for number in range(chosen.times):
            folder = CACHE / "faults" / f"{name.replace(' ', '-')}-{number}"
            try:
                verdicts.append(one(cluster, name, folder, token))
            except (RuntimeError, ValueError, subprocess.SubprocessError) as error:
                lab.keep_journals(folder)
                say(f"{name}: {error}")
                sound = False
        if verdicts:
            print(_row(name, verdicts), flush=True)
        sound &= all(each.sound for verdict in verdicts for each in verdict.values())
    if chosen.control:
        lost, tripped = control(cluster, CACHE / "faults/control", token)
        print(
            f"negative control (asynchronous replication, {CONTROL}): {lost} acknowledged lost, as it must be"
            if lost
            else "NEGATIVE CONTROL REPORTED NO LOSS: the table above proves nothing"
        )
        print(f"tripwire: tripped on {', '.join(tripped) or 'NO NODE, ALTHOUGH COMMITS WERE LOST'}")
        sound &= bool(lost) and bool(tripped)
    for name, why in NOT_RUN.items():
        print(f"not run: {name}: {why}")
    return 0 if sound else 1


def _row(name: str, verdicts: list[dict[str, history.Verdict]]) -> str:
    database, ingest, api = ([v[kind] for v in verdicts] for kind in ("database", "ingest", "api"))
    outages = sorted(v.outage for v in database)
    cells = [
        name, len(verdicts), f"{outages[len(outages) // 2]:.1f}", f"{outages[-1]:.1f}",
        sum(v.acknowledged for v in database), sum(v.lost for v in database), sum(v.doubled for v in database),
        f"{max(v.outage for v in ingest):.1f}", sum(v.acknowledged for v in ingest),
        sum(v.lost for v in ingest), sum(v.doubled for v in ingest),
        f"{max(v.outage for v in api):.1f}", sum(v.acknowledged for v in api), sum(v.unknown for v in api),
        sum(v.lost for v in api),
    ]  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    sys.exit(main())
