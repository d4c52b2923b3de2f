"""Access tokens: only ours, only now, only for a session that lives; and no valid one refused on rotation."""

import asyncio
import base64
import json
import time
from datetime import timedelta
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from appliance.composition import open_services
from appliance.foundation.actors import appliance
from appliance.foundation.database import platform_transaction, transaction
from appliance.identity import signing_keys
from appliance.identity.access_tokens import AccessTokens, Claim
from appliance.identity.errors import SessionEnded, TokenRefused
from tests.factories.people import PASSWORD, somewhere


@pytest.fixture
async def program(gate, crowd, organisation):
    member = await crowd.member(organisation)
    return await gate.sign_in(member.email, PASSWORD, kind="api", **somewhere())


@pytest.fixture
async def token(access_tokens, program):
    made, _ = await access_tokens.issue(Claim(program.org_id, program.session_id, program.user_id))
    return made


async def test_a_token_speaks_for_its_session(admission, token, program, organisation):
    actor, scope, _ = await admission.of_access_token(token, address="192.0.2.1")

    assert (actor.id, actor.session_id, scope) == (program.user_id, program.session_id, organisation)
    assert actor.address == "192.0.2.1"


async def test_a_token_carries_no_permission_and_is_of_its_own_type(token):
    header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})

    assert (header["alg"], header["typ"]) == ("EdDSA", "at+jwt")
    assert set(claims) == {"iss", "aud", "sub", "sid", "org", "iat", "nbf", "exp"}
    assert claims["exp"] - claims["iat"] == 600


async def test_a_token_is_over_after_ten_minutes(admission, token, clock):
    clock.advance(minutes=10, seconds=31)

    with pytest.raises(TokenRefused, match="expired"):
        await admission.of_access_token(token, address="")


def forged(token, *, key=None, header=None, drop=(), **claims):
    """The token with other contents, signed by somebody else's key."""
    said = jwt.decode(token, options={"verify_signature": False}) | claims
    said = {name: value for name, value in said.items() if name not in drop}
    head = {"typ": "at+jwt", "kid": jwt.get_unverified_header(token)["kid"]} | (header or {})
    return jwt.encode(said, key or Ed25519PrivateKey.generate(), algorithm="EdDSA", headers=head)


def unsigned(token):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    said = jwt.decode(token, options={"verify_signature": False})
    return f"{part({'alg': 'none', 'typ': 'at+jwt'})}.{part(said)}."


def by_public_key_as_secret(token, public):
    said = jwt.decode(token, options={"verify_signature": False})
    head = {"typ": "at+jwt", "kid": jwt.get_unverified_header(token)["kid"]}
    return jwt.encode(said, public.hex(), algorithm="HS256", headers=head)


async def test_every_way_to_forge_a_token_is_refused(admission, access_tokens, token, database, sealer):
    own = Ed25519PrivateKey.generate()
    raw = own.public_key().public_bytes_raw()
    jwk = signing_keys.PublicKey(uuid4(), "active", raw).jwk()
    public = next(key for key in await access_tokens.public_keys() if key.state == "active")
    async with platform_transaction(database) as session:
        _, real = await signing_keys.active(session, sealer)
    altered = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")

    forgeries = {
        "another key": forged(token),
        "its own key in the header": forged(token, key=own, header={"jwk": jwk, "jku": "https://evil.test"}),
        "unknown kid": forged(token, header={"kid": str(uuid4())}),
        "no signature": unsigned(token),
        "public key as HMAC secret": by_public_key_as_secret(token, public.key),
        "altered": altered,
        "another audience": forged(token, key=real, aud="other"),
        "another issuer": forged(token, key=real, iss="https://evil.test"),
        "another type": forged(token, key=real, header={"typ": "JWT"}),
        "no end": forged(token, key=real, drop=("exp",)),
        "no session": forged(token, key=real, drop=("sid",)),
        "a session that is no id": forged(token, key=real, sid="1 OR 1=1"),
        "empty": "",
        "not a token": "a.b.c",
    }
    accepted = []
    for name, forgery in forgeries.items():
        try:
            await admission.of_access_token(forgery, address="")
        except TokenRefused:
            continue
        accepted.append(name)

    assert accepted == []
    assert await admission.of_access_token(token, address="")


async def test_a_key_that_came_a_moment_after_the_last_look_is_known(
    admission, access_tokens, program, database, sealer, clock
):
    """Two rotations in a row: the second key is one that the verifier has not read."""
    elsewhere = AccessTokens(database, sealer, clock, "https://xdr.test")
    claim = Claim(program.org_id, program.session_id, program.user_id)
    for _ in range(3):
        made, _ = await elsewhere.issue(claim)
        await admission.of_access_token(made, address="")
        for _ in range(2):
            async with platform_transaction(database) as session:
                await signing_keys.rotate(session, sealer, clock)
        elsewhere = AccessTokens(database, sealer, clock, "https://xdr.test")

    made, _ = await elsewhere.issue(claim)
    assert await admission.of_access_token(made, address="")


async def test_invented_keys_make_it_look_once_a_second_at_the_most(access_tokens, token, monkeypatch):
    reads = []
    published = signing_keys.published

    async def counted(session):
        reads.append(session)
        return await published(session)

    monkeypatch.setattr(signing_keys, "published", counted)
    await access_tokens.verify(token)
    invented = [forged(token, header={"kid": str(uuid4())}) for _ in range(40)]

    began = time.monotonic()
    said = await asyncio.gather(*(access_tokens.verify(one) for one in invented), return_exceptions=True)

    assert all(isinstance(one, TokenRefused) for one in said)
    assert len(reads) <= 2 + (time.monotonic() - began)


async def test_a_token_ends_with_its_session_at_once(
    admission, token, program, database, sealer, organisation
):
    async with open_services(database, organisation, sealer) as services:
        await services.sessions.end(program.session_id, by=appliance("tests"))

    with pytest.raises(SessionEnded):
        await admission.of_access_token(token, address="")


async def test_a_token_of_another_organisation_finds_no_session(
    admission, access_tokens, program, other_organisation
):
    crossed, _ = await access_tokens.issue(
        Claim(other_organisation.org_id, program.session_id, program.user_id)
    )

    with pytest.raises(SessionEnded):
        await admission.of_access_token(crossed, address="")


async def test_rotation_under_load_refuses_no_valid_token(
    database, sealer, clock, settings, admission, program
):
    """Three nodes issue and verify each other's tokens while keys are rotated ten times."""
    nodes = [AccessTokens(database, sealer, clock, "https://xdr.test") for _ in range(3)]
    claim = Claim(program.org_id, program.session_id, program.user_id)
    stop, refused, verified = asyncio.Event(), [], 0

    async def load(issuer, verifier):
        nonlocal verified
        while not stop.is_set():
            made, _ = await issuer.issue(claim)
            try:
                assert await verifier.verify(made) == claim
                verified += 1
            except TokenRefused as error:
                refused.append(str(error))
            await asyncio.sleep(0)

    workers = [asyncio.create_task(load(a, b)) for a in nodes for b in nodes]
    for _ in range(10):
        async with platform_transaction(database) as session:
            await signing_keys.rotate(session, sealer, clock)
        await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*workers)

    assert refused == []
    assert verified > 100


async def test_a_retired_key_is_published_while_its_tokens_live_and_then_goes(
    database, sealer, clock, access_tokens, token
):
    kid = jwt.get_unverified_header(token)["kid"]

    async def rotate():
        async with platform_transaction(database) as session:
            await signing_keys.rotate(session, sealer, clock)
        return {key.kid: key.state for key in await access_tokens.public_keys()}

    soon = await rotate()
    clock.advance(minutes=20)
    late = await rotate()

    assert soon[kid] == "retired"
    assert kid not in late
    assert sorted(late.values()).count("active") == 1
    assert "next" in late.values()


async def test_of_rotations_at_once_one_key_is_active(database, sealer, clock):
    async def rotate():
        async with platform_transaction(database) as session:
            return await signing_keys.rotate(session, sealer, clock)

    await asyncio.gather(*(rotate() for _ in range(5)))

    async with platform_transaction(database) as session:
        states = list((await session.execute(text("SELECT state FROM signing_keys"))).scalars())
    assert states.count("active") == 1
    assert states.count("next") == 1


async def test_private_halves_are_sealed_and_the_application_cannot_change_keys(
    database, sealer, access_tokens, token, organisation
):
    async with platform_transaction(database) as session:
        _, key = await signing_keys.active(session, sealer)
        stored = list((await session.execute(text("SELECT private_key FROM signing_keys"))).scalars())
    assert all(key.private_bytes_raw() not in one for one in stored)

    with pytest.raises(Exception, match="permission denied"):
        async with transaction(database, organisation) as session:
            await session.execute(text("DELETE FROM signing_keys"))


def test_overlap_is_longer_than_a_token_lives():
    assert signing_keys.TOKEN_LIFE + timedelta(minutes=1) < signing_keys._OVERLAP
