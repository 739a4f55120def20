"""Threads that write together; how long a migration is waited for."""

import threading

import pytest

from watcher.applier import book as books
from watcher.applier.actions.deadline import Deadline
from watcher.applier.gather import Gather
from watcher.clients.records import MigrationProgress
from watcher.db import action_plans


def test_what_comes_while_one_writes_is_written_at_once():
    batches, first, go = [], threading.Event(), threading.Event()

    def write(items):
        batches.append(list(items))
        first.set()
        go.wait(5)
        return [item * 10 for item in items]

    gather = Gather(write)
    results = {}

    def want(item):
        results[item] = gather(item)

    threads = [threading.Thread(target=want, args=(n,)) for n in range(20)]
    threads[0].start()
    assert first.wait(5)
    for thread in threads[1:]:
        thread.start()
    while len(gather._waiting) < 19:
        threading.Event().wait(0.001)
    go.set()
    for thread in threads:
        thread.join(5)
    assert results == {n: n * 10 for n in range(20)}
    assert batches[0] == [0]
    assert sorted(batches[1]) == list(range(1, 20))
    assert len(batches) == 2


def test_an_error_is_everybodys_and_the_next_one_tries_again():
    def write(items):
        if "bad" in items:
            raise ValueError(items)
        return items

    gather = Gather(write)
    with pytest.raises(ValueError, match="bad"):
        gather("bad")
    assert gather("good") == "good"


def progress(left, total=1000):
    return MigrationProgress(memory_total=total, memory_remaining=left)


def test_a_copy_that_comes_nearer_is_waited_for():
    end = Deadline(100, 20)
    end.start(0)
    assert not end.over(99)
    assert end.over(100)
    end.see(progress(500), 95)
    assert not end.over(114)
    # Sent again and again, but never less than before: it will not end by itself.
    end.see(progress(500), 110)
    end.see(progress(700), 112)
    assert end.over(115)
    end.see(progress(400), 114)
    assert not end.over(133)
    assert end.over(134)


def test_a_copy_that_crawls_is_not():
    end = Deadline(100, 20)
    end.start(0)
    end.see(progress(1000_000, 1000_000), 0)
    for second in range(1, 100):
        end.see(progress(1000_000 - second, 1000_000), second)
    end.see(None, 99)
    assert end.over(100)


def test_an_error_may_be_of_one_alone():
    gather = Gather(lambda items: [ValueError("mine") if i == 1 else i for i in items])
    assert gather(0) == 0
    with pytest.raises(ValueError, match="mine"):
        gather(1)


def test_steps_that_cannot_be_told_of_do_not_keep_others_from_theirs(bench):
    """One thread's notification breaks: the other one's action begins all the same"""
    plan = bench.plan(*(("nop", {"message": "m"}) for _ in range(2)))
    process = bench.process()
    row = bench.db.write(action_plans.claim, plan, process.claim, "h")
    book = books.Book(bench.db, process.tenure, row)
    bad, good = bench.actions(plan)
    tell = bench.phase

    def phase(tx, event_type, record, *, fault=None):
        if record.uuid == bad.uuid:
            raise ValueError("cannot be told")
        tell(tx, event_type, record, fault=fault)

    book._phase = phase
    jobs = [
        books._Job([books.Move(row, "ONGOING", before="action.execution.start")])
        for row in (bad, good)
    ]
    first, second = book._step_jobs(jobs)
    assert isinstance(first, ValueError)
    assert second[0].after.state == "ONGOING"
    assert bench.states(plan) == ["PENDING", "ONGOING"]
