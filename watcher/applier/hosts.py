"""Hosts that one plan has for itself, from its start to its end.

A plan that opens, closes or switches hosts announces them and then looks who else works
there; a move takes its places and then looks whose the hosts are. At least one of the two
sees the other, and then it is the move that draws back, or that is waited for.
"""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import orm

from watcher.applier import limits
from watcher.db import actions, slots
from watcher.domain import states
from watcher.domain.needs import MIGRATE, OF_HOST
from watcher.domain.records import Place

# How long an attempt that failed is left alone, in seconds; drawn by lot around it, so
# that two plans that drew back do not meet again.
AGAIN_S = 3.0
BEGUN = (states.ONGOING, states.CANCELLING, states.SUCCEEDED, states.FAILED)


class Hosts:
    """The hosts of one plan; used by the plan's own thread"""

    def __init__(
        self, book: Any, *, clock: Callable[[], float],
        lot: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        self._book = book
        self._clock = clock
        self._lot = lot
        self._places: Sequence[Place] | None = None
        self._ours = False
        self._why: str | None = None
        self._again = 0.0

    @property
    def alone(self) -> bool:
        """Whether the plan has hosts for itself: then it has every host that it needs"""
        return bool(self._ours and self._places)

    def held(self) -> str | None:
        """Return what the plan must wait for before it begins, or None"""
        if self._ours:
            return None
        if self._places is None:
            self._places = self._book.read(_wanted, self._book.plan.uuid)
        if self._places and self._clock() >= self._again:
            self._why = self._try(self._places)
            self._again = self._clock() + AGAIN_S * (0.5 + self._lot())
        self._ours = not self._places or self._why is None
        return self._why

    def _try(self, places: Sequence[Place]) -> str | None:
        plan, claim = self._book.plan.uuid, self._book.claim
        if self._book.read(_has_begun, plan):
            # Taken over in the middle: what it began with is its own.
            self._book.write(
                slots.take, plan, claim, {None: places}, whatever_the_limit=True
            )
            return None
        why, _moves = self._book.read(_others, plan, places)
        if why is not None:
            return str(why)
        refused = self._book.write(slots.take, plan, claim, {None: places})
        if refused:
            return limits.why(refused[None])
        why, moves = self._book.read(_others, plan, places)
        if why is not None:
            self._book.write(slots.free, plan, claim, [None])
            return str(why)
        # Nobody new comes to hosts that are announced: those who work there will end.
        return moves  # type: ignore[no-any-return]


def _wanted(tx: orm.Session, plan_uuid: str) -> tuple[Place, ...]:
    """Return the hosts that a plan takes; one statement for plans that take none"""
    if not actions.some_of_plan(tx, plan_uuid, types=OF_HOST):
        return ()
    types = (*OF_HOST, MIGRATE)
    return limits.of_plan(actions.some_of_plan(tx, plan_uuid, types=types))


def _has_begun(tx: orm.Session, plan_uuid: str) -> bool:
    return bool(actions.some_of_plan(tx, plan_uuid, in_states=BEGUN))


def _others(
    tx: orm.Session, plan_uuid: str, places: Sequence[Place]
) -> tuple[str | None, str | None]:
    """Return which other plan is in the way, and whose moves must end first, in words"""
    alone = [place.resource for place in places if place.kind == limits.HOST]
    every = [place.resource for place in places]
    kinds = ((limits.HOST, every), (limits.USED, alone))
    keys = {(kind, host) for kind, hosts in kinds for host in hosts}
    for slot in slots.of(tx, keys):
        if slot.plan_uuid != plan_uuid:
            return _conflict(slot), None
    ways = {(way, host) for way in (limits.OUT, limits.IN) for host in alone}
    for slot in slots.of(tx, ways):
        if slot.plan_uuid != plan_uuid:
            text = (
                f"servers of plan {slot.plan_uuid} are being moved at {slot.resource}"
            )
            return None, text
    return None, None


def _conflict(slot: slots.Taken) -> str:
    if slot.kind == limits.HOST:
        return f"plan {slot.plan_uuid} has host {slot.resource} for itself"
    return f"plan {slot.plan_uuid} needs host {slot.resource} until it ends"


def closed_to(tx: orm.Session, plan_uuid: str) -> Mapping[str, str]:
    """Return hosts that other plans have for themselves, with the plan, by stored name"""
    found = slots.of_kind(tx, limits.HOST)
    return {
        slot.resource: slot.plan_uuid for slot in found if slot.plan_uuid != plan_uuid
    }


def barred(hosts: Collection[str], closed: Mapping[str, str]) -> str | None:
    """Return why nobody may work on one of ``hosts`` now, or None"""
    for host in hosts:
        plan = closed.get(slots.name(host))
        if plan is not None:
            return f"plan {plan} has host {host} for itself"
    return None
