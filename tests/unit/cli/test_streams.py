"""Standard input cut into batches."""

import pytest

from appliance.cli.failures import CommandFailure
from appliance.cli.reading import chained, stream_pieces


def reader(*answers: bytes | None):
    """What each read brings; afterwards the stream has ended."""
    left = list(answers)

    def read(_seconds: float) -> bytes | None:
        return left.pop(0) if left else b""

    return read


def bodies(*answers: bytes | None) -> list[bytes]:
    return [piece.body for piece in stream_pieces(reader(*answers))]


def test_a_short_stream_is_one_batch():
    assert bodies(b"one\n", b"two\n") == [b"one\ntwo\n"]


def test_a_last_line_without_its_end_is_kept():
    assert bodies(b"one\ntwo") == [b"one\ntwo"]


def test_large_streams_are_cut_at_lines():
    line = b"x" * 999 + b"\n"

    found = bodies(*([line * 300] * 20))

    assert b"".join(found) == line * 6_000
    assert all(one.endswith(b"\n") for one in found)
    assert max(map(len, found)) <= 2 * 1_048_576


def test_offsets_say_where_a_batch_began():
    pieces = list(stream_pieces(reader(*([b"x" * 999 + b"\n"] * 3_000))))

    assert [piece.offset for piece in pieces] == [
        sum(len(before.body) for before in pieces[:place]) for place in range(len(pieces))
    ]


@pytest.mark.parametrize("head", [b"[", b"  \n[", b"ElfFile\x00"])
def test_documents_stay_whole(head):
    content = head + b"\n{}\n" * 1_000_000

    assert [len(one) for one in bodies(content[:1_048_576], content[1_048_576:])] == [len(content)]


def test_evtx_is_named():
    assert next(stream_pieces(reader(b"ElfFile\x00rest"))).form == "evtx"


@pytest.mark.parametrize("head", [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"])
def test_packed_streams_are_refused_with_the_way_out(head):
    with pytest.raises(CommandFailure, match="compressed") as caught:
        bodies(head + b"rest")

    assert "zcat" in caught.value.next_step


def test_an_empty_stream_is_nothing():
    assert bodies() == []


def test_the_same_stream_has_the_same_ids():
    assert chained(chained("", b"a"), b"b") == chained(chained("", b"a"), b"b")


def test_equal_batches_of_one_stream_are_different():
    first = chained("", b"tick\n")

    assert chained(first, b"tick\n") != first
