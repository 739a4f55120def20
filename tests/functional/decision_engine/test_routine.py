"""Continuous audits while their engines are killed: no run twice, none left out for long.

Each run leaves a claim in history and an explanation beside its plan; both are read in the
order of time. A claim of a run that a dead engine left says so.
"""

import collections
import datetime
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


def read(tx, until):
    """{audit: [(moment, BEGIN or END, text)]} up to ``until``, as it happened

    The two tables are not read at the same moment (READ COMMITTED): of a run that began
    and ended between the readings the end alone would be seen. Up to a moment before both
    nothing is missing that something later in the list depends on.
    """
    history, why = models.History.__table__, models.Explanation.__table__
    found = collections.defaultdict(list)
    claims = sa.select(history).where(
        history.c.resource == "audit",
        history.c.reason.like("%claimed by%"),
        history.c.at <= until,
    )
    for row in tx.execute(claims):
        found[row.uuid].append((row.at, BEGIN, row.reason))
    for row in tx.execute(sa.select(why).where(why.c.created_at <= until)):
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


def around(events):
    """Yield what happened just before and after each wrong step"""
    for number in range(1, len(events) + 1):
        if doubled(events[:number]) > doubled(events[: number - 1]):
            yield "..."
            yield from events[max(0, number - 6) : number + 4]


def gaps(events, until):
    """Seconds between the ends of two runs, and how many engines died under the second

    The end of the test counts like that of a run.
    """
    last, deaths = None, 0
    for moment, kind, text in [*events, (until, END, "")]:
        deaths += "left by" in text
        if kind == END:
            if last is not None:
                yield (moment - last).total_seconds(), deaths
            last, deaths = moment, 0


def take_overs(events):
    """Seconds from the claim of a run by an engine that died to that by another one"""
    for (before, _, _), (moment, _, text) in itertools.pairwise(events):
        if "left by" in text:
            yield (moment - before).total_seconds()


def wait_for_first_runs(db, wanted):
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        found = db.read(read, models.utcnow())
        if all(END in {kind for _, kind, _ in found.get(u, ())} for u in wanted):
            return
        time.sleep(0.5)
    raise AssertionError("not every audit ran")


def wait_until_busy(db, host):
    """Wait a little until an engine has an audit in its hands"""
    table = models.Audit.__table__
    mine = sa.select(table.c.id).where(
        table.c.owner.is_not(None), table.c.hostname == host
    )
    end = time.monotonic() + INTERVAL_S
    while time.monotonic() < end and not db.read(lambda tx: tx.scalar(mine)):
        time.sleep(0.01)


def trial(db, engines, *, count, seconds, every, victims=("one", "two")):
    """Let ``count`` audits run that long, an engine being killed every so often"""
    names = itertools.cycle(victims)
    engines.start("one")
    engines.start("two")
    made = [db.write(create, number) for number in range(count)]
    wait_for_first_runs(db, made)
    begun, kills = time.monotonic(), 0
    while (left := begun + seconds - time.monotonic()) > 0:
        time.sleep(min(every, left))
        if time.monotonic() < begun + seconds - TAKE_OVER_S + 1:
            victim = next(names)
            wait_until_busy(db, victim)
            engines.kill(victim)
            engines.start(victim)
            kills += 1
    until = models.utcnow()
    found = db.read(read, until)
    runs = sum(kind == END for events in found.values() for _, kind, _ in events)
    overlap = sum(doubled(found[ident]) for ident in made)
    taken = [late for ident in made for late in take_overs(found[ident])]
    waits = [gap for ident in made for gap in gaps(found[ident], until)]
    longest = max(waits)
    print(
        f"{count} audits every {INTERVAL_S} s, {seconds} s, {kills} kills: {runs} runs, "
        f"doubled {overlap}; {len(taken)} taken over, at most {max(taken, default=0):.1f} "
        f"s after their claim; longest time without a run {longest[0]:.1f} s, in which "
        f"{longest[1]} engines died under it"
    )
    assert kills and runs
    assert overlap == 0, "\n".join(str(e) for i in made for e in around(found[i]))
    assert max(taken, default=0) <= TAKE_OVER_S
    for gap, deaths in waits:
        assert gap <= TAKE_OVER_S * max(1, deaths) + INTERVAL_S
    for ident in made:
        audit = db.read(audits.get, ident)
        assert (audit.state, audit.failures) == (states.ONGOING, 0), audit


def test_what_the_trial_would_see():
    zero = datetime.datetime(2026, 1, 1)

    def at(seconds):
        return zero + datetime.timedelta(seconds=seconds)

    story = [
        (at(0), BEGIN, "claimed by a"),
        (at(1), END, "p"),
        (at(2), BEGIN, "run of 2 UTC claimed by a"),
        (at(20), BEGIN, "run of 2 UTC claimed by b, left by a"),
        (at(21), END, "q"),
    ]
    assert list(gaps(story, at(23))) == [(20, 1), (2, 0)]
    assert list(take_overs(story)) == [18]
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
@pytest.mark.parametrize("victims", [("two",), ("one", "two")], ids=["same", "turns"])
def test_engines_killed_for_three_minutes_neither_double_nor_lose_a_run(
    db, engines, victims
):
    """An engine every 20 s; 50 audits with 2 s intervals

    When engines are killed in turn, a run may be taken over by the one that dies next.
    """
    trial(db, engines, count=50, seconds=180 + TAKE_OVER_S, every=20, victims=victims)
