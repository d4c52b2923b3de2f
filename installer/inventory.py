"""What Ansible is told about a site: one inventory, made from `site.yml` and from nothing else."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from installer import files
from installer.answers import Node, Site
from installer.failures import ExitCode, InstallFailure
from installer.paths import Paths

_SSH_KEYGEN = "/usr/bin/ssh-keygen"


def controller(site: Site, *, name: str = "") -> Node:
    """
    The node this is: the one whose address this machine has.

    Args:
        name: Says which, where addresses do not.

    Raises:
        InstallFailure: It is none of the site's nodes.
    """
    if name:
        node = site.node(name)
        if node is None:
            raise InstallFailure(
                f"there is no node {name} in the site's file", next_step="--as one of its nodes"
            )
        return node
    for node in site.nodes:
        if is_own(node.address):
            return node
    raise InstallFailure(
        f"this machine has none of the addresses {', '.join(node.address for node in site.nodes)}",
        next_step="run it on a node of the site, or correct `nodes` in the site's file",
    )


def write(site: Site, node: Node, paths: Paths) -> Path:
    """
    Make the inventory and what it needs; a second time changes nothing.

    Returns:
        Its folder, for `ansible-playbook --inventory`.
    """
    paths.install.mkdir(parents=True, exist_ok=True, mode=0o700)
    _make_key(paths)
    _know_own_host_key(node, paths)
    hosts: dict[str, dict[str, str]] = {each.name: {"ansible_host": each.address} for each in site.nodes}
    hosts[node.name]["ansible_connection"] = "local"
    files.write(paths.inventory / "hosts.yml", yaml.safe_dump({"xdr": {"hosts": hosts}}, sort_keys=False))
    files.write(
        paths.inventory / "group_vars/all.yml", yaml.safe_dump(variables(site, node, paths), sort_keys=False)
    )
    return paths.inventory


def variables(site: Site, node: Node, paths: Paths) -> dict[str, Any]:
    """The facts that roles read; `ansible/inventory/example` describes them."""
    return {
        "xdr_cluster_name": site.cluster,
        "xdr_network": site.network,
        "xdr_vip": site.vip,
        "xdr_controller": node.name,
        "xdr_bundle": str(Path(site.bundle).resolve()),
        "xdr_public_url": site.url,
        "xdr_watchdog_mode": site.watchdog.mode,
        "xdr_time_servers": list(site.time.servers),
        "xdr_admin_keys": list(site.admin_keys),
        "xdr_site_file": str(paths.site),
        "xdr_install_folder": str(paths.install),
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(paths.cluster_key),
        # A connection that was there before the packet filter is let through once this side has spoken again.
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={paths.known_hosts} -o StrictHostKeyChecking=yes"
        " -o ServerAliveInterval=5 -o ServerAliveCountMax=24",
    }


def is_own(address: str) -> bool:
    """Whether this machine has it, by the kernel's table: nodes may bind addresses that they do not have."""
    routes = subprocess.run(  # noqa: S603 — an address that was parsed
        ["ip", "-o", "route", "get", address],  # noqa: S607
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return routes.stdout.startswith("local ")


def _make_key(paths: Paths) -> None:
    if paths.cluster_key.exists():
        return
    new = paths.cluster_key.with_name("id_ed25519.new")
    for leftover in (new, new.with_name("id_ed25519.new.pub")):
        leftover.unlink(missing_ok=True)
    made = subprocess.run(  # noqa: S603 — a fixed command
        [_SSH_KEYGEN, "-q", "-t", "ed25519", "-N", "", "-C", "xdr-cluster", "-f", str(new)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        raise InstallFailure(
            f"ssh-keygen: {made.stderr.strip()}",
            next_step="apt-get install openssh-client",
            code=ExitCode.TRANSIENT,
        )
    new.with_name("id_ed25519.new.pub").replace(paths.cluster_key.with_name("id_ed25519.pub"))
    new.replace(paths.cluster_key)
    files.sync_folder(paths.install)


def _know_own_host_key(node: Node, paths: Paths) -> None:
    public = paths.host_key.with_name(paths.host_key.name + ".pub")
    if public.exists() and not knows(paths, node.address):
        trust(paths, node.address, " ".join(public.read_text().split()[:2]))
    paths.known_hosts.touch(mode=0o600)


def knows(paths: Paths, address: str) -> bool:
    return any(address in line.split(" ")[0].split(",") for line in _lines(paths))


def trust(paths: Paths, address: str, key: str) -> None:
    """From now on the machine at `address` is the one that has this public host key, and no other."""
    kept = [line for line in _lines(paths) if address not in line.split(" ")[0].split(",")]
    files.write(paths.known_hosts, "\n".join([*kept, f"{address} {key}"]) + "\n")


def _lines(paths: Paths) -> list[str]:
    return paths.known_hosts.read_text().splitlines() if paths.known_hosts.exists() else []
