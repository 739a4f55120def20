"""How far a plan is, and when it may end."""

import datetime

import pytest

from watcher.domain.progress import Share, action_end, expected_end, percent

START = datetime.datetime(2026, 3, 1, 10)
GIB = 2.0**30


def after(seconds):
    return START + datetime.timedelta(seconds=seconds)


def share(state, count, kind="migrate", **more):
    return Share(action_type=kind, state=state, count=count, **more)


def test_without_sizes_actions_count():
    shares = [
        share("SUCCEEDED", 1),
        share("ONGOING", 1, moved=0.5),
        share("PENDING", 2),
    ]
    assert percent(shares) == 37.5
    assert percent([]) is None
    assert percent([share("SUCCEEDED", 2), share("SKIPPED", 1)]) == 100


def test_what_was_cancelled_is_not_done():
    assert percent([share("SUCCEEDED", 1), share("CANCELLED", 3)]) == 25


def test_a_large_move_counts_more_than_a_small_one():
    # 1 GiB is there, of 3 GiB a third is copied, one is of unknown size: 2 GiB, the mean.
    shares = [
        share("SUCCEEDED", 1, measured=1, size=GIB),
        share("ONGOING", 1, measured=1, size=3 * GIB, done=GIB),
        share("PENDING", 1),
    ]
    assert percent(shares) == round(100 * 2 / 6, 1)


def test_types_count_by_their_actions_however_much_is_moved():
    shares = [
        share("SUCCEEDED", 1, "change_nova_service_state"),
        share("PENDING", 1, measured=1, size=100 * GIB),
    ]
    assert percent(shares) == 50


def test_it_ends_at_the_rate_seen():
    shares = [share("SUCCEEDED", 10), share("PENDING", 30)]
    assert expected_end(shares, START, after(60)) == after(240)
    running = [share("ONGOING", 2, moved=0.5), share("PENDING", 2)]
    assert expected_end(running, START, after(10)) == after(80)


@pytest.mark.parametrize(
    "shares",
    [
        [],
        [share("PENDING", 3)],
        [share("SKIPPED", 3), share("PENDING", 3)],
        # Of moves nothing has been seen yet: disabling a host says nothing about them.
        [share("SUCCEEDED", 1, "change_nova_service_state"), share("PENDING", 40)],
        [share("SUCCEEDED", 3)],
    ],
)
def test_no_end_is_made_up(shares):
    assert expected_end(shares, START, after(60)) is None
    assert (
        expected_end([share("SUCCEEDED", 1), share("PENDING", 1)], None, START) is None
    )


def test_skipping_tells_nothing_of_the_rate():
    shares = [share("SKIPPED", 100), share("SUCCEEDED", 1), share("PENDING", 1)]
    assert expected_end(shares, START, after(10)) == after(20)


def test_an_action_ends_by_what_it_did_so_far():
    assert action_end(START, after(30), 25.0, after(31)) == after(120)
    # It takes longer than it seemed: any moment now.
    assert action_end(START, after(30), 50.0, after(90)) == after(90)
    for part in (None, 0.0, 100.0):
        assert action_end(START, after(30), part, after(31)) is None
    assert action_end(None, after(30), 50.0, after(31)) is None
    assert action_end(START, START, 50.0, after(31)) is None
