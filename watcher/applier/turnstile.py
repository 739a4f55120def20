"""Lets actions begin as far as limits over all plans and appliers have room.

What an action needs is taken in the database before it begins, many actions at a time:
see ``limits`` for what, ``db/slots`` for how. A waiting action keeps no other waiting.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import orm

from watcher.applier import hosts, limits
from watcher.applier.admission import Answer
from watcher.applier.counts import ASK_AGAIN_S, Counts
from watcher.applier.hosts import Hosts
from watcher.applier.limits import Caps, Facts, NoFacts
from watcher.applier.terms import Quota, Terms, utcnow
from watcher.db import slots
from watcher.domain.records import Action, Claim, Place

# Actions that one transaction lets begin at most.
BATCH = 500
# Places of actions that ended wait so long, in seconds, for a transaction to go along with.
OWED_S = 1.0
# Facts of the cloud count so long, in seconds.
FACTS_S = 60.0
# A plan of which nothing runs says what it waits for after so many seconds.
STUCK_S = 10.0


Chosen = dict[str, tuple[Action, tuple[Place, ...]]]


class Stay:
    """What the turnstile knows of one plan that runs in this process"""

    def __init__(self, book: Any, terms: Terms, its_hosts: Hosts, now: float) -> None:
        self.book = book
        self.terms = terms
        self.hosts = its_hosts
        self.adopted = False
        self.taken: dict[str, tuple[Place, ...]] = {}
        self.kinds: dict[str, str] = {}
        # Actions that ended, whose slots are still in the database, and since when.
        self.owed: list[str] = []
        self.owed_at = now
        # When one of its actions ran last.
        self.busy_at = now
        # Hosts of other plans as they were when we last looked, and until when that counts.
        self.closed: Mapping[str, str] = {}
        self.closed_until = now
        # What actions need, as long as limits and facts are the same.
        self.places: dict[str, tuple[Place, ...]] = {}
        self.places_of: Any = None

    def begin(self, action: Action, places: tuple[Place, ...]) -> None:
        """Note that an action has what it needs"""
        self.taken[action.uuid] = places
        self.kinds[action.uuid] = action.action_type


class Turnstile:
    """The limits of this process; implements ``Admission``"""

    def __init__(
        self, caps: Callable[[], Caps], facts: Facts | None = None, *,
        now: Callable[[], Any] = utcnow, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._caps = caps
        self._facts = facts or NoFacts()
        self._now = now
        self._clock = clock
        self._counts = Counts(clock)
        self._lock = threading.Lock()
        self._stays: dict[Any, Stay] = {}

    # Admission ------------------------------------------------------------------------

    def hold(self, book: Any) -> str | None:
        """Return why nothing of the plan may begin now, or None"""
        stay = self._stay(book)
        if not stay.adopted:
            self._adopt(stay, ())
        if stay.owed and self._clock() - stay.owed_at >= OWED_S:
            self._exchange(stay, {})
        why = stay.terms.held() or stay.hosts.held()
        if why is not None:
            stay.terms.tell(why)
        return why

    def adopt(self, book: Any, running: Sequence[Action]) -> None:
        """Count actions that had begun when this process took the plan, come what may"""
        self._adopt(self._stay(book), running)

    def admit(self, book: Any, waiting: Sequence[Action], room: int) -> Answer:
        """Let at most ``room`` of the actions begin, those first that come first"""
        stay = self._stay(book)
        left, why_no_more = self._moves_left(stay, waiting)
        skipped: dict[str, str] = {}
        if left is not None and left < 0:
            moves = [a.uuid for a in waiting if a.action_type in limits.MOVES]
            skipped = dict.fromkeys(moves, why_no_more)
            waiting = [action for action in waiting if action.uuid not in skipped]
        chosen, reasons = self._choose(stay, waiting, room, left, why_no_more)
        if chosen:
            reasons |= self._take(stay, chosen)
        self._tell(stay, reasons)
        return Answer([uuid for uuid in chosen if uuid in stay.taken], reasons, skipped)

    def release(self, book: Any, ended: Sequence[Action]) -> None:
        """Give back what the actions had; the rows go with the next transaction"""
        stay = self._stay(book)
        for action in ended:
            places = stay.taken.pop(action.uuid, None)
            stay.kinds.pop(action.uuid, None)
            if places is not None:
                self._counts.give_back(places)
                if not stay.owed:
                    stay.owed_at = self._clock()
                stay.owed.append(action.uuid)

    def redirect(self, book: Any, action: Action) -> str | None:
        """Take what a running action needs for another destination, besides what it has

        May be called from any thread. Returns why that is not to be had now, or None.
        """
        stay = self._stay(book)
        places = limits.places(
            action, self._caps().within(stay.terms.rules), self._facts
        )
        had = stay.taken.get(action.uuid, ())
        new = tuple(place for place in places if place not in had)
        plan, claim = book.plan.uuid, book.claim
        why = self._barred(stay, action)
        if why is None:
            refused = book.write(slots.take, plan, claim, {action.uuid: places})
            if refused:
                return limits.why(refused[action.uuid])
            why = self._barred(stay, action)
            if why is not None:
                keys = [place.key for place in new]
                book.write(slots.free_some, plan, claim, action.uuid, keys)
        if why is None:
            self._counts.count(new)
            stay.taken[action.uuid] = (*had, *new)
        return why

    def forget(self, book: Any) -> None:
        """Forget a plan that ended or went to somebody else; its rows stay as they are"""
        with self._lock:
            stay = self._stays.pop(book, None)
        for places in list(stay.taken.values()) if stay else ():
            self._counts.give_back(places)

    # Inner workings -------------------------------------------------------------------

    def _stay(self, book: Any) -> Stay:
        with self._lock:
            stay = self._stays.get(book)
            if stay is not None:
                return stay
            terms = Terms(book, now=self._now, clock=self._clock)
            stay = Stay(book, terms, Hosts(book, clock=self._clock), self._clock())
            if not book.left:
                self._stays[book] = stay
                book.on_left.append(lambda: self.forget(book))
        return stay

    def _adopt(self, stay: Stay, running: Sequence[Action]) -> None:
        places_of = self._needs(stay)
        wanted = {action.uuid: places_of(action) for action in running}
        book = stay.book
        book.write(_adopt, book.plan.uuid, book.claim, wanted)
        stay.adopted = True
        for action in running:
            self._counts.count(wanted[action.uuid])
            stay.begin(action, wanted[action.uuid])

    def _needs(self, stay: Stay) -> Callable[[Action], tuple[Place, ...]]:
        """Return the function that tells what an action needs, as limits are now"""
        caps = self._caps().within(stay.terms.rules)
        basis = (caps, self._clock() // FACTS_S)
        if stay.places_of != basis:
            stay.places, stay.places_of = {}, basis
        known = stay.places

        def places_of(action: Action) -> tuple[Place, ...]:
            places = known.get(action.uuid)
            if places is None:
                places = known[action.uuid] = limits.places(action, caps, self._facts)
            return places

        return places_of

    def _moves_left(
        self, stay: Stay, waiting: Sequence[Action]
    ) -> tuple[int | None, str]:
        if not any(action.action_type in limits.MOVES for action in waiting):
            return None, ""
        running = sum(kind in limits.MOVES for kind in stay.kinds.values())
        return stay.terms.moves_left(running)

    def _choose(
        self, stay: Stay, waiting: Sequence[Action], room: int, left: int | None,
        why_no_more: str,
    ) -> tuple[Chosen, dict[str, str]]:  # fmt: skip
        """Return the actions that may go as far as is known here, and why not the others"""
        chosen: Chosen = {}
        reasons: dict[str, str] = {}
        closed = stay.closed if self._clock() < stay.closed_until else {}
        quota = Quota(stay.terms.rules, stay.kinds.values(), left, why_no_more)
        places_of, most = self._needs(stay), min(room, BATCH)
        for action in waiting:
            if len(chosen) >= most:
                break
            why = quota.refuses(action.action_type)
            if why is None and closed:
                why = hosts.barred(limits.hosts(action), closed)
            if why is None:
                places = places_of(action)
                full = self._counts.reserve(places)
                why = None if full is None else limits.why(full)
            if why is None:
                chosen[action.uuid] = (action, places)
                quota.count(action.action_type)
            else:
                reasons[action.uuid] = why
        return chosen, reasons

    def _take(self, stay: Stay, chosen: Chosen) -> dict[str, str]:
        """Take what the chosen ones need; return why some of them got nothing"""
        try:
            refused = self._exchange(
                stay, {u: places for u, (_a, places) in chosen.items()}
            )
            reasons = {uuid: limits.why(place) for uuid, place in refused.items()}
            reasons |= self._draw_back(
                stay, [a for u, (a, _places) in chosen.items() if u not in refused]
            )
        except BaseException:
            for _action, places in chosen.values():
                self._counts.give_back(places)
            raise
        for uuid, (action, places) in chosen.items():
            if uuid in reasons:
                self._counts.give_back(places)
            else:
                stay.begin(action, places)
        for place in refused.values():
            self._counts.refused(place)
        return reasons

    def _barred(self, stay: Stay, action: Action) -> str | None:
        if stay.hosts.alone:
            return None
        closed = stay.book.read(hosts.closed_to, stay.book.plan.uuid)
        return hosts.barred(limits.hosts(action), closed)

    def _exchange(
        self, stay: Stay, wanted: Mapping[str, Sequence[Place]]
    ) -> dict[str, Place]:
        """Give back in the database what ended, and take what is wanted"""
        book, owed = stay.book, list(stay.owed)
        refused: dict[str, Place] = book.write(
            _exchange, book.plan.uuid, book.claim, owed, wanted
        )
        stay.owed = stay.owed[len(owed) :]
        return refused

    def _draw_back(self, stay: Stay, taken: Sequence[Action]) -> dict[str, str]:
        """Give places back at hosts that another plan has for itself; return why"""
        ways = {action.uuid: limits.hosts(action) for action in taken}
        if stay.hosts.alone or not any(ways.values()):
            return {}
        book = stay.book
        stay.closed = book.read(hosts.closed_to, book.plan.uuid)
        stay.closed_until = self._clock() + ASK_AGAIN_S
        found = ((uuid, hosts.barred(way, stay.closed)) for uuid, way in ways.items())
        reasons = {uuid: why for uuid, why in found if why is not None}
        if reasons:
            book.write(slots.free, book.plan.uuid, book.claim, list(reasons))
        return reasons

    def _tell(self, stay: Stay, reasons: Mapping[str, str]) -> None:
        """Say in the plan's row what a plan waits for of which nothing runs"""
        now = self._clock()
        if stay.taken or not reasons:
            stay.busy_at = now
            stay.terms.tell(None)
        elif now - stay.busy_at >= STUCK_S:
            first = next(iter(reasons.values()))
            more = f", and others for more ({len(reasons)} actions)"
            stay.terms.tell(first + (more if len(reasons) > 1 else ""))


def _adopt(
    tx: orm.Session, plan: str, claim: Claim, running: Mapping[str, Sequence[Place]]
) -> None:
    slots.adopt(tx, plan, claim)
    if running:
        slots.take(tx, plan, claim, running, whatever_the_limit=True)


def _exchange(
    tx: orm.Session, plan: str, claim: Claim, owed: Sequence[str],
    wanted: Mapping[str, Sequence[Place]],
) -> dict[str, Place]:  # fmt: skip
    if owed:
        slots.free(tx, plan, claim, owed)
    return slots.take(tx, plan, claim, wanted) if wanted else {}
