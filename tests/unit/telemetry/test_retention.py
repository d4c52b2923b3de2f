from datetime import date, timedelta

from appliance.foundation.settings import Retention
from appliance.telemetry.retention import StoredDay, days_to_drop

TODAY = date(2026, 5, 20)


def days(*sizes):
    return [StoredDay(TODAY - timedelta(days=len(sizes) - 1 - n), size) for n, size in enumerate(sizes)]


def test_what_is_older_than_the_limit_goes():
    dropped = days_to_drop(
        days(1, 1, 1, 1, 1), TODAY, Retention(events_days=2), used_bytes=5, total_bytes=1000
    )

    assert dropped == [(TODAY - timedelta(days=4), "age"), (TODAY - timedelta(days=3), "age")]


def test_a_full_disk_takes_the_oldest_days_until_it_is_below_the_share():
    dropped = days_to_drop(
        days(30, 30, 30, 5, 5), TODAY, Retention(disk_share_percent=50), used_bytes=100, total_bytes=100
    )

    assert dropped == [(TODAY - timedelta(days=4), "space"), (TODAY - timedelta(days=3), "space")]


def test_today_and_yesterday_never_go():
    dropped = days_to_drop(
        days(50, 50), TODAY, Retention(disk_share_percent=1), used_bytes=100, total_bytes=100
    )

    assert dropped == []
