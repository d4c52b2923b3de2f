"""The password policy asks for length and for words of one's own (NIST SP 800-63B-4)."""

import pytest

from appliance.identity import passwords
from appliance.identity.errors import PasswordTooWeak

EMAIL = "margarethe.mueller@example.test"


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short but fine",
        "x" * 257,
        "aaaaaaaaaaaaaaaaaaaa",
        "passwordpasswordpassword",
        "Administrator-Mini-XDR",
        "qwertz qwerty password",
        "margarethe.mueller1234",
        "MARGARETHE.MUELLERpasswort",
    ],
)
async def test_what_is_easily_guessed_is_refused(password):
    with pytest.raises(PasswordTooWeak):
        await passwords.check_policy(password, words=[EMAIL])


@pytest.mark.parametrize(
    "password",
    [
        "seven green boats",
        "öööö blaue boote!",
        "only lower case words",
        "x9!kW" * 2 + "vmzqrt",
        "船が七つ緑の橋の下を静かに通る朝",
    ],
)
async def test_length_is_enough_without_rules_about_symbols(password):
    await passwords.check_policy(password, words=[EMAIL])


async def test_eight_characters_are_enough_beside_a_second_factor_and_many_are_allowed():
    await passwords.check_policy("vK9#tz2q", words=[EMAIL], has_second_factor=True)
    await passwords.check_policy("seven green boats under a bridge, " * 3, words=[EMAIL])

    with pytest.raises(PasswordTooWeak, match="15 to 256"):
        await passwords.check_policy("vK9#tz2q", words=[EMAIL])
    with pytest.raises(PasswordTooWeak, match="8 to 256"):
        await passwords.check_policy("vK9#tz2", words=[EMAIL], has_second_factor=True)
    for common in ("password", "qwertz12", "mueller1"):
        with pytest.raises(PasswordTooWeak, match="common"):
            await passwords.check_policy(common, words=[EMAIL], has_second_factor=True)


async def test_no_character_of_a_long_password_is_left_out():
    long = "seven green boats under a bridge, " * 3

    known = await passwords.hashed(long)

    assert await passwords.verified(known, long)
    assert not await passwords.verified(known, long[:-1])


async def test_a_hash_is_argon2id_and_never_twice_the_same():
    one, two = [await passwords.hashed("seven green boats") for _ in range(2)]

    assert one != two
    assert one.startswith("$argon2id$")


async def test_the_same_characters_composed_differently_are_the_same_password():
    known = await passwords.hashed("caf\u00e9 under the bridge")

    assert await passwords.verified(known, "cafe\u0301 under the bridge")
    assert not await passwords.verified(known, "cafe under the bridge")


async def test_nothing_is_the_password_of_nobody():
    for tried in ("", "nobody has this password"):
        assert not await passwords.verified("", tried)
