"""Threads that write together; how long a migration is waited for."""

import threading

import pytest

from watcher.applier.actions.deadline import Deadline
from watcher.applier.gather import Gather
from watcher.clients.records import MigrationProgress


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
