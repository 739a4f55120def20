"""Tickers, waiting and what counts as an outage."""

import logging
import threading
import time

import pytest

from watcher import exception, parts
from watcher.parts import Backoff, Ticker, wait_for


class OperationalError(Exception):
    """Named like the errors of database drivers"""


def _until(check, seconds=5):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def started():
    running = []

    def start(*args, **kwargs):
        ticker = Ticker(*args, **kwargs)
        running.append(ticker)
        ticker.start()
        return ticker

    yield start
    for ticker in running:
        ticker.stop(time.monotonic() + 1)


def test_ticker_runs_at_start_periodically_and_when_woken(started):
    calls = []
    ticker = started("scan", 3600, lambda: calls.append(1))
    _until(lambda: len(calls) == 1)
    ticker.wake()
    _until(lambda: len(calls) == 2)
    often = []
    started("often", 0.01, lambda: often.append(1), at_start=False)
    _until(lambda: len(often) >= 3)


def test_wakes_during_a_round_make_exactly_one_more(started):
    enter, leave, calls = threading.Event(), threading.Event(), []

    def slow():
        calls.append(1)
        enter.set()
        leave.wait(5)

    ticker = started("scan", 3600, slow)
    assert enter.wait(5)
    for _ in range(5):
        ticker.wake()
    leave.set()
    _until(lambda: len(calls) == 2)
    time.sleep(0.05)
    assert len(calls) == 2


def test_errors_never_end_a_ticker_and_are_told_after_three_in_a_row(started, caplog):
    broken = [True]

    def work():
        if broken[0]:
            raise OperationalError("gone away\n[SQL: SELECT 1]")

    ticker = started("scan", 0.005, work)
    _until(lambda: ticker.failures >= 3)
    assert ticker.ready() == "scan: OperationalError: gone away"
    broken[0] = False
    _until(lambda: ticker.failures == 0)
    assert ticker.ready() is None
    lines = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(lines) == 1 and lines[0].exc_info is None


def test_a_mistake_of_ours_is_logged_with_its_traceback(started, caplog):
    ticker = started("scan", 3600, lambda: {}["missing"])
    _until(lambda: caplog.records)
    assert ticker.failures == 1
    [line] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert line.exc_info[0] is KeyError


def test_period_is_read_again_before_every_round(started):
    seconds, calls = [3600.0], []
    ticker = started("scan", lambda: seconds[0], lambda: calls.append(1))
    _until(lambda: calls)
    seconds[0] = 0.01
    ticker.wake()
    _until(lambda: len(calls) > 4)


def test_stop_leaves_a_hanging_round_behind():
    hang = threading.Event()
    ticker = Ticker("hangs", 1, hang.wait)
    ticker.start()
    _until(lambda: ticker.rounds == 1)
    before = time.monotonic()
    ticker.stop(before + 0.1)
    assert time.monotonic() - before < 1
    hang.set()


def test_wait_for_logs_each_reason_once_and_returns_the_result(caplog):
    caplog.set_level(logging.INFO)
    answers = [OperationalError("a"), OperationalError("a"), OperationalError("b"), 7]
    told = []

    def ask():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    result = wait_for(
        "the database", ask, threading.Event(), told=told.append,
        backoff=Backoff(0.001, 0.001),
    )  # fmt: skip
    assert result == 7 and told[-1] is None
    assert [r.getMessage() for r in caplog.records] == [
        "Still waiting for the database: OperationalError: a",
        "Still waiting for the database: OperationalError: b",
        "the database is there",
    ]
    assert all(record.exc_info is None for record in caplog.records)


def test_wait_for_raises_what_waiting_cannot_mend():
    def ask():
        raise exception.SchemaMismatch(found="a", wanted="b")

    with pytest.raises(exception.SchemaMismatch):
        wait_for("the database", ask, threading.Event())


def test_wait_for_ends_when_told_to():
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()

    def ask():
        raise ConnectionRefusedError

    before = time.monotonic()
    assert wait_for("it", ask, stop) is None
    assert time.monotonic() - before < 3


def test_backoff_doubles_up_to_its_limit():
    backoff = Backoff(1, 4)
    waits = [backoff.next() for _ in range(5)]
    for wait_s, most in zip(waits, [1, 2, 4, 4, 4], strict=True):
        assert 0.8 * most <= wait_s <= most


def test_a_stop_without_a_limit_waits_for_the_round():
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        go_on.wait(5)

    ticker = Ticker("works", 1, work)
    ticker.start()
    assert begun.wait(5)
    threading.Timer(0.1, go_on.set).start()
    ticker.stop(float("inf"))
    assert go_on.is_set() and not ticker.running


def test_a_goodbye_takes_neither_no_time_nor_all_of_it(monkeypatch):
    monkeypatch.setattr(parts, "GOODBYE_S", 0.2)
    monkeypatch.setattr(parts, "LEAST_GOODBYE_S", 0.1)
    heard = []
    assert parts.goodbye("p", lambda: heard.append(1), time.monotonic() - 9)
    assert heard
    silence = threading.Event()
    before = time.monotonic()
    assert not parts.goodbye("p", silence.wait, float("inf"))
    assert 0.1 < time.monotonic() - before < 2
    silence.set()


def test_no_deadline_can_be_waited_for():
    assert parts.left(float("inf")) == threading.TIMEOUT_MAX
    assert parts.left(float("-inf")) == 0
