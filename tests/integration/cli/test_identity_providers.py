"""`xdr idp` on the node, through the socket of a running appliance."""

import json

import pytest

from tests.factories.oidc import uploaded_config

SECRET = "a-client-secret-for-the-command-line"
CONFIG = """
kind = "oidc"
issuer = "http://127.0.0.1:9"
client_id = "xdr"
authorization_endpoint = "http://127.0.0.1:9/authorize"
token_endpoint = "http://127.0.0.1:9/token"
{more}
"""
MAPPED = '[[group_roles]]\ngroup = "readers"\nrole = "read_only_analyst"'


@pytest.fixture
def idp(xdr):
    def run(*words, expected=0):
        done = xdr("idp", *words)
        assert done.returncode == expected, done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr
        return done.stdout

    return run


def test_a_provider_from_the_first_file_to_its_removal(idp, tmp_path):
    (tmp_path / "idp.toml").write_text(CONFIG.format(more=""))
    (tmp_path / "keys.json").write_text(uploaded_config().jwks)
    (tmp_path / "secret").write_text(SECRET + "\n")
    files = ["--config", str(tmp_path / "idp.toml"), "--keys", str(tmp_path / "keys.json")]

    idp("create", "Branch", *files, "--secret-file", str(tmp_path / "secret"))
    untested = json.loads(idp("test", "Branch", "-o", "json", expected=8))
    (tmp_path / "idp.toml").write_text(CONFIG.format(more=MAPPED))
    idp("update", "Branch", "--config", str(tmp_path / "idp.toml"))
    tested = json.loads(idp("test", "Branch", "-o", "json"))
    idp("enable", "Branch")
    idp("scim-token", "Branch", "--to", str(tmp_path / "token"))
    shown = json.loads(idp("show", "Branch", "-o", "json"))
    idp("disable", "Branch", "--yes")
    idp("delete", "Branch", "--yes")
    left = json.loads(idp("list", "-o", "json"))

    assert [step["state"] for step in untested] == ["ok", "ok", "failed"]
    assert "map at least one group" in untested[2]["next"]
    assert {step["state"] for step in tested} == {"ok"}
    assert (shown["enabled"], shown["has_secret"], shown["has_scim_token"]) == (True, True, True)
    assert shown["config"]["jwks"]
    assert (tmp_path / "token").read_text().startswith("xdr_scm_")
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert "Branch" not in [one["name"] for one in left]


def test_a_configuration_without_a_kind_is_refused_before_anything_is_sent(idp, tmp_path):
    (tmp_path / "idp.toml").write_text("issuer = 'x'")

    idp("create", "Nothing", "--config", str(tmp_path / "idp.toml"), expected=2)


def test_an_unknown_provider_is_not_found(idp):
    idp("test", "nobody", expected=3)
