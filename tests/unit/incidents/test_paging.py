from datetime import UTC, datetime
from uuid import UUID

import pytest

from appliance.foundation.errors import Invalid
from appliance.incidents.paging import NumberPlace, TimePlace, bounded, cursor_of, place_of

ROW = UUID(int=7)
MOMENT = datetime(2020, 5, 1, 22, 55, 32, 123456, UTC)


def test_a_cursor_says_where_the_page_ended():
    assert place_of(cursor_of(61, ROW), NumberPlace) == NumberPlace(61, ROW)
    assert place_of(cursor_of(MOMENT, ROW), TimePlace) == TimePlace(MOMENT, ROW)


def test_the_first_page_has_no_cursor():
    assert place_of(None, TimePlace) is None


@pytest.mark.parametrize("cursor", ["", "x", "%%%", "äöü", cursor_of(61, ROW), "gqFuAQ"])
def test_a_cursor_of_another_list_is_refused(cursor):
    with pytest.raises(Invalid, match="another list"):
        place_of(cursor, TimePlace)


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_is_never_unbounded(limit):
    with pytest.raises(Invalid):
        bounded(limit)
