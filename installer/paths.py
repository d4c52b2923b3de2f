"""Where things lie on a node. `root` is "/" but in tests."""

from pathlib import Path

import msgspec


class Paths(msgspec.Struct, frozen=True):
    root: Path = Path("/")

    @property
    def site(self) -> Path:
        return self.root / "etc/xdr/site.yml"

    @property
    def install(self) -> Path:
        """Inventory, the cluster's ssh key, known hosts: what makes a node a controller."""
        return self.root / "etc/xdr/install"

    @property
    def inventory(self) -> Path:
        return self.install / "inventory"

    @property
    def cluster_key(self) -> Path:
        return self.install / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.install / "known_hosts"

    @property
    def state(self) -> Path:
        """The journal, the lock, and whether first boot is over."""
        return self.root / "var/lib/xdr-install"

    @property
    def log(self) -> Path:
        return self.root / "var/log/xdr-install.log"

    @property
    def settled(self) -> Path:
        """There once the product runs here."""
        return self.root / "etc/xdr/settled"

    @property
    def certificate(self) -> Path:
        return self.root / "etc/xdr/tls/node.crt"

    @property
    def authority(self) -> Path:
        return self.root / "etc/xdr/tls/ca.crt"

    @property
    def licence(self) -> Path:
        return self.root / "etc/xdr/licence.json"

    @property
    def first_sign_in(self) -> Path:
        return self.root / "root/xdr-first-sign-in"

    @property
    def host_key(self) -> Path:
        return self.root / "etc/ssh/ssh_host_ed25519_key"

    @property
    def authorized_keys(self) -> Path:
        return self.root / "root/.ssh/authorized_keys"
