"""How one node of the cluster runs a command on another: root, the cluster's key, hosts known beforehand."""

from pathlib import Path

_KEYS = Path("/etc/xdr/install")
# A node that is lost in the middle of an answer is noticed after this many seconds, three times over.
_SILENCE_SECONDS = 5


def ssh(host: str, command: str) -> list[str]:
    """What runs a command on a node; it asks nothing and trusts no host that was not introduced."""
    return [
        "/usr/bin/ssh", "-i", f"{_KEYS}/id_ed25519",
        "-o", f"UserKnownHostsFile={_KEYS}/known_hosts", "-o", "StrictHostKeyChecking=yes",
        "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR",
        "-o", f"ServerAliveInterval={_SILENCE_SECONDS}", f"root@{host}", command,
    ]  # fmt: skip
