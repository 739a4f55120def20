"""Slots: limits that hold whoever takes what, when, and whoever dies."""

import multiprocessing
import random
import time
from collections import Counter

import pytest
import sqlalchemy as sa

from tests import worlds
from tests.functional.db.test_claims import together
from watcher import exception
from watcher.db import action_plans, actions, leases, models, slots
from watcher.domain.records import Claim, Place


@pytest.fixture
def world(database_url):
    made = worlds.World(database_url)
    yield made
    made.close()


class Holder:
    """A process with a plan, as far as slots see it"""

    def __init__(self, world, count=4, ttl_s=20.0):
        self.world = world
        self.claim = world.lease(ttl_s=ttl_s)
        self.plan = world.plan(state="PENDING", actions=count).uuid
        world.db.write(action_plans.claim, self.plan, self.claim, "h")
        self.actions = [row.uuid for row in world.db.read(actions.of_plan, self.plan)]

    def take(self, wanted, **more):
        return self.world.db.write(slots.take, self.plan, self.claim, wanted, **more)

    def free(self, *some):
        self.world.db.write(slots.free, self.plan, self.claim, some)

    def step(self, uuid, old, new):
        self.world.db.write(actions.step, uuid, old, new)


def numbers(world, kind, resource):
    found = world.db.read(slots.of, {(kind, resource)})
    return sorted(slot.number for slot in found)


OUT = Place("moves_out", "a", 2)
IN = Place("moves_in", "b", 2)


def test_all_or_nothing_and_nobody_in_the_way_of_others(world):
    holder = Holder(world)
    one, two, three, four = holder.actions
    other = Place("moves_in", "c", 1)
    refused = holder.take(
        {one: [OUT, other], two: [OUT, other], three: [OUT], four: [IN]}
    )
    # The second got nothing at all, so that the third finds room.
    assert refused == {two: other}
    assert numbers(world, "moves_out", "a") == [0, 1]
    assert numbers(world, "moves_in", "b") == [0]
    holder.free(one)
    assert holder.take({two: [OUT, other]}) == {}
    assert numbers(world, "moves_out", "a") == [0, 1]
    # Taken once more is taken once.
    assert holder.take({two: [OUT, other]}) == {}
    assert numbers(world, "moves_out", "a") == [0, 1]


def test_h8_limits_hold_across_plans(world):
    """actions.md H8: limits were per plan, so several plans could overload one host"""
    holders = [Holder(world) for _ in range(3)]
    got = [h.take({h.actions[0]: [OUT], h.actions[1]: [OUT]}) for h in holders]
    assert [len(refused) for refused in got] == [0, 2, 2]
    assert got[1][holders[1].actions[0]] == OUT


def test_h9_a_server_is_worked_on_by_one_action_at_a_time(world):
    """actions.md H9: any two plans could act on the same server"""
    one, two = Holder(world), Holder(world)
    server = Place("object", "5e70a156", 1)
    assert one.take({one.actions[0]: [server]}) == {}
    assert two.take({two.actions[0]: [server]}) == {two.actions[0]: server}
    one.free(one.actions[0])
    assert two.take({two.actions[0]: [server]}) == {}


def test_of_many_threads_as_many_get_one_as_there_are(world):
    holders = [Holder(world, 1) for _ in range(8)]
    places = [Place("moves_out", f"n{n}", 2) for n in range(5)]
    for _ in range(4):
        done = together([lambda h=h: h.take({h.actions[0]: places}) for h in holders])
        assert sorted(len(refused) for refused in done) == [0, 0] + [1] * 6
        for holder in holders:
            holder.free(holder.actions[0])


def test_a_lower_limit_counts_what_others_took_under_a_higher_one(world):
    one, two = Holder(world), Holder(world)
    wide = Place("moves_out", "a", 3)
    assert not one.take({uuid: [wide] for uuid in one.actions[:3]})
    one.free(one.actions[0])
    assert two.take({two.actions[0]: [OUT]}) == {two.actions[0]: OUT}
    one.free(one.actions[1])
    assert two.take({two.actions[0]: [OUT]}) == {}


def test_what_runs_already_is_counted_even_where_there_is_no_room(world):
    one, two = Holder(world), Holder(world)
    assert not one.take({uuid: [OUT] for uuid in one.actions[:2]})
    running = {two.actions[0]: [OUT]}
    assert two.take(running, whatever_the_limit=True) == {}
    assert numbers(world, "moves_out", "a") == [0, 1, 2]
    one.free(one.actions[0])
    assert one.take({one.actions[2]: [OUT]}) == {one.actions[2]: OUT}


def test_without_a_limit_it_is_counted(world):
    holder = Holder(world)
    some = Place("moves_out", "a")
    assert not holder.take({uuid: [some] for uuid in holder.actions})
    assert numbers(world, "moves_out", "a") == [0, 1, 2, 3]


def test_who_lost_the_plan_takes_and_frees_nothing(world):
    dead = Holder(world)
    begun, waiting = dead.actions[:2]
    assert not dead.take({begun: [OUT], waiting: [OUT]})
    dead.step(begun, "PENDING", "ONGOING")
    world.expire(dead.claim)
    with pytest.raises(exception.LeaseLost):
        dead.take({dead.actions[2]: [IN]})
    # Its migration may still run: everything of it counts until somebody has looked.
    other = Holder(world)
    assert other.take({other.actions[0]: [OUT]}) == {other.actions[0]: OUT}

    heir = world.lease()
    world.db.write(action_plans.claim, dead.plan, heir, "h")
    assert other.take({other.actions[0]: [OUT]}) == {other.actions[0]: OUT}
    world.db.write(slots.adopt, dead.plan, heir)
    # What had not begun gives its slot back, what may run keeps it.
    assert [slot.action_uuid for slot in world.db.read(slots.of_plan, dead.plan)] == [
        begun
    ]
    dead.free(begun)
    assert numbers(world, "moves_out", "a") == [0]
    assert other.take({other.actions[0]: [OUT], other.actions[1]: [OUT]}) == {
        other.actions[1]: OUT
    }
    world.db.write(slots.free, dead.plan, heir, [begun])
    assert not other.take({other.actions[1]: [OUT]})


def test_a_plan_keeps_what_is_its_own_as_a_whole(world):
    holder = Holder(world)
    host = Place("host", "a", 1)
    assert not holder.take({None: [host], holder.actions[0]: [OUT]})
    world.db.write(slots.adopt, holder.plan, holder.claim)
    assert [slot.kind for slot in world.db.read(slots.of_plan, holder.plan)] == ["host"]
    assert [slot.plan_uuid for slot in world.db.read(slots.of_kind, "host")] == [
        holder.plan
    ]
    holder.free(None)
    assert world.db.read(slots.of_plan, holder.plan) == []


def test_what_ended_without_a_word_is_swept_up(world):
    ended, going = Holder(world), Holder(world)
    for holder in (ended, going):
        assert not holder.take(
            {None: [], **{uuid: [Place("x", uuid)] for uuid in holder.actions}}
        )
    going.step(going.actions[0], "PENDING", "ONGOING")
    going.step(going.actions[1], "PENDING", "SKIPPED")
    assert world.db.write(slots.sweep) == 1
    # Not by a step, which gives them back: an API of another release ended the plan.
    table = models.ActionPlan.__table__
    failed = sa.update(table).where(table.c.uuid == ended.plan).values(state="FAILED")
    world.db.write(lambda tx: tx.execute(failed))
    assert world.db.write(slots.sweep) == 4
    left = {slot.action_uuid for slot in world.db.read(slots.of_plan, going.plan)}
    assert left == set(going.actions) - {going.actions[1]}
    world.db.write(slots.free_plan, going.plan)
    assert world.db.read(slots.of_plan, going.plan) == []


NAMES = ("a", "A", "ä", "Ä", "a ", "", "x" * 300, "x" * 301, "\U0001f600", "h@B#p")


def test_names_are_told_apart_on_every_engine(world):
    holder = Holder(world, 1)
    (action,) = holder.actions
    assert not holder.take({action: [Place("moves_in", name, 1) for name in NAMES]})
    found = world.db.read(slots.of_plan, holder.plan)
    assert len({slot.resource for slot in found}) == len(NAMES)
    assert {len(slot.resource) <= 191 for slot in found} == {True}


def test_many_actions_cost_few_statements(world):
    holder = Holder(world, 300)
    wanted = {
        uuid: [Place("object", uuid, 1), Place("moves_out", f"n{n}", 2), IN]
        for n, uuid in enumerate(holder.actions)
    }
    with world.statements() as seen:
        refused = holder.take(wanted)
    assert len(refused) == 298
    assert len([one for one in seen if "slots" in one or "action_plans" in one]) <= 4


# Two processes that race and die ------------------------------------------------------


PLACES = [(kind, f"n{n}") for kind in ("moves_out", "moves_in") for n in range(6)]


def _rush(url, name, gates, wrong):
    """Take and free without a pause; whoever sees more taken than there is tells"""
    ready, go, stop = gates
    chance = random.Random(name)
    world = worlds.World(url, create=False)
    epoch = world.db.write(leases.acquire, name, service="a", host="h", ttl_s=600)
    claim = Claim(name, epoch)
    plans = world.db.read(action_plans.claimable)
    mine = next(u for u in plans if world.db.write(action_plans.claim, u, claim, "h"))
    names = [row.uuid for row in world.db.read(actions.of_plan, mine)]
    held, seen = set(), []
    ready.release()
    go.wait()
    while not stop.is_set() and not seen:
        wanted = {
            uuid: [Place(*key, 2) for key in chance.sample(PLACES, 2)]
            for uuid in chance.sample(names, 4)
            if uuid not in held
        }
        refused = world.db.write(slots.take, mine, claim, wanted)
        held |= wanted.keys() - refused.keys()
        count = Counter(
            (slot.kind, slot.resource) for slot in world.db.read(slots.of, set(PLACES))
        )
        seen = [key for key, number in count.items() if number > 2]
        ended = chance.sample(sorted(held), len(held) // 2)
        world.db.write(slots.free, mine, claim, ended)
        held -= set(ended)
    wrong.put((name, seen))
    world.close()


def test_processes_that_race_never_exceed_a_limit_and_the_dead_count(world):
    for _ in range(3):
        world.plan(state="PENDING", actions=12)
    context = multiprocessing.get_context("spawn")
    gates = context.Semaphore(0), context.Event(), context.Event()
    ready, go, stop = gates
    wrong = context.Queue()
    racers = [
        context.Process(target=_rush, args=(world.url, name, gates, wrong))
        for name in ("one", "two", "doomed")
    ]
    for racer in racers:
        racer.start()
    for _ in racers:
        assert ready.acquire(timeout=60)
    go.set()
    time.sleep(2.0)
    racers[-1].kill()
    racers[-1].join(30)
    time.sleep(1.0)
    stop.set()
    assert dict(wrong.get(timeout=60) for _ in racers[:-1]) == {"one": [], "two": []}
    for racer in racers:
        racer.join(30)
    owners = world.db.read(lambda tx: set(tx.scalars(sa.select(models.Slot.owner))))
    assert "doomed" in owners
