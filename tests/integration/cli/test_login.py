"""`xdr login`: a person at a terminal elsewhere."""

import json
import stat
import time
from uuid import uuid4

import httpx
import msgspec
import pyotp
import pytest

from appliance.cli.kept_sessions import Kept, path_of

PASSWORD = "nine purple kites over the harbour"


@pytest.fixture
def person(xdr, stack):
    """Somebody with a password, and with a second factor where the role demands one."""

    def make(role):
        email = f"{uuid4().hex[:8]}@example.test"
        invited = json.loads(
            xdr("user", "invite", email, "--name", "Somebody", "--role", role, "-o", "json").stdout
        )
        with httpx.Client(base_url=stack.web_url) as client:
            form = {"token": invited["link_token"], "password": PASSWORD, "again": PASSWORD}
            step = {"Cookie": client.post("/welcome", data=form).headers["set-cookie"].partition(";")[0]}
            page = client.get("/sign-in/step", headers=step).text
            secret = page.partition('id="secret">')[2].partition("<")[0].replace(" ", "")
            if secret:
                code = pyotp.TOTP(secret).now()
                client.post("/sign-in/step/enrolment", data={"code": code}, headers=step)
        return email, secret

    return make


@pytest.fixture
def kept(xdr, stack):
    return path_of(xdr.state / "config", httpx.URL(stack.web_url).netloc.decode())


def aged(kept):
    """The same session with an access token that is about to expire."""
    held = msgspec.json.decode(kept.read_bytes(), type=Kept)
    kept.write_bytes(msgspec.json.encode(msgspec.structs.replace(held, expires_at=time.time())))
    return held


def test_who_signed_in_works_as_himself_until_he_signs_out(xdr, stack, person, kept):
    email, _ = person("soc_analyst")
    there = ("--url", stack.web_url)

    signed_in = xdr("login", email, *there, stdin=f"{PASSWORD}\n")
    own = xdr("incident", "list", *there)
    beyond = xdr("service-token", "list", *there)
    bearer = {"Authorization": f"Bearer {msgspec.json.decode(kept.read_bytes(), type=Kept).access_token}"}
    signed_out = xdr("logout", *there)

    assert signed_in.returncode == 0, signed_in.stderr
    assert (own.returncode, beyond.returncode) == (0, 4)
    assert signed_out.returncode == 0, signed_out.stderr
    assert not kept.exists()
    assert httpx.get(f"{stack.web_url}/api/v1/session", headers=bearer).status_code == 401
    assert "xdr login" in xdr("incident", "list", *there).stderr


def test_tokens_are_for_their_owner_alone_and_renewed_in_time(xdr, stack, person, kept):
    email, _ = person("soc_analyst")
    there = ("--url", stack.web_url)
    assert xdr("login", email, *there, stdin=f"{PASSWORD}\n").returncode == 0
    before = aged(kept)

    side_by_side = [xdr.start("incident", "list", *there) for _ in range(5)]
    said = [one.communicate(timeout=60)[1] for one in side_by_side]
    assert [one.returncode for one in side_by_side] == [0] * 5, said

    after = msgspec.json.decode(kept.read_bytes(), type=Kept)
    assert after.refresh_token != before.refresh_token
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert repr(after) == "Kept()"


def test_a_second_factor_is_asked_for(xdr, stack, person):
    email, secret = person("super_admin")
    there = ("--url", stack.web_url)
    # The code of enrolment is spent; the next one counts within the accepted window.
    code = pyotp.TOTP(secret).at(time.time() + 30)

    wrong = xdr("login", email, *there, stdin=f"{PASSWORD}\n000000\n")
    right = xdr("login", email, *there, stdin=f"{PASSWORD}\n{code}\n")

    assert wrong.returncode == 4
    assert right.returncode == 0, right.stderr
    assert xdr("user", "list", *there).returncode == 0
    assert secret not in right.stderr + right.stdout


def test_no_log_tells_what_proves_a_person(xdr, stack, person, kept):
    email, secret = person("super_admin")
    code = pyotp.TOTP(secret).at(time.time() + 30)

    xdr("login", email, "--url", stack.web_url, "--debug", stdin=f"{PASSWORD}\n{code}\n")
    held = msgspec.json.decode(kept.read_bytes(), type=Kept)
    logs = (stack.folder / "processes.log").read_text()

    assert "web_listening" in logs
    for proof in (PASSWORD, secret, held.access_token, held.refresh_token):
        assert proof not in logs


def test_an_ended_session_says_what_to_do(xdr, stack, person, kept):
    email, _ = person("soc_analyst")
    there = ("--url", stack.web_url)
    assert xdr("login", email, *there, stdin=f"{PASSWORD}\n").returncode == 0
    for held in json.loads(xdr("session", "list", "-o", "json").stdout):
        if held["email"] == email:
            xdr("session", "end", held["id"], "--yes")
    aged(kept)

    done = xdr("incident", "list", *there)

    assert done.returncode == 4
    assert "xdr login" in done.stderr


def test_a_wrong_password_is_refused_and_nothing_is_kept(xdr, stack, person, kept):
    email, _ = person("soc_analyst")

    done = xdr("login", email, "--url", stack.web_url, stdin="a wrong one\n")

    assert done.returncode == 4
    assert not kept.exists()
    assert xdr("login", email, stdin="x\n").returncode == 2  # on the node nobody signs in
