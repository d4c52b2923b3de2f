"""
The Merkle tree against a naive one, written from RFC 6962's definitions without looking at ours.

The vectors of the test of eight leaves are those of the reference implementation of certificate transparency,
computed here a second time by the naive tree.
"""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.audit.verifier import merkle
from appliance.audit.verifier.hashing import leaf_hash

SIZES = st.integers(min_value=1, max_value=300)


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of section 2.1, from entries."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if m < split:
        return [*naive_path(m, leaves[:split]), naive_root(leaves[split:])]
    return [*naive_path(m - split, leaves[split:]), naive_root(leaves[:split])]


def naive_proof(m: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of section 2.1.2."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if m <= split:
        return [*naive_proof(m, leaves[:split], whole=whole), naive_root(leaves[split:])]
    return [*naive_proof(m - split, leaves[split:], whole=False), naive_root(leaves[:split])]


def entries(size: int) -> list[bytes]:
    return [b"entry %d" % n for n in range(size)]


def hashes(size: int) -> list[bytes]:
    return [leaf_hash(one) for one in entries(size)]


def range_root(leaves: list[bytes], low: int, high: int) -> bytes:
    """As the database does it: from perfect subtrees."""
    parts = merkle.perfect_parts(low, high)
    return merkle.bagged([merkle.root_of(leaves[p << level : (p + 1) << level]) for level, p in parts])


REFERENCE = [bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]  # fmt: skip
REFERENCE_ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize(("size", "root"), REFERENCE_ROOTS.items())
def test_the_roots_are_those_of_certificate_transparency(size, root):
    assert naive_root(REFERENCE[:size]).hex() == root
    assert merkle.root_of([leaf_hash(one) for one in REFERENCE[:size]]).hex() == root


@given(SIZES)
def test_the_root_is_the_naive_one(size):
    assert merkle.root_of(hashes(size)) == naive_root(entries(size))


@given(SIZES, st.data())
def test_an_inclusion_proof_is_the_naive_one_and_holds(size, data):
    index = data.draw(st.integers(0, size - 1))
    leaves = hashes(size)

    proof = [range_root(leaves, *one) for one in merkle.inclusion_ranges(index, size)]

    root = naive_root(entries(size))
    assert proof == naive_path(index, entries(size))
    assert merkle.is_included(leaves[index], index, size, proof, root)


@given(SIZES, st.data())
def test_an_inclusion_proof_holds_for_nothing_else(size, data):
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    leaves, root = hashes(size), naive_root(entries(size))
    proof = [range_root(leaves, *one) for one in merkle.inclusion_ranges(index, size)]
    broken = data.draw(st.integers(0, max(0, len(proof) - 1)))
    forged = [bytes(32) if n == broken else one for n, one in enumerate(proof)]

    assert not merkle.is_included(leaf_hash(b"another"), index, size, proof, root)
    assert other == index or not merkle.is_included(leaves[index], other, size, proof, root)
    assert not proof or not merkle.is_included(leaves[index], index, size, forged, root)
    assert not merkle.is_included(leaves[index], index, size, [*proof, bytes(32)], root)
    assert not proof or not merkle.is_included(leaves[index], index, size, proof[:-1], root)


@given(SIZES, st.data())
def test_a_consistency_proof_is_the_naive_one_and_holds(size, data):
    old = data.draw(st.integers(1, size))
    leaves = hashes(size)

    proof = [range_root(leaves, *one) for one in merkle.consistency_ranges(old, size)]

    roots = naive_root(entries(old)), naive_root(entries(size))
    assert proof == naive_proof(old, entries(size))
    assert merkle.is_consistent(old, roots[0], size, roots[1], proof)


@given(SIZES, st.data())
def test_a_tree_that_was_changed_is_not_consistent_with_what_it_was(size, data):
    old = data.draw(st.integers(1, size))
    changed = entries(size)
    changed[data.draw(st.integers(0, old - 1))] = b"rewritten"

    proof = naive_proof(old, changed)

    assert not merkle.is_consistent(old, naive_root(entries(old)), size, naive_root(changed), proof)


@given(st.integers(0, 300), st.integers(0, 50))
def test_a_tree_taken_up_from_its_peaks_grows_as_if_it_had_been_whole(size, more):
    whole = merkle.Peaks()
    for leaf in hashes(size):
        whole.append(leaf)
    taken_up = merkle.Peaks(size, whole.hashes)

    for leaf in hashes(size + more)[size:]:
        taken_up.append(leaf)

    assert taken_up.root() == naive_root(entries(size + more))


@given(st.integers(1, 600))
def test_each_completed_subtree_is_told_once_with_its_root(size):
    tree, told = merkle.Peaks(), {}
    for leaf in hashes(size):
        for level, place, value in tree.append(leaf):
            assert (level, place) not in told
            told[level, place] = value

    expected = {(level, place) for level in range(1, 10) for place in range(size >> level)}
    assert set(told) == expected
    level, place = max(told, default=(0, 0))
    if level:
        assert told[level, place] == merkle.root_of(hashes(size)[place << level : (place + 1) << level])


def test_peaks_that_do_not_fit_the_size_are_refused():
    with pytest.raises(ValueError, match="2 peaks"):
        merkle.Peaks(3, [bytes(32)])
