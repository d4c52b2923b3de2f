"""Whatever single thing is changed in an export, a verifier that knows the key and a checkpoint notices."""

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.audit.verifier.checkpoints import parsed
from appliance.audit.verifier.export import NotAnExport, verify
from appliance.audit.verifier.hashing import fingerprint
from tests.factories.trails import KEY, Mark, honest, raw

STREAM = honest()
EXPORT = STREAM.export()
PIN = fingerprint(raw(KEY))
LAST = [one for one in STREAM.lines if isinstance(one, Mark)][-1]
LINES = EXPORT.split(b"\n")[:-1]


def is_found_wrong(export: bytes) -> bool:

    try:
        return not verify(io.BytesIO(export), pin=PIN, expected=[parsed(LAST.kept())], thorough=True).ok
    except NotAnExport:
        return True


def test_untouched_it_is_intact():
    assert not is_found_wrong(EXPORT)


@settings(deadline=None, max_examples=200)
@given(st.integers(len(LINES[0]) + 1, len(EXPORT) - len(LINES[-1]) - 2), st.integers(1, 255))
def test_a_changed_byte_is_noticed(place, by):
    # The header is the exporter's word and vouches for nothing; what it says is checked against the rest.
    changed = bytearray(EXPORT)
    changed[place] = (changed[place] + by) % 256

    assert is_found_wrong(bytes(changed))


@settings(deadline=None, max_examples=100)
@given(st.integers(1, len(LINES) - 3))
def test_a_missing_line_is_noticed(place):
    # But for the last checkpoint, whose absence changes nothing: the one that was kept says the same.
    assert is_found_wrong(b"\n".join([*LINES[:place], *LINES[place + 1 :], b""]))


@settings(deadline=None, max_examples=100)
@given(st.integers(1, len(LINES) - 2), st.integers(1, len(LINES) - 2))
def test_a_line_told_twice_is_noticed(place, to):
    assert is_found_wrong(b"\n".join([*LINES[:to], LINES[place], *LINES[to:], b""]))


@settings(deadline=None, max_examples=100)
@given(st.permutations(range(1, len(LINES) - 1)))
def test_another_order_is_noticed(order):
    is_same = list(order) == list(range(1, len(LINES) - 1))

    assert is_found_wrong(b"\n".join([LINES[0], *(LINES[n] for n in order), LINES[-1], b""])) != is_same
