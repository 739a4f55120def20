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


@pytest.mark.parametrize("interval", ["60", "*/5 * * * *"])
def test_nothing_runs_before_its_start_and_a_match_at_the_start_counts(interval):
    start = after(1800)
    assert schedule.first(interval, NOON, start) == start
    late = start + datetime.timedelta(seconds=0.5)
    expected = late if interval == "60" else after(2100)
    assert schedule.first(interval, NOON, late) == expected


def test_a_start_that_has_passed_does_not_count():
    assert schedule.first("60", NOON, after(-60)) == NOON
    assert schedule.first("@hourly", NOON, after(-60)) == after(3600)


@pytest.mark.parametrize(
    ("interval", "failures", "moment"),
    [
        ("60", 1, 60),
        ("60", 2, 120),
        ("60", 3, 240),
        ("60", 7, 3600),
        ("60", 1000, 3600),
        ("86400", 9, 86400),  # never longer than the longer of interval and limit
        ("2400", 2, 2400),
        ("*/5 * * * *", 1, 300),
        ("*/5 * * * *", 2, 600),
        ("*/5 * * * *", 30, 3600),
        ("0 0 * * *", 5, 43200),
    ],
)
def test_c1_the_wait_doubles_with_each_failure_up_to_a_limit(
    interval, failures, moment
):
    """audits.md C1: back-off; runs are left out, and stay in their rhythm"""
    planned = schedule.following(interval, NOON, after(2))
    assert schedule.retry(interval, planned, after(2), failures) == after(moment)


def test_a_failed_run_longer_than_the_interval_is_not_repeated_at_once():
    assert schedule.retry("60", after(60), after(150), 1) == after(180)


def test_c10_the_rhythm_survives_days_without_anybody():
    """audits.md C10: total seconds, so that 7 hours keep their phase over days"""
    gone = NOON + datetime.timedelta(days=9, hours=1)
    assert schedule.following("25200", NOON, gone) == NOON + 32 * datetime.timedelta(
        hours=7
    )


def test_what_waits_for_a_plan_keeps_its_rhythm():
    due = schedule.preceding("60", after(60), after(12))
    assert due <= after(12) and schedule.following("60", due, after(22)) == after(60)
    assert schedule.preceding("@hourly", after(3600), after(12)) == after(12)


@pytest.mark.parametrize("interval", ["0 0 31 2 *", "* * * * * * 2020"])
def test_what_never_comes_true_is_told_apart(interval):
    with pytest.raises(schedule.NoMoment):
        schedule.first(interval, NOON)


@pytest.mark.parametrize(
    "interval", ["every day", "", "*/0 * * * *", "9" * 36, "61 * * * *", "* * * *"]
)
def test_c4_nonsense_is_a_value_error_with_a_sentence(interval):
    """audits.md C4: whatever a library would raise"""
    with pytest.raises(ValueError, match="."):
        schedule.following(interval, NOON, after(60))


@pytest.mark.parametrize(
    ("interval", "chance"),
    [
        ("R R * * *", True),
        ("0 r(1-5) * * *", True),
        ("H/2 * * * *", True),
        ("0 12 * MAR THU", False),
        ("0 0 * * FRI", False),
        ("@hourly", False),
    ],
)
def test_moments_drawn_by_lot_are_recognised(interval, chance):
    assert schedule.is_chance(interval) is chance
