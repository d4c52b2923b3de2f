"""OpenID Connect: a whole sign-in with a real provider, and every token that should get nobody in."""

import time
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from appliance.identity.federation_schemas import GroupRole, OidcConfig, ProviderChange
from appliance.web.authentication import COOKIE
from tests.factories.oidc import CLIENT, ROLES, SECRET, Scripted, provider_process
from tests.integration.federation.conftest import ADMIN, opened, provider

pytestmark = pytest.mark.peer


@pytest.fixture
def scripted():
    made = Scripted()
    yield made
    made.close()


@pytest.fixture
async def oidc(context, organisation, scripted):
    return await provider(context, organisation, scripted.config(), SECRET)


class Visitor:
    def __init__(self, client, made, scripted):
        self.client, self.made, self.scripted, self.query = client, made, scripted, {}

    async def start(self):
        answer = await self.client.get(f"/sso/{self.made.id}?next=/rules")
        assert answer.status_code == 303, answer.text
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        self.query = {name: values[0] for name, values in query.items()}
        self.scripted.challenge = self.query["code_challenge"]

    async def bring(self, **query):
        wanted = {"code": "c", "state": self.query["state"]} | query
        return await self.client.get(f"/sso/{self.made.id}/callback", params=wanted)

    async def sign_in(self, *, header=None, token=None, **claims):
        await self.start()
        said = self.scripted.claims(self.query["nonce"]) | claims
        said = {name: value for name, value in said.items() if value is not None}
        self.scripted.token = token(said) if token else self.scripted.signed(said, **(header or {}))
        return await self.bring()


@pytest.fixture
def visitor(browser, oidc, scripted):
    return lambda: Visitor(browser(), oidc, scripted)


async def test_a_whole_sign_in_with_a_real_provider(browser, context, organisation, tmp_path):
    claims = {"sub": "user-7", "email": "grace@example.test", "name": "Grace", "groups": ["analysts"]}
    with provider_process(tmp_path, claims) as url:
        async with httpx.AsyncClient() as other:
            told = (await other.get(f"{url}/.well-known/openid-configuration")).json()
            config = OidcConfig(
                issuer=told["issuer"], client_id=CLIENT, token_endpoint=told["token_endpoint"],
                authorization_endpoint=told["authorization_endpoint"], jwks_uri=told["jwks_uri"],
                group_roles=ROLES,
            )  # fmt: skip
            made = await provider(context, organisation, config, SECRET)
            client = browser()
            asked = await client.get(f"/sso/{made.id}?next=/rules")
            back = await other.post(asked.headers["location"], data={"sub": "user-7"})
        query = urlsplit(back.headers["location"]).query

        answer = await client.get(f"/sso/{made.id}/callback?{query}")

    told = (await client.get("/api/v1/session")).json()
    assert (answer.status_code, told["user"]["email"]) == (200, "grace@example.test")
    assert (told["user"]["name"], told["roles"]) == ("Grace", ["soc_analyst"])


async def test_a_right_token_gets_in_with_secret_and_verifier(visitor, scripted):
    one = visitor()

    answer = await one.sign_in()

    (seen,) = scripted.seen
    assert answer.status_code == 200
    assert COOKIE in one.client.cookies
    assert one.query["code_challenge_method"] == "S256"
    assert seen["code_verifier"] not in str(one.query)
    assert seen["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.test"}, {"iss": None}, {"aud": "other"}, {"aud": None}, {"aud": [CLIENT, "other"]},
        {"azp": "other"}, {"nonce": "x"}, {"nonce": None}, {"exp": int(time.time()) - 600}, {"exp": None},
        {"iat": int(time.time()) - 7200}, {"iat": None}, {"iat": int(time.time()) + 7200}, {"sub": None},
        {"sub": ""}, {"sub": "x" * 300}, {"sub": "a\x00b"}, {"nbf": int(time.time()) + 7200},
    ],
)  # fmt: skip
async def test_a_token_that_does_not_hold_is_refused(visitor, claims):
    one = visitor()

    answer = await one.sign_in(**claims)

    assert answer.status_code == 401
    assert COOKIE not in one.client.cookies


def _hmac_with_public_key(scripted, said):
    import base64
    import hmac
    import json
    from hashlib import sha256

    from cryptography.hazmat.primitives import serialization

    public = scripted.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head, body = (
        base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=")
        for one in ({"alg": "HS256", "kid": "one"}, said)
    )
    mac = base64.urlsafe_b64encode(hmac.new(public, head + b"." + body, sha256).digest()).rstrip(b"=")
    return b".".join((head, body, mac)).decode()


def _own_key(scripted, said):
    from tests.factories.oidc import public_key

    headers = {"kid": "evil", "jwk": public_key(scripted.other_key, "evil"), "jku": "http://127.0.0.1:9/k"}
    return jwt.encode(said, scripted.other_key, "RS256", headers=headers)


FORGERIES = {
    "none": lambda by, said: jwt.encode(said, "", algorithm="none"),
    "hmac with the public key": _hmac_with_public_key,
    "another key": lambda by, said: jwt.encode(said, by.other_key, "RS256", headers={"kid": "one"}),
    "an unknown key": lambda by, said: jwt.encode(said, by.other_key, "RS256", headers={"kid": "two"}),
    "a key it brings along": _own_key,
    "another algorithm": lambda by, said: jwt.encode(said, by.key, "RS512", headers={"kid": "one"}),
    "altered": lambda by, said: by.signed(said)[:-6] + "AAAAAA",
    "no token": lambda by, said: "x.y.z",
    "nothing": lambda by, said: None,
    "a critical extension": lambda by, said: by.signed(said, crit=["x"], x=1),
}


@pytest.mark.parametrize("how", FORGERIES)
async def test_a_forged_token_is_refused(visitor, scripted, how):
    one = visitor()

    answer = await one.sign_in(token=lambda said: FORGERIES[how](scripted, said))

    assert answer.status_code == 401
    assert COOKIE not in one.client.cookies


async def test_state_counts_once_and_in_one_browser(visitor, scripted):
    one, thief = visitor(), visitor()
    first = await one.sign_in()
    thief.query = one.query

    again, stolen = await one.bring(), await thief.bring()

    assert (first.status_code, again.status_code, stolen.status_code) == (200, 401, 401)
    assert len(scripted.seen) == 1


@pytest.mark.parametrize(
    "query", [{"state": ""}, {"state": "\x00"}, {"state": "x"}, {"code": ""}, {"error": "access_denied"}]
)
async def test_a_redirect_back_that_lacks_something_is_refused(visitor, query):
    one = visitor()
    await one.start()

    assert (await one.bring(**query)).status_code == 401


async def test_another_providers_answer_is_refused(visitor, scripted):
    one = visitor()
    await one.start()

    answer = await one.bring(iss="https://other.test")

    assert answer.status_code == 401
    assert scripted.seen == []


async def test_a_code_without_its_verifier_is_worth_nothing(visitor, scripted):
    one = visitor()
    await one.start()
    scripted.challenge = "another"

    assert (await one.bring()).status_code == 503


async def test_a_token_endpoint_that_redirects_is_not_followed(visitor, scripted):
    one, elsewhere = visitor(), Scripted()
    await one.start()
    scripted.redirect_to = f"{elsewhere.url}/token"

    answer = await one.bring()
    elsewhere.close()

    assert (answer.status_code, elsewhere.seen) == (503, [])


async def test_two_factors_are_believed_only_in_agreed_words(visitor, context, organisation, oidc, scripted):
    weak = await visitor().sign_in(groups=["admins"], amr=["pwd", "mfa"])
    agreed = scripted.config(mfa_contexts=["mfa"])
    async with opened(context, organisation) as services:
        await services.providers.change(oidc.id, ProviderChange(config=agreed), by=ADMIN)

    strong = await visitor().sign_in(groups=["admins"], amr=["pwd", "mfa"])
    single = await visitor().sign_in(groups=["admins"], amr=["pwd"])

    assert "/sign-in/step" in weak.text
    assert "/sign-in/step" not in strong.text
    assert "/sign-in/step" in single.text


async def test_a_required_context_must_be_there(visitor, context, organisation, oidc, scripted):
    wanted = scripted.config(required_contexts=["urn:high"])
    async with opened(context, organisation) as services:
        await services.providers.change(oidc.id, ProviderChange(config=wanted), by=ADMIN)
    one = visitor()

    refused, right = await one.sign_in(acr="urn:low"), await visitor().sign_in(acr="urn:high")

    assert (refused.status_code, right.status_code) == (401, 200)
    assert one.query["acr_values"] == "urn:high"


async def test_an_address_that_was_not_proved_makes_no_account(visitor):
    answer = await visitor().sign_in(email_verified=False)

    assert answer.status_code == 401


async def test_uploaded_keys_are_enough_without_a_way_to_the_provider(
    visitor, context, organisation, oidc, scripted
):
    import json

    from tests.factories.oidc import public_key

    keys = json.dumps({"keys": [public_key(scripted.key, "one")]})
    air_gapped = scripted.config(jwks=keys, jwks_uri="")
    async with opened(context, organisation) as services:
        await services.providers.change(oidc.id, ProviderChange(config=air_gapped), by=ADMIN)

    assert (await visitor().sign_in()).status_code == 200


def test_a_provider_over_plain_http_elsewhere_is_refused():
    from appliance.foundation.errors import Invalid
    from appliance.integrations.protocols import ProviderProtocols

    config = OidcConfig(
        issuer="http://idp.example.test", client_id="x", authorization_endpoint="https://idp.example.test/a",
        token_endpoint="https://idp.example.test/t", jwks_uri="https://idp.example.test/k",
        group_roles=[GroupRole(group="g", role="soc_analyst")],
    )  # fmt: skip

    with pytest.raises(Invalid, match="https"):
        ProviderProtocols("https://xdr.test").check(config)
