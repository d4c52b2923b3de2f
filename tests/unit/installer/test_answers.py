"""What `site.yml` may say, and that what it may not is refused with the line and the reason."""

from pathlib import Path

import pytest
import yaml

from installer import answers, inventory
from installer.failures import InstallFailure
from installer.paths import Paths

ROOT = Path(__file__).parents[3]
THREE = (ROOT / "installer/examples/three.yml").read_text()


@pytest.mark.parametrize("name", ["single", "three"])
def test_an_example_is_a_site_and_is_written_back_as_the_same(name: str) -> None:
    site = answers.read(ROOT / f"installer/examples/{name}.yml")
    assert answers.parse(answers.write(site)) == site


def test_the_published_schema_is_this_programs() -> None:
    assert (ROOT / "docs/reference/site.schema.json").read_text() == answers.schema(), (
        "xdr-install schema > it"
    )


def test_off_is_a_word_and_not_a_boolean() -> None:
    site = answers.parse(THREE.replace("{mode: required}", "{mode: off, reason: none here}"))
    assert site.watchdog.mode == "off"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version: 1", "version: 2", "version"),
        ("vip: 192.0.2.10", "vip: 192.0.2.11", "a node's own address"),
        ("vip: 192.0.2.10", "vip: 198.51.100.1", "line 5: vip: 198.51.100.1 is not in 192.0.2.0/24"),
        ("vip: 192.0.2.10\n", "", "`vip` is missing"),
        ("192.0.2.12", "192.0.2.11", "line 9: nodes[1].address: 192.0.2.11 is there twice"),
        ("name: node2", "name: node1", "nodes[1].name: node1 is there twice"),
        ("name: node2", "name: Node_2", "line 9"),
        ("  - {name: node3, address: 192.0.2.13}\n", "", "2 nodes; a site has one, or three"),
        ("192.0.2.13", "192.0.2.255", "broadcast"),
        ("192.0.2.13", "fe80::1", "no IPv4 address"),
        ("network: 192.0.2.0/24", "network: 192.0.2.7/24", "network"),
        ("{mode: required}", "{mode: off}", "needs a `reason`"),
        ("servers: [192.0.2.1]", "servers: ['a b']", "time.servers[0]"),
        ("https://xdr.example.org", "http://xdr.example.org", "public_url"),
        ("cluster: main", "clustre: main", "clustre"),
        ("cluster: main", "cluster: [", "line 5: expected ',' or ']'"),
        ("cluster: main", "cluster: main\ncluster: other", "line 4: cluster is there twice"),
        ("cluster: main", 'cluster: "main\\n"', "line 3: a value with a line break"),
        ("cluster: main", "1: main", "Expected `str`"),
        ("cluster: main", "cluster: &a [*a]", "line 3: aliases"),
        ("cluster: main", "? [a]\n: b", "unhashable"),
        ("cluster: main", "cluster: " + "[" * 100_000, "not YAML"),
        ("192.0.2.0/24", "127.0.0.0/8", "line 4: network"),
        ("192.0.2.13", "192.0.2.10", "a node's own address"),
        ("https://xdr.example.org", "'https://xdr.example.org\"'", "public_url"),
        ("time:", "bundle: srv/bundle\ntime:", "whole path"),
        ("time:", "admin_keys: [secret]\ntime:", "not an ssh public key"),
        ("time:", "admin_keys: ['ssh-ed25519 AAAA']\ntime:", "line 11: admin_keys[0]"),
        ("time:", "admin_keys: ['ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA==']\ntime:", "not an ssh public key"),
        (
            "time:",
            "admin_keys: ['command=\"id\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5']\ntime:",
            "not an ssh public key",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_place_and_reason(old: str, new: str, says: str) -> None:
    with pytest.raises(InstallFailure) as refused:
        answers.parse(THREE.replace(old, new, 1))
    assert says in str(refused.value)
    assert refused.value.next_step


def test_the_inventory_says_what_the_roles_ask_for(tmp_path: Path) -> None:
    site = answers.parse(THREE)
    said = inventory.variables(site, site.nodes[1], Paths(tmp_path))
    example = yaml.safe_load((ROOT / "ansible/inventory/example/group_vars/all.yml").read_text())
    assert example.keys() <= said.keys()
    assert {key for key in said.keys() - example.keys() if key.startswith("xdr_")} == set()
    assert said["xdr_controller"] == "node2"


def test_a_controller_has_a_key_that_only_it_reads(tmp_path: Path) -> None:
    site, paths = answers.parse(THREE), Paths(tmp_path)
    folder = inventory.write(site, site.nodes[0], paths)
    first = paths.cluster_key.read_bytes()
    assert paths.cluster_key.stat().st_mode & 0o077 == 0
    hosts = yaml.safe_load((folder / "hosts.yml").read_text())["xdr"]["hosts"]
    assert hosts["node1"]["ansible_connection"] == "local"
    assert "ansible_connection" not in hosts["node2"]
    inventory.write(site, site.nodes[0], paths)
    assert paths.cluster_key.read_bytes() == first
