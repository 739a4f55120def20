"""Where else a server may go whose move failed: by the rules, and within the audit's scope.

The choice is pure (``choose``). It sees the cluster as it is now and, on top of that, every
move that is under way or still to come, of all plans: what they were promised is taken.
"""

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Collection, Generator, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

import numpy as np
from oslo_log import log

from watcher.applier.actions.steps import Wait
from watcher.applier.actions.targets import NoTargets, Targets, Wish
from watcher.applier.signals import Left, Signals
from watcher.cluster import planned
from watcher.cluster.constraint.rules import feasible
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.model.simulate import COLD, LIVE, Move, View
from watcher.db import action_plans, actions, audits
from watcher.db.query import ListQuery
from watcher.domain import states
from watcher.domain.needs import MIGRATE, OF_HOST
from watcher.domain.records import Action
from watcher.domain.scope import COMPUTE

LOG = log.getLogger(__name__)

# Between two looks whether the cloud has been read, or a place has become free, in seconds.
PAUSE_S = 0.2
FULL_S = 3.0
# What is known of running plans is read again after so many seconds.
KNOWN_S = 2.0
# So often a place on one of the possible targets is asked for.
ASKED = 20


class Models(Protocol):
    """The cluster as data"""

    def scoped(
        self, name: str, document: Any, max_age_s: float | None, followed_s: float
    ) -> ModelRoot:
        """Return a copy of a model, cut to what a scope document says"""


def choose(model: ModelRoot, wish: Wish, others: Sequence[planned.Action]) -> list[str]:
    """Return the hosts that may take the server, the emptiest first

    ``others`` are the actions of running plans that have not ended. Nothing goes to a host
    that they close or that their moves leave, nor anywhere when it is the server that
    cannot be moved: broken, locked, gone, or elsewhere by now.
    """
    if wish.server not in model.instances_data:
        return []
    if model.host_of(wish.server) != wish.source:
        return []
    view = View(model)
    left = {host for _number, host in planned.closing(model, others)}
    for action in others:
        given = action.input_parameters
        if action.action_type != MIGRATE or given.get("resource_id") == wish.server:
            continue
        left.add(str(given.get("source_node")))
        move = planned.move_of(model, action.action_type, given)
        if move is not None and _is_to_come(view, move):
            view.apply(move)
    kind = LIVE if wish.live else COLD
    out = {*left, *wish.tried, wish.source}
    candidates = [host for host in view.hosts if host not in out]
    hosts = feasible(view, wish.server, candidates, kind=kind).hosts
    return sorted(hosts, key=lambda host: _filled(view, wish.server, host))


def _is_to_come(view: View, move: Move) -> bool:
    """Tell whether a move takes room that the model does not show as taken yet"""
    model, server = view.model, move.instance
    if server not in model.instances_data or server in model.migrations:
        return False
    return move.target in view.index and view.host_of(server) == move.source


def _filled(view: View, server: str, host: str) -> float:
    """Return how full the fullest resource of a host is with the server on it"""
    i = view.index[host]
    with_it = view.used[i] + view.held[i] + view.size(server)
    capacity = view.capacity[i]
    shares = np.where(capacity > 0, with_it / np.where(capacity > 0, capacity, 1), 0)
    return float(shares.max())


class Retargets:
    """Gives the actions of this process their ``Targets``

    :param admission: see ``applier/admission.py``
    :param default_scope: what an empty scope of an audit means
    """

    def __init__(
        self, models: Models, *, retries: Callable[[], int], admission: Any = None,
        default_scope: Collection[Any] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._models = models
        self._retries = retries
        self._admission = admission
        self._default_scope = default_scope
        self._lock = threading.Lock()
        self._clock = clock
        self._known: list[Action] = []
        self._known_at = -math.inf
        self._kept: dict[str, Action] = {}  # with the target that they are given now

    def of(self, book: Any, action: Action, signals: Signals) -> Targets:
        """Return who chooses targets for an action; nobody for one that takes back"""
        if action.action_type != MIGRATE or book.plan.undoes:
            return NoTargets()
        return _Chooser(self, book, action, signals)

    def allows(self, attempts: int) -> bool:
        """Tell whether there may be one more after so many"""
        return attempts <= self._retries()

    def possible(self, book: Any, action: Action, wish: Wish) -> list[str]:
        """Read the cloud and return where the server may go"""
        audit = book.read(audits.get, book.plan.audit_id, show_deleted=True)
        scope = audit.scope or self._default_scope
        known = [a for a in self._running(book) if a.uuid != action.uuid]
        model = self._models.scoped(COMPUTE, scope, 0.0, 0.0)
        with self._lock:
            others = [
                self._kept.get(other.uuid, other)
                for other in known
                if other.state not in states.ACTION_FINAL
            ]
        # A host that this plan has moved servers away from is none to move others to.
        left = {
            other.input_parameters.get("source_node")
            for other in known
            if other.action_plan_id == action.action_plan_id
        }
        return [host for host in choose(model, wish, others) if host not in left]

    def _running(self, book: Any) -> list[Action]:
        """Return what running plans do to hosts and servers; read for many at a time"""
        with self._lock:
            if self._clock() - self._known_at > KNOWN_S:
                self._known = book.read(_of_running_plans)
                self._known_at = self._clock()
                known = {action.uuid for action in self._known}
                self._kept = {u: a for u, a in self._kept.items() if u in known}
            return self._known

    def keep(self, book: Any, action: Action, host: str) -> str | None:
        """Keep a place for the action on a host, or return why that cannot be now"""
        given = {**action.input_parameters, "destination_node": host}
        changed = dataclasses.replace(action, input_parameters=given)
        redirect = getattr(self._admission, "redirect", None)
        why: str | None = redirect(book, changed) if redirect else None
        if why is None:
            with self._lock:
                self._kept[action.uuid] = changed
        return why


def _of_running_plans(tx: Any) -> list[Action]:
    plans = [plan.id for plan in action_plans.ongoing(tx)]
    if not plans:
        return []
    kinds = (MIGRATE, *sorted(OF_HOST))
    filters = {"action_plan_id__in": plans, "action_type__in": kinds}
    return actions.list(tx, ListQuery(filters=filters))


class _Chooser:
    """Chooses for one action"""

    def __init__(
        self, shared: Retargets, book: Any, action: Action, signals: Signals
    ) -> None:
        self._shared = shared
        self._book = book
        self._action = action
        self._signals = signals

    def other(self, wish: Wish) -> Generator[Wait, None, str | None]:
        """Return a host that is kept free for the server, None when there is none"""
        if not self._shared.allows(len(wish.tried)):
            return None
        try:
            hosts = yield from self._read(wish)
        except Left:
            raise
        except Exception as error:
            # What failed first is what the action shall tell.
            LOG.warning("No other target can be looked for: %r", error)
            return None
        for _attempt in range(ASKED if hosts else 0):
            for host in hosts:
                if self._signals.cancelled:
                    return None
                why = self._shared.keep(self._book, self._action, host)
                if why is None:
                    return host
                LOG.debug("Server %s waits for %s: %s", wish.server, host, why)
            yield Wait(FULL_S)
        return None

    def _read(self, wish: Wish) -> Generator[Wait, None, list[str]]:
        """Read the cloud in a thread of its own, since that may take long"""
        found: Future[list[str]] = Future()

        def read() -> None:
            try:
                found.set_result(self._shared.possible(self._book, self._action, wish))
            except BaseException as error:  # a thread's outer edge: the asker gets it
                found.set_exception(error)

        threading.Thread(target=read, name="retarget", daemon=True).start()
        while not found.done():
            yield Wait(PAUSE_S)
            if self._signals.cancelled:
                return []
        return found.result()
