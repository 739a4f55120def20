"""Continuous audits while their engines are killed: no run twice, none left out for long.

Each run leaves a claim in history and an explanation beside its plan; both are read in the
order of time. A claim of a run that a dead engine left says so.
"""

import collections
import itertools
import time
import uuid

import pytest
import sqlalchemy as sa

from tests.functional.decision_engine.test_kill import (
    START_S,
    TAKE_OVER_S,
    Engines,
    prepared,
)
from watcher.db import audits, goals, models, strategies
from watcher.domain import states

INTERVAL_S = 2
BEGIN, END = "begin", "end"


@pytest.fixture
def db(mysql_url):
    made = prepared(mysql_url)
    yield made
    made.dispose()


@pytest.fixture
def engines(db, mysql_url, rabbit_url, tmp_path):
    made = Engines(mysql_url, tmp_path, rabbit_url)
    yield made
    made.stop()


def create(tx, number):
    return audits.create(
        tx,
        uuid=str(uuid.uuid4()),
        name=f"audit {number}",
        audit_type=states.CONTINUOUS,
        interval=str(INTERVAL_S),
        goal_id=goals.get(tx, "dummy").id,
        strategy_id=strategies.get(tx, "dummy").id,
    ).uuid


def read(tx):
    """{audit: [(moment, BEGIN or END, text)]}, as it happened"""
    history, why = models.History.__table__, models.Explanation.__table__
    found = collections.defaultdict(list)
    claims = sa.select(history).where(
        history.c.resource == "audit", history.c.reason.like("%claimed by%")
    )
    for row in tx.execute(claims):
        found[row.uuid].append((row.at, BEGIN, row.reason))
    for row in tx.execute(sa.select(why)):
        found[row.audit_uuid].append((row.created_at, END, row.plan_uuid or ""))
    return {ident: sorted(events) for ident, events in found.items()}


def doubled(events):
    """Count runs that overlap another one, end twice, or were given out twice"""
    wrong, is_open, planned = 0, False, set()
    for _moment, kind, text in events:
        if kind == END:
            wrong += not is_open
            is_open = False
            continue
        took_over = "left by" in text
        wrong += is_open and not took_over
        is_open = True
        if text.startswith("run of") and not took_over:
            run = text.split(" UTC")[0]
            wrong += run in planned
            planned.add(run)
    return wrong


def longest_gap_s(events, until):
    """Seconds between the ends of two runs at most, the end of the test included"""
    ends = [moment for moment, kind, _ in events if kind == END] + [until]
    pairs = itertools.pairwise(ends)
    return max((later - before).total_seconds() for before, later in pairs)


def wait_for_first_runs(db, wanted):
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        found = db.read(read)
        if all(END in {kind for _, kind, _ in found.get(u, ())} for u in wanted):
            return
        time.sleep(0.5)
    raise AssertionError("not every audit ran")


def trial(db, engines, *, count, seconds, every):
    """Let ``count`` audits run that long, an engine being killed every so often"""
    names = itertools.cycle(["one", "two"])
    engines.start("one")
    engines.start("two")
    made = [db.write(create, number) for number in range(count)]
    wait_for_first_runs(db, made)
    begun, kills = time.monotonic(), 0
    while (left := begun + seconds - time.monotonic()) > 0:
        time.sleep(min(every, left))
        if time.monotonic() < begun + seconds - TAKE_OVER_S + 1:
            victim = next(names)
            engines.kill(victim)
            engines.start(victim)
            kills += 1
    until = models.utcnow()
    found = db.read(read)
    runs = sum(kind == END for events in found.values() for _, kind, _ in events)
    overlap = sum(doubled(found[ident]) for ident in made)
    gap = max(longest_gap_s(found[ident], until) for ident in made)
    taken = sum("left by" in text for events in found.values() for _, _, text in events)
    print(
        f"{count} audits every {INTERVAL_S} s, {seconds} s, {kills} kills: {runs} runs, "
        f"{taken} taken over, doubled {overlap}, longest gap {gap:.1f} s"
    )
    assert kills and runs
    assert overlap == 0
    assert gap <= TAKE_OVER_S + INTERVAL_S
    for ident in made:
        audit = db.read(audits.get, ident)
        assert (audit.state, audit.failures) == (states.ONGOING, 0), audit


def test_what_the_trial_would_see():
    run = [(1, BEGIN, "claimed by a"), (2, END, "p1")]
    assert doubled(run) == 0
    assert doubled([*run, (3, END, "p2")]) == 1
    assert doubled([(1, BEGIN, "claimed by a"), (2, BEGIN, "claimed by b")]) == 1
    left = [
        (1, BEGIN, "claimed by a"),
        (2, BEGIN, "run of 1 UTC claimed by b, left by a"),
    ]
    assert doubled(left) == 0
    twice = [(1, BEGIN, "run of 1 UTC claimed by a"), (2, END, "p")]
    assert (
        doubled([*twice, (3, BEGIN, "run of 1 UTC claimed by b"), (4, END, "q")]) == 1
    )


@pytest.mark.mysql
@pytest.mark.rabbit
@pytest.mark.timeout(600)
def test_a_killed_engine_costs_continuous_audits_the_time_of_its_lease(db, engines):
    trial(db, engines, count=10, seconds=TAKE_OVER_S + 12, every=6)


@pytest.mark.acceptance
@pytest.mark.mysql
@pytest.mark.rabbit
@pytest.mark.timeout(1200)
def test_engines_killed_for_three_minutes_neither_double_nor_lose_a_run(db, engines):
    """An engine every 20 s, 50 audits with 2 s intervals"""
    trial(db, engines, count=50, seconds=180 + TAKE_OVER_S, every=20)
