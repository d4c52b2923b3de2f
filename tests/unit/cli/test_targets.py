"""Which appliance is asked, and as whom."""

import socket
from pathlib import Path

import msgspec
import pytest

from appliance.cli.client import APIClient
from appliance.cli.failures import CommandFailure, ExitCode
from appliance.cli.options import Environment, Options
from appliance.cli.targets import Target, find


def node(folder: Path, *, running: bool = True, ingest: str = "") -> Path:
    """A settings file; with a real socket beside it if the appliance runs."""
    folder.mkdir(exist_ok=True)
    if running:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(folder / "admin.sock"))
    config = folder / "xdr.toml"
    config.write_text(
        f'state_dir = "{folder}"\ncredentials_dir = "{folder}"\n[web]\nadmin_socket = "{folder}/admin.sock"\n'
        f"[ingest]\n{ingest}\n"
    )
    return config


def profiles(environment: Environment, text: str) -> None:
    folder = environment.config_home / "xdr"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(text)


@pytest.fixture
def bare(tmp_path: Path) -> Environment:
    return Environment(
        config_home=tmp_path / "config",
        state_home=tmp_path / "state",
        system_config=tmp_path / "etc" / "xdr.toml",
        development_config=tmp_path / "dev" / "xdr.toml",
    )


TWO_PROFILES = """
default = "site"
[profiles.site]
url = "https://site.example.test"
token_file = "/secrets/site"
[profiles.lab]
url = "https://lab.example.test"
"""


def test_a_flag_wins_over_everything(bare, tmp_path):
    environment = msgspec.structs.replace(
        bare, config=str(node(tmp_path / "a")), url="https://env.example.test"
    )

    assert find(Options(url="https://flag.example.test/"), environment).url == "https://flag.example.test"


def test_the_environments_node_wins_over_its_address(bare, tmp_path):
    environment = msgspec.structs.replace(
        bare, config=str(node(tmp_path / "a")), url="https://env.example.test"
    )

    assert find(Options(), environment).socket == f"{tmp_path}/a/admin.sock"


def test_the_environment_wins_over_a_profile(bare):
    profiles(bare, TWO_PROFILES)
    environment = msgspec.structs.replace(bare, url="https://env.example.test")

    assert find(Options(), environment).url == "https://env.example.test"


def test_the_default_profile_wins_over_the_node(bare, tmp_path):
    profiles(bare, TWO_PROFILES)
    node(tmp_path / "etc")

    found = find(Options(), bare)

    assert (found.url, found.token_file) == ("https://site.example.test", Path("/secrets/site"))


def test_a_named_profile_wins_over_the_default(bare):
    profiles(bare, TWO_PROFILES)

    assert find(Options(profile="lab"), bare).url == "https://lab.example.test"


def test_an_unknown_profile_is_told_with_those_there_are(bare):
    profiles(bare, TWO_PROFILES)

    with pytest.raises(CommandFailure, match="lab, site") as caught:
        find(Options(profile="nope"), bare)

    assert caught.value.code is ExitCode.USAGE


def test_an_installed_node_wins_over_a_development_one(bare, tmp_path):
    node(tmp_path / "etc")
    node(tmp_path / "dev")

    assert find(Options(), bare).socket == f"{tmp_path}/etc/admin.sock"


def test_the_state_of_a_development_run_is_found(bare, tmp_path):
    node(tmp_path / "dev")

    assert find(Options(), bare).socket == f"{tmp_path}/dev/admin.sock"


def test_a_node_that_does_not_run_is_unavailable(bare, tmp_path):
    node(tmp_path / "etc", running=False)

    with pytest.raises(CommandFailure, match="does not run") as caught:
        find(Options(), bare)

    assert caught.value.code is ExitCode.UNAVAILABLE
    assert "xdr doctor" in caught.value.next_step


def test_without_any_appliance_the_message_says_how_to_name_one(bare):
    with pytest.raises(CommandFailure) as caught:
        find(Options(), bare)

    assert "--url" in caught.value.next_step


@pytest.mark.parametrize(
    ("host", "url"),
    [("::", "http://[::1]:8088"), ("0.0.0.0", "http://127.0.0.1:8088"), ("10.0.0.5", "http://10.0.0.5:8088")],
)
def test_the_ingest_receiver_of_a_node_is_known(bare, tmp_path, host, url):
    node(tmp_path / "etc", ingest=f'host = "{host}"')

    assert find(Options(), bare).ingest_url == url


def test_a_token_never_travels_unencrypted(bare, tmp_path):
    with pytest.raises(CommandFailure, match="readable to anybody"):
        find(Options(url="http://xdr.example.test", token_file=tmp_path / "token"), bare)


def test_on_this_machine_it_may(bare, tmp_path):
    assert (
        find(Options(url="http://[::1]:8443", token_file=tmp_path / "token"), bare).url == "http://[::1]:8443"
    )


@pytest.mark.parametrize("url", ["xdr.example.test", "ftp://xdr.example.test", "https://"])
def test_what_is_no_address_is_refused(bare, url):
    with pytest.raises(CommandFailure, match="no address"):
        find(Options(url=url), bare)


def test_a_wrong_settings_file_names_the_key(bare, tmp_path):
    config = tmp_path / "xdr.toml"
    config.write_text('state_dir = "/x"\ncredentials_dir = "/y"\nnonsense = 1\n')

    with pytest.raises(CommandFailure, match="nonsense"):
        find(Options(config=config), bare)


def test_without_a_token_a_remote_appliance_is_denied():
    with pytest.raises(CommandFailure, match="no token") as caught:
        APIClient(Target(name="x", url="https://xdr.example.test"), warn=print)

    assert caught.value.code is ExitCode.DENIED


def test_the_token_is_sent_and_never_shown(shell, appliance):
    shell("source", "list", "--debug")

    assert appliance.calls[0].headers["authorization"] == "Bearer xdr_api_secret"
    assert "xdr_api_secret" not in shell.stdout + shell.stderr


def test_a_token_file_that_others_can_read_is_named(shell, environment):
    Path(environment.token_file).chmod(0o644)

    shell("source", "list")

    assert shell.code == 0
    assert "chmod 600" in shell.stderr


def test_an_empty_token_file_is_a_usage_error(shell, environment):
    Path(environment.token_file).write_text("\n")

    assert shell("source", "list").code == 2
