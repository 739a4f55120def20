"""When continuous audits run."""

import datetime

import pytest

from watcher.domain import schedule

NOON = datetime.datetime(2026, 3, 1, 12, 0, 0)


def after(seconds):
    return NOON + datetime.timedelta(seconds=seconds)


def test_seconds_run_at_once_and_then_in_their_rhythm():
    assert schedule.first("60", NOON) == NOON
    assert schedule.following("60", NOON, after(0.4)) == after(60)


def test_the_rhythm_does_not_drift_with_late_runs():
    assert schedule.following("60", NOON, after(7)) == after(60)


def test_missed_runs_become_one():
    assert schedule.following("60", NOON, after(3601)) == after(3660)


def test_a_run_that_ends_on_the_beat_is_not_repeated():
    assert schedule.following("60", NOON, after(60)) == after(120)


def test_an_audit_run_ahead_of_time_counts_from_then():
    assert schedule.following("60", after(500), NOON) == after(60)
    assert schedule.following("60", None, NOON) == after(60)


@pytest.mark.parametrize("interval", ["0", "-5", "+1"])
def test_nonsense_of_old_rows_does_not_run_more_than_once_a_second(interval):
    assert schedule.following(interval, NOON, NOON) == after(1)


@pytest.mark.parametrize(
    ("interval", "moment"),
    [
        ("*/5 * * * *", after(300)),
        ("30 13 * * *", after(90 * 60)),
        ("* * * * * */10", after(10)),  # a sixth field is seconds
        ("@hourly", after(3600)),
        ("0 0 13 * 1", datetime.datetime(2026, 3, 2)),  # day of month or Monday
    ],
)
def test_cron_waits_for_its_match_in_utc(interval, moment):
    assert schedule.first(interval, NOON) == moment
    assert schedule.following(interval, None, NOON) == moment
