"""Whose turn it is: the order of a plan, then its own limits, then those of others too."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from watcher.applier.admission import Admission
from watcher.applier.book import Book
from watcher.domain.graph import Frontier
from watcher.domain.records import Action
from watcher.domain.urgency import Urgency

# With so many actions waiting or running, limits are asked at most every so many seconds, or
# after so many times the seconds that asking took: what begins together costs less.
MANY = 200
MANY_RUN = 20
PAUSE_S = 0.2
IDLE = 50
# How often limits are asked while nothing of the plan ends.
ASK_S = 1.0


class Turns:
    """Actions of one plan that may begin; used by the plan's own thread alone.

    ``limit`` tells how many actions of a type the plan may run, ``total`` how many in all.
    """

    def __init__(
        self, book: Book, actions: Mapping[str, Action], front: Frontier, *,
        admission: Admission, limit: Callable[[str], int], total: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.running: dict[str, Action] = {}
        self.reasons: Mapping[str, str] = {}
        self._skipped: dict[str, str] = {}
        self._book = book
        self._actions = actions
        self._front = front
        self._admission = admission
        self._limit = limit
        self._total = total
        self._clock = clock
        self._urgency = Urgency(actions)
        self._waiting: dict[str, Action] = {}
        self._ended: list[Action] = []
        self._asked: float | None = None
        self._changed = True
        self._cost_s = 0.0
        self._order: dict[str, list[Action]] | None = None

    def adopt(self, running: Iterable[Action]) -> None:
        """Count actions that another process began"""
        found = list(running)
        self.running.update((action.uuid, action) for action in found)
        if found:
            self._admission.adopt(self._book, found)

    def next(self) -> list[Action]:
        """Return actions that begin now; they run until ``end``"""
        ready = [u for u in self._front.ready() if u not in self.running]
        fresh = [self._actions[uuid] for uuid in ready]
        self._waiting.update((action.uuid, action) for action in fresh)
        if fresh:
            self._changed, self._order = True, None
        self._release()
        now = self._clock()
        if not self._waiting or now < self._due():
            return []
        self._asked, self._changed = now, False
        admitted = self._ask()
        self._cost_s = self._clock() - now
        for action in admitted:
            del self._waiting[action.uuid]
            self.running[action.uuid] = action
        return admitted

    def end(self, uuid: str) -> None:
        """Give the turn of an action back; it has ended"""
        action = self.running.pop(uuid, None)
        self._urgency.end(uuid)
        self._changed = True
        if action is not None:
            self._ended.append(action)

    def let_go(self, uuid: str) -> None:
        """Forget an action that goes on elsewhere: what it holds stays held"""
        self.running.pop(uuid, None)

    def close(self, *, everything: bool = False) -> None:
        """Give back what ended last, or everything when the plan was broken off"""
        if everything:
            self._ended += self.running.values()
            self.running.clear()
        self._release()

    @property
    def pause_s(self) -> float:
        """Seconds until it makes sense to ask again"""
        return self._rest_s if self._crowded and self._changed else ASK_S

    def to_skip(self) -> dict[str, str]:
        """Return actions that limits will never let begin, with the reason, once"""
        found, self._skipped = self._skipped, {}
        return found

    # Inner workings -------------------------------------------------------------------

    def _due(self) -> float:
        """Return when limits are asked again"""
        if self._asked is None:
            return 0.0
        if not self._changed:
            return self._asked + ASK_S
        return self._asked + self._rest_s if self._crowded else 0.0

    @property
    def _crowded(self) -> bool:
        return len(self._waiting) > MANY or len(self.running) > MANY_RUN

    @property
    def _rest_s(self) -> float:
        return min(ASK_S, max(PAUSE_S, IDLE * self._cost_s))

    def _release(self) -> None:
        ended, self._ended = self._ended, []
        if ended:
            self._admission.release(self._book, ended)

    def _skip(self, some: Mapping[str, str]) -> None:
        self._skipped.update(some)
        for uuid in some:
            del self._waiting[uuid]

    def _ask(self) -> list[Action]:
        held = self._admission.hold(self._book)
        if held is not None:
            self.reasons = dict.fromkeys(self._waiting, held)
            return []
        room = self._total - len(self.running)
        busy = Counter(action.action_type for action in self.running.values())
        admitted: list[Action] = []
        reasons: dict[str, str] = {}
        for kind, waiting in self._in_order().items():
            free = min(room - len(admitted), self._limit(kind) - busy[kind])
            if free <= 0:
                continue
            still = [action for action in waiting if action.uuid in self._waiting]
            answer = self._admission.admit(self._book, still, free)
            reasons.update(answer.reasons)
            self._skip(answer.skipped)
            admitted += [self._waiting[uuid] for uuid in answer.admitted]
        self.reasons = reasons
        return admitted

    def _in_order(self) -> Mapping[str, Sequence[Action]]:
        """Return what waits by type, those first that should begin first"""
        if self._order is None or self._urgency.changed:
            self._order = {}
            for action in self._urgency.ordered(self._waiting.values()):
                self._order.setdefault(action.action_type, []).append(action)
        return self._order
