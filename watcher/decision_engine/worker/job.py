"""What a forked process does: runs one strategy, answers, and is gone."""

import datetime
import socket
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from watcher import context, exception
from watcher.clients.cloud import Clients
from watcher.decision_engine.decide import Decision, Inline, Snapshot, Task
from watcher.decision_engine.worker import failure, wire
from watcher.plugins import COLLECTORS, Plugins

COMPUTE = "compute"


@dataclass(frozen=True, slots=True)
class Order:
    """One run: the task, when (naive UTC), for which request, or why there is no model"""

    task: Task
    now: datetime.datetime
    context: dict[str, Any]
    missing: dict[str, Any] | None


def run(sock: socket.socket, order: Order, model: Any, plugins: Plugins) -> None:
    """Run the strategy and answer with plain data, also when it fails in any way"""
    context.RequestContext.from_dict(order.context).update_store()
    decision = Decision()
    answer: dict[str, Any] = {}
    try:
        clients = Clients(plugins.conf)
        models = _Models(sock, order, model, plugins, clients)
        inline = Inline(plugins, models, clients=clients, now=_clock(order.now))
        inline.solve(order.task, Snapshot(models, plugins), decision)
        answer["result"] = _result(decision)
    except BaseException as error:
        # A strategy may do anything, and end itself: the engine is told.
        answer["failure"] = failure.encode(error)
    answer["remarks"] = decision.notes.remarks
    answer["stays"] = [
        [stay.uuid, stay.name, stay.reason, dict(stay.rules)]
        for stay in decision.notes.stays
    ]
    try:
        wire.tell(sock, answer)
    except (TypeError, ValueError, RecursionError) as error:
        reason = f"handed over what cannot be stored: {error}"
        stopped = exception.StrategyStopped(strategy=order.task.strategy, reason=reason)
        wire.tell(sock, {"failure": failure.encode(stopped)})


def _result(decision: Decision) -> dict[str, Any]:
    solution = decision.solution
    return {
        "actions": list(solution.actions),
        "reasons": list(getattr(solution, "reasons", ())),
        "efficacy_indicators": solution.efficacy_indicators,
        "global_efficacy": solution.global_efficacy,
        "planner": decision.planner,
    }


def _clock(start: datetime.datetime) -> Callable[[], datetime.datetime]:
    began_s = time.monotonic()
    return lambda: start + datetime.timedelta(seconds=time.monotonic() - began_s)


class _Models:
    """The models as the engine had them: compute is here, others are asked for"""

    def __init__(
        self,
        sock: socket.socket,
        order: Order,
        model: Any,
        plugins: Plugins,
        clients: Clients,
    ) -> None:
        self._sock = sock
        self._missing = order.missing
        self._model = model
        self._plugins = plugins
        self._clients = clients

    def compute(self, max_age_s: float | None = None) -> Any:
        """Return the compute model of everything: for reading only"""
        if self._missing is not None:
            raise failure.decode(self._missing)
        return self._model

    def scoped(self, name: str, document: Any, max_age_s: float | None = None) -> Any:
        """Return another model, cut to the audit's scope"""
        return self._ask("scoped", name)

    def collector(self, name: str) -> Any:
        """Return a collector of this process; what it builds is the engine's model"""
        if name not in self._plugins.classes(COLLECTORS):
            raise exception.ClusterStateNotDefined(f"The {name} model is not kept")
        collector = self._plugins.load(COLLECTORS, name, osc=self._clients)
        collector.execute = lambda: self._whole(name)
        return collector

    @property
    def kept(self) -> dict[str, Any]:
        """What the engine keeps, as far as strategies may look: the collectors"""
        return {
            name: types.SimpleNamespace(collector=self.collector(name))
            for name in self._plugins.conf.collector.collector_plugins
            if name in self._plugins.classes(COLLECTORS)
        }

    def _whole(self, name: str) -> Any:
        return self.compute().copy() if name == COMPUTE else self._ask("whole", name)

    def _ask(self, what: str, name: str) -> Any:
        wire.tell(self._sock, {"model": name, "what": what})
        (answer, error), _files = wire.receive(self._sock)
        if error is not None:
            raise failure.decode(error)
        return answer
