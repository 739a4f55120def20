"""Who may write: real engines, real threads, real processes, real clocks."""

import concurrent.futures
import multiprocessing
import os
import signal
import threading
import time

import pytest
import sqlalchemy as sa

from tests import worlds
from watcher import exception
from watcher.db import (
    action_plans,
    actions,
    audits,
    history,
    leases,
    models,
    operations,
    outbox,
)
from watcher.domain.records import Claim


@pytest.fixture
def world(database_url):
    made = worlds.World(database_url)
    yield made
    made.close()


def together(work):
    """Run the functions of ``work`` at the same moment; return what each returned"""
    gate = threading.Barrier(len(work))

    def run(one):
        gate.wait()
        return one()

    with concurrent.futures.ThreadPoolExecutor(len(work)) as pool:
        return [future.result() for future in [pool.submit(run, one) for one in work]]


def test_of_many_threads_one_gets_the_audit(world):
    claims = [world.lease() for _ in range(8)]
    for _ in range(5):
        audit = world.audit()
        won = together(
            [
                lambda c=claim, a=audit: world.db.write(audits.claim, a.uuid, c, "h1")
                for claim in claims
            ]
        )
        winners = [record for record in won if record is not None]
        assert len(winners) == 1
        stored = world.db.read(audits.get, audit.uuid)
        assert (stored.state, stored.hostname) == ("ONGOING", "h1")
        assert stored.owner == winners[0].owner


def _claim_all(url, owner, uuids, ready, go, found):
    world = worlds.World(url, create=False)
    epoch = world.db.write(leases.acquire, owner, service="a", host=owner, ttl_s=20)
    ready.release()
    go.wait()
    claim = Claim(owner, epoch)
    won = [u for u in uuids if world.db.write(action_plans.claim, u, claim, owner)]
    found.put((owner, won))
    world.close()


def test_of_two_processes_one_gets_each_plan(world):
    uuids = [world.plan(state="PENDING", actions=1).uuid for _ in range(20)]
    context = multiprocessing.get_context("spawn")
    ready, go, found = context.Semaphore(0), context.Event(), context.Queue()
    children = [
        context.Process(
            target=_claim_all, args=(world.url, name, uuids, ready, go, found)
        )
        for name in ("one", "two")
    ]
    for child in children:
        child.start()
    for _ in children:
        assert ready.acquire(timeout=60)
    go.set()
    won = dict(found.get(timeout=60) for _ in children)
    for child in children:
        child.join(30)
    assert sorted(won["one"] + won["two"]) == sorted(uuids)
    for owner, mine in won.items():
        for uuid in mine:
            assert world.db.read(action_plans.get, uuid).owner == owner


def _hold(url, uuid, ready):
    world = worlds.World(url, create=False)
    epoch = world.db.write(leases.acquire, "doomed", service="a", host="x", ttl_s=1.5)
    world.db.write(action_plans.claim, uuid, Claim("doomed", epoch), "x")
    # Killed in the middle of a transaction that has locked the row.
    tx = world.db.engine.connect()
    tx.execute(
        sa.update(models.ActionPlan)
        .where(models.ActionPlan.uuid == uuid)
        .values(status_message="half done")
    )
    ready.put(epoch)
    time.sleep(600)


def test_the_plan_of_a_killed_process_is_taken_over_when_its_lease_ends(world):
    plan = world.plan(state="PENDING")
    mine = world.lease()
    context = multiprocessing.get_context("spawn")
    ready = context.Queue()
    child = context.Process(target=_hold, args=(world.url, plan.uuid, ready))
    child.start()
    dead = Claim("doomed", ready.get(timeout=60))
    os.kill(child.pid, signal.SIGKILL)
    child.join(30)

    taken = None
    end = time.monotonic() + 15
    while taken is None and time.monotonic() < end:
        if plan.uuid in world.db.read(action_plans.claimable):
            assert not world.db.read(leases.alive, dead)
            taken = world.db.write(action_plans.claim, plan.uuid, mine, "h2")
        time.sleep(0.1)

    assert taken is not None
    assert (taken.state, taken.owner, taken.hostname) == ("ONGOING", mine.owner, "h2")
    assert taken.status_message is None
    reasons = [
        one.reason for one in world.db.read(history.of, "action_plan", plan.uuid)
    ]
    assert reasons[-1] == f"taken over by {mine.owner} from doomed"
    with pytest.raises(exception.LeaseLost):
        world.db.write(action_plans.step, plan.uuid, "ONGOING", "SUCCEEDED", claim=dead)


def test_a_lease_that_ran_out_writes_nothing_although_nobody_took_over(world):
    claim = world.lease(ttl_s=0.8)
    audit = world.audit()
    plan = world.plan(state="PENDING")
    assert world.db.write(audits.claim, audit.uuid, claim, "h1")
    assert world.db.write(action_plans.claim, plan.uuid, claim, "h1")
    action = world.db.read(actions.of_plan, plan.uuid)[0]
    world.db.write(actions.step, action.uuid, "PENDING", "ONGOING", claim=claim)

    time.sleep(1.0)

    assert not world.db.write(leases.renew, claim, 20)
    with pytest.raises(exception.LeaseLost):
        world.db.write(audits.step, audit.uuid, "ONGOING", "SUCCEEDED", claim=claim)
    with pytest.raises(exception.LeaseLost):
        world.db.write(actions.step, action.uuid, "ONGOING", "SUCCEEDED", claim=claim)
    with pytest.raises(exception.LeaseLost):
        world.db.write(audits.update, audit.uuid, claim=claim, scope=[])
    with pytest.raises(exception.LeaseLost):
        world.db.write(
            operations.begin,
            action_uuid=action.uuid,
            plan_uuid=plan.uuid,
            claim=claim,
            kind="live-migration",
            request_id="req-1",
        )
    assert world.db.write(audits.claim, world.audit().uuid, claim, "h1") is None
    assert world.db.read(audits.get, audit.uuid).state == "ONGOING"


def test_the_clock_of_this_host_does_not_matter(world, monkeypatch):
    # A host whose clock is ten minutes ahead believes that every lease is over.
    ahead = models.utcnow().replace(microsecond=0)
    monkeypatch.setattr(models, "utcnow", lambda: ahead.replace(year=ahead.year + 1))
    monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)
    claim = world.lease()
    assert world.db.read(leases.alive, claim)
    assert world.db.write(leases.renew, claim, 20)


def test_a_lease_is_judged_when_the_statement_runs_not_when_the_transaction_began(
    world,
):
    claim = world.lease(ttl_s=0.6)
    audit = world.audit()
    world.db.write(audits.claim, audit.uuid, claim, "h1")

    def slow(tx):
        assert leases.alive(tx, claim)
        time.sleep(0.9)
        audits.step(tx, audit.uuid, "ONGOING", "SUCCEEDED", claim=claim)

    with pytest.raises(exception.LeaseLost):
        world.db.write(slow)


def test_epochs_are_never_given_twice(world):
    seen = []
    for _ in range(5):
        claim = world.lease("same")
        seen.append(claim.epoch)
        world.db.write(leases.release, claim)
    assert seen == sorted(set(seen))


def test_a_cancel_and_a_finish_at_once_one_of_them_wins(world):
    for _ in range(6):
        claim = world.lease()
        plan = world.plan(state="PENDING", actions=1)
        world.db.write(action_plans.claim, plan.uuid, claim, "h1")

        def step(new, plan=plan, **more):
            try:
                world.db.write(action_plans.step, plan.uuid, "ONGOING", new, **more)
                return new
            except exception.StateChanged:
                return None

        won = together(
            [
                lambda c=claim, s=step: s("SUCCEEDED", claim=c),
                lambda s=step: s("CANCELLING"),
            ]
        )
        assert sum(state is not None for state in won) == 1
        winner = next(state for state in won if state)
        assert world.db.read(action_plans.get, plan.uuid).state == winner


def test_a_start_and_a_cancel_at_once_never_leave_a_running_plan_cancelled(world):
    for _ in range(6):
        claim = world.lease()
        plan = world.plan(state="PENDING", actions=5)

        def cancel(plan=plan):
            try:
                return world.db.write(action_plans.cancel, plan.uuid, "PENDING")
            except exception.StateChanged:
                return None

        started, cancelled = together(
            [
                lambda c=claim, p=plan: world.db.write(
                    action_plans.claim, p.uuid, c, "h"
                ),
                cancel,
            ]
        )
        assert (started is None) != (cancelled is None)
        states = {one.state for one in world.db.read(actions.of_plan, plan.uuid)}
        assert states == ({"PENDING"} if started else {"CANCELLED"})


def test_two_emitters_never_take_the_same_item(world):
    def fill(tx):
        for number in range(60):
            outbox.add(tx, "audit.create", "INFO", {"number": number})

    world.db.write(fill)
    claims = [world.lease() for _ in range(3)]

    def drain(claim):
        mine = []
        while items := world.db.write(outbox.take, claim, 7):
            mine += [item.payload["number"] for item in items]
            world.db.write(outbox.done, [item.id for item in items])
        return mine

    taken = together([lambda c=claim: drain(c) for claim in claims])
    # One that found only locked rows stops early; the next tick of its emitter goes on.
    rest = drain(claims[0])
    assert sorted([n for mine in taken for n in mine] + rest) == list(range(60))


def test_items_of_a_dead_emitter_come_back(world):
    world.db.write(outbox.add, "audit.create", "INFO", {"a": 1}, {"user": "x"})
    dead, mine = world.lease(ttl_s=0.5), world.lease()
    assert len(world.db.write(outbox.take, dead)) == 1
    assert world.db.write(outbox.take, mine) == []
    time.sleep(0.7)
    (item,) = world.db.write(outbox.take, mine)
    assert (item.payload, item.context, item.attempts) == ({"a": 1}, {"user": "x"}, 0)
    assert world.db.write(outbox.take, dead) == []


def test_operations_begin_side_by_side_and_a_taker_waits(world):
    plan = world.plan(state="PENDING", actions=4)
    claim = world.lease()
    world.db.write(action_plans.claim, plan.uuid, claim, "h1")
    steps = world.db.read(actions.of_plan, plan.uuid)
    begun = together(
        [
            lambda a=action: world.db.write(
                operations.begin,
                action_uuid=a.uuid,
                plan_uuid=plan.uuid,
                claim=claim,
                kind="live-migration",
                request_id=f"req-{a.uuid}",
                detail={"target": "b"},
            )
            for action in steps
        ]
    )
    assert len({one.id for one in begun}) == 4
    first = begun[0]
    sent = world.db.write(operations.sent, first.id, "remote", {"more": 1})
    assert sent.remote_id == "remote" and sent.sent_at is not None
    assert sent.detail == {"target": "b", "more": 1}
    ended = world.db.write(operations.finish, first.id, "succeeded")
    again = world.db.write(operations.finish, first.id, "failed")
    assert ended.outcome == again.outcome == "succeeded"
    assert again.ended_at == ended.ended_at is not None
    assert world.db.read(operations.of_action, first.action_uuid) == [again]
