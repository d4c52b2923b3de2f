"""What an installed node opens, as its roles' templates say, against what the documents tell."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
ROLES = ROOT / "ansible" / "roles"


def template(role: str, name: str) -> str:
    return (ROLES / role / "templates" / name).read_text()


def test_the_packet_filter_refuses_what_the_document_does_not_list():
    rules = template("firewall", "nftables.conf.j2")
    documented = {
        int(port)
        for row in re.findall(
            r"^\| ([\d/, a-z]+) \|", (ROOT / "docs/operations/cluster.md").read_text(), re.MULTILINE
        )
        for port in re.findall(r"\d+", row)
    }
    opened = {
        int(port) for ports in re.findall(r"dport (?:\{ )?([\d, ]+)", rules) for port in ports.split(",")
    }

    assert re.search(r"hook input priority filter; policy drop;", rules)
    assert opened
    assert opened <= documented


def test_nothing_listens_for_http_without_tls_in_front_of_the_console():
    conf = template("nginx", "xdr.conf.j2")
    listening = re.findall(r"^\s*listen (.+);", conf, re.MULTILINE)

    assert {port for each in listening for port in re.findall(r"\b(\d+) ssl", each)} == {"443", "8088"}
    assert all(each.endswith(" ssl") for each in listening)
    assert re.search(r"listen 443 ssl;(?:(?!server \{).)*ssl_protocols TLSv1\.3;", conf, re.DOTALL)
    assert not re.search(r"TLSv1(\.1)?[ ;]", conf)


def test_valkey_is_reached_by_a_socket_file_alone():
    conf = template("valkey", "valkey.conf.j2")

    assert re.search(r"^port 0$", conf, re.MULTILINE)
    assert re.search(r"^unixsocket ", conf, re.MULTILINE)
