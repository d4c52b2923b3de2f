"""Sealed secrets open in their place, with their key, unaltered; and nowhere else."""

from uuid import UUID

import pytest

from appliance.foundation.errors import Invalid
from appliance.foundation.sealing import Sealer

KEY = bytes(range(32))
PLACE = {"table": "sources", "column": "hmac_key", "org_id": UUID(int=1), "row_id": UUID(int=2)}
SECRET = b"what nobody else may know"


@pytest.fixture
def sealed():
    return Sealer(KEY).seal(SECRET, **PLACE)


def test_it_opens_where_it_was_sealed(sealed):
    assert Sealer(KEY).open(sealed, **PLACE) == SECRET
    assert SECRET not in sealed


def test_sealing_twice_shows_nothing_alike(sealed):
    assert Sealer(KEY).seal(SECRET, **PLACE)[3:15] != sealed[3:15]


@pytest.mark.parametrize(
    "moved",
    [{"table": "users"}, {"column": "token"}, {"org_id": UUID(int=3)}, {"row_id": UUID(int=3)}],
    ids=["table", "column", "organisation", "row"],
)
def test_moved_to_another_place_it_does_not_open(sealed, moved):
    with pytest.raises(Invalid):
        Sealer(KEY).open(sealed, **PLACE | moved)


def test_altered_anywhere_it_does_not_open(sealed):
    for place in range(len(sealed)):
        altered = bytearray(sealed)
        altered[place] ^= 1

        with pytest.raises(Invalid):
            Sealer(KEY).open(bytes(altered), **PLACE)


@pytest.mark.parametrize("length", [0, 1, 3, 14, 15, 16, 30])
def test_cut_short_it_does_not_open(sealed, length):
    with pytest.raises(Invalid):
        Sealer(KEY).open(sealed[:length], **PLACE)


def test_another_key_does_not_open_it(sealed):
    for other in (Sealer(KEY[::-1]), Sealer(KEY, key_id=2)):
        with pytest.raises(Invalid):
            other.open(sealed, **PLACE)


def test_no_key_shows_in_its_repr():
    shown = f"{Sealer(KEY)!r} {Sealer(KEY)}"

    assert shown == "Sealer(key_id=1) Sealer(key_id=1)"
    assert not set(vars(Sealer(KEY)).values()) & {KEY, KEY.hex()}
