"""Masks of one field among the conjunctions of a group."""

from itertools import product

from appliance.detection.matching.spreading import Spread, bits

POSITIONS = (1, 2, 5, 9, 40, 41, 77, 99)


def test_a_spread_mask_holds_what_the_field_says_and_all_it_says_nothing_of():
    spread = Spread(POSITIONS, 100)
    others = bits(set(range(100)) - set(POSITIONS))

    # More masks than are kept, each asked for twice.
    for held in [*product((0, 1), repeat=len(POSITIONS))] * 2:
        local = bits(place for place, is_held in enumerate(held) if is_held)
        expected = others | bits(p for p, is_held in zip(POSITIONS, held, strict=True) if is_held)

        assert spread.of(local) == expected
