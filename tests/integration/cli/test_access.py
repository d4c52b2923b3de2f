"""Who may do what, administered from the node: a story at the terminal, also while the API is down."""

import json
import time
from uuid import uuid4

import httpx
import pyotp
import pytest

PASSWORD = "nine purple kites over the harbour"


def rows(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def invited(xdr):
    """Somebody who was invited, with the token of the link."""

    def make(*roles):
        email = f"{uuid4().hex[:8]}@example.test"
        wanted = [word for role in roles for word in ("--role", role)]
        made = rows(xdr("user", "invite", email, "--name", "Somebody", *wanted, "-o", "json"))
        return email, made["link_token"]

    return make


def test_a_role_of_ones_own_is_made_given_changed_and_removed(xdr, invited):
    name = f"r_{uuid4().hex[:8]}"
    assert xdr("role", "create", name, "Night", "--permission", "events:view").returncode == 0
    email, _ = invited(name)

    taken = xdr("role", "remove", name, "--yes")
    given = xdr(
        "user", "roles", email, "--role", "soc_analyst", "--role", f"{name}@2099-01-01T00:00Z", "--yes"
    )
    matrix = xdr("role", "matrix")

    assert taken.returncode == 5
    assert given.returncode == 0, given.stderr
    assert name in matrix.stdout
    assert "◐" in matrix.stdout
    assert xdr("user", "roles", email, "--role", "read_only_analyst", "--yes").returncode == 0
    assert xdr("role", "remove", name, "--yes").returncode == 0


def test_a_moment_without_a_time_zone_is_no_moment(xdr, invited):
    email, _ = invited("soc_analyst")

    done = xdr("user", "roles", email, "--role", "soc_analyst@2099-01-01T00:00", "--yes")

    assert done.returncode == 2
    assert "time zone" in done.stderr


def test_sessions_are_seen_and_ended_from_the_node(xdr, stack, invited):
    email, token = invited("soc_analyst")
    with httpx.Client(base_url=stack.web_url) as browser:
        form = {"token": token, "password": PASSWORD, "again": PASSWORD}
        cookie = browser.post("/welcome", data=form).headers["set-cookie"].partition(";")[0]
        before = browser.get("/api/v1/session", headers={"Cookie": cookie})
        held = next(one for one in rows(xdr("session", "list", "-o", "json")) if one["email"] == email)

        ended, began = xdr("session", "end", held["id"], "--yes"), time.monotonic()
        after = browser.get("/api/v1/session", headers={"Cookie": cookie})

    assert (before.status_code, ended.returncode, after.status_code) == (200, 0, 401)
    assert time.monotonic() - began < 1


def test_a_second_organisation_is_made_administered_and_suspended(xdr, stack):
    name = f"Branch {uuid4().hex[:6]}"
    made = rows(xdr("organisation", "create", name, "-o", "json"))
    wanted = ["--name", "Admin", "--role", "super_admin", "-o", "json"]
    invitation = rows(xdr("user", "invite", "admin@branch.test", *wanted, "--organisation", name))

    ours, theirs = [
        {one["email"] for one in rows(xdr("user", "list", "-o", "json", *more))}
        for more in ([], ["--organisation", made["id"]])
    ]
    suspended = xdr("organisation", "suspend", made["id"], "--yes")
    form = {"token": invitation["link_token"], "password": PASSWORD, "again": PASSWORD}
    refused = httpx.post(f"{stack.web_url}/welcome", data=form)

    assert theirs == {"admin@branch.test"}
    assert "admin@branch.test" not in ours
    assert suspended.returncode == 0
    assert refused.status_code == 422
    assert xdr("user", "list", "--organisation", "no such").returncode == 3


def test_organisations_are_out_of_reach_from_elsewhere(xdr, stack, invited, tmp_path):
    email, token = invited("super_admin")
    with httpx.Client(base_url=stack.web_url) as client:
        form = {"token": token, "password": PASSWORD, "again": PASSWORD}
        step = {"Cookie": client.post("/welcome", data=form).headers["set-cookie"].partition(";")[0]}
        page = client.get("/sign-in/step", headers=step).text
        secret = page.partition('id="secret">')[2].partition("<")[0].replace(" ", "")
        client.post("/sign-in/step/enrolment", data={"code": pyotp.TOTP(secret).now()}, headers=step)
        entered = client.post("/api/v1/auth/sign-in", json={"email": email, "password": PASSWORD}).json()
        # The code of enrolment is spent; the next one counts within the accepted window.
        proof = {"token": entered["token"], "code": pyotp.TOTP(secret).at(time.time() + 30)}
        tokens = client.post("/api/v1/auth/second-factor", json=proof).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}

        answers = [
            client.get("/api/v1/organisations", headers=bearer),
            client.post("/api/v1/organisations", json={"name": "x"}, headers=bearer),
            client.get("/api/v1/users", headers=bearer | {"X-XDR-Organisation": "Main"}),
        ]

    assert [answer.status_code for answer in answers] == [403, 403, 200]


def test_the_node_is_administered_while_the_api_is_down(xdr, stack):
    stack.children["web"].terminate()
    stack.children.pop("web").wait(timeout=60)
    try:
        assert xdr("user", "list").returncode == 0
        assert xdr("policy", "show").returncode == 0
    finally:
        stack.start("web")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{stack.web_url}/health/live", timeout=2)
                break
            except httpx.TransportError:
                time.sleep(0.2)


def test_keys_are_rotated_and_a_list_of_passwords_is_imported(xdr, stack, tmp_path):
    (tmp_path / "list.txt").write_text("correct horse\n" + "A" * 40 + ":7\n")

    assert xdr("signing-key", "rotate").returncode == 0
    assert "active" in xdr("signing-key", "list").stdout
    assert "not configured" in xdr("password-list", "show").stderr
    assert xdr("password-list", "import", str(tmp_path / "list.txt")).returncode == 0
    assert "2 breached" in xdr("password-list", "show").stderr


def test_who_would_sign_a_review_must_be_a_person(xdr):
    review = rows(xdr("review", "open", "-o", "json"))
    emails = [item["email"] for item in review["items"]]

    decided = xdr("review", "decide", review["id"], *emails, "--keep")
    closed = xdr("review", "close", review["id"], "--yes")

    assert decided.returncode == 0, decided.stderr
    assert closed.returncode == 4
    assert "person" in closed.stderr
