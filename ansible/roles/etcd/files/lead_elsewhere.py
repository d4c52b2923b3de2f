# ruff: noqa: INP001 — copied to a node and run there, not a module of a package
"""
Moves etcd's leadership off the node that leads the database; run each half minute on every node.

A new leader of etcd gives every lease its whole time again. If the lost node led both, the database's lease,
which would have ended in 15 to 20 s, begins anew after the election, and writing pauses that much longer.

    lead_elsewhere.py NAME ADDRESS
"""

import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

TLS = "/etc/xdr/tls"


def leads_database(address: str) -> bool:
    context = ssl.create_default_context(cafile=f"{TLS}/ca.crt")
    context.load_cert_chain(f"{TLS}/node.crt", f"{TLS}/node.key")
    try:
        with urllib.request.urlopen(f"https://{address}:8008/primary", timeout=3, context=context) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 — what Patroni answers on the leader alone
    except (OSError, urllib.error.HTTPError):
        return False


def etcdctl(address: str, *command: str) -> str:
    tls = [f"--cacert={TLS}/ca.crt", f"--cert={TLS}/node.crt", f"--key={TLS}/node.key"]
    return subprocess.run(  # noqa: S603 — arguments are the inventory's
        ["etcdctl", f"--endpoints=https://{address}:2379", *tls, "--command-timeout=3s", *command],  # noqa: S607
        check=True, capture_output=True, text=True, timeout=10,
    ).stdout  # fmt: skip


def main() -> None:
    name, address = sys.argv[1:]
    if not leads_database(address):
        return
    status = json.loads(etcdctl(address, "endpoint", "status", "--write-out=json"))[0]["Status"]
    if status["header"]["member_id"] != status["leader"]:
        return
    members = json.loads(etcdctl(address, "member", "list", "--write-out=json"))["members"]
    for member in members:
        if member.get("name") in ("", name) or member.get("isLearner"):
            continue
        try:
            etcdctl(address, "move-leader", f"{member['ID']:x}")
        except subprocess.CalledProcessError:
            continue  # that one is not well; the next may be
        sys.stdout.write(f"etcd is led by {member['name']} from now on\n")
        return


if __name__ == "__main__":
    main()
