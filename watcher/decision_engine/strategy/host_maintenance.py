"""Empties a compute node for maintenance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from watcher import exception
from watcher._i18n import _
from watcher.cluster.constraint.base import Constraint
from watcher.cluster.constraint.rules import feasible, standard
from watcher.cluster.model.element import ComputeNode, Instance
from watcher.cluster.model.simulate import COLD, LIVE, Move, View
from watcher.decision_engine.strategy import base, params, steps

STOP = "stop"


@dataclass
class _Way:
    """One attempt to find a place for every server"""

    view: View
    found: list[Move] = field(default_factory=list)
    left: list[Instance] = field(default_factory=list)


class HostMaintenance(base.HostMaintenanceBaseStrategy):
    """Disables a compute node and moves its servers to nodes that can take them"""

    PARAMS = params.of(
        params.string(
            "maintenance_node",
            help="host name of the compute node to be emptied",
            required=True,
        ),
        params.string(
            "backup_node",
            help="host name of the compute node that takes the servers if it can",
        ),
        params.boolean(
            "disable_live_migration",
            False,
            help="move running servers by cold migration",
        ),
        params.boolean(
            "disable_cold_migration",
            False,
            help="do not move servers by cold migration; with live migration disabled, "
            "too, running servers are stopped where they are",
        ),
    )

    @classmethod
    def get_name(cls) -> str:
        """Return the strategy's name"""
        return "host_maintenance"

    @classmethod
    def get_display_name(cls) -> str:
        """Return the label in the reader's language"""
        return _("Host Maintenance Strategy")

    @classmethod
    def get_translatable_display_name(cls) -> str:
        """Return the English label"""
        return "Host Maintenance Strategy"

    def solve(self, view: View, p: Any) -> Iterator[Move | steps.Step]:
        """Yield the disabling, the backup's enabling if it is used, then the moves"""
        node = _named(view, p.maintenance_node, "maintenance")
        backup = None
        if p.get("backup_node"):
            backup = _named(view, p.backup_node, "backup")
        if backup is not None and backup.hostname == node.hostname:
            raise exception.Invalid(
                f"'{node.hostname}' cannot be its own backup while it is in maintenance"
            )
        rules = standard()
        servers = view.on(node)
        view.disable(node, self.REASON_FOR_MAINTAINING)
        if backup is not None and backup.status != steps.ENABLED:
            view.enable(backup, "backup node")

        yield from self._closing(node, bool(servers))
        kinds = {s.uuid: _kind(s, p) for s in servers}
        movable = list(self._movable(view, servers, kinds, rules))
        moving = [s for s in movable if kinds[s.uuid] in (LIVE, COLD)]
        way = self._place(view, moving, kinds, backup, rules)
        targets = {move.target for move in way.found}
        if backup is not None and targets & set(view.enabled):
            yield steps.enable(
                backup, f"takes servers of {node.hostname} as the backup node"
            )
        for server in movable:
            if kinds[server.uuid] == STOP:
                yield steps.stop(
                    server,
                    f"live and cold migration are disabled; it is stopped on "
                    f"{node.hostname}",
                )
        yield from way.found
        for server in way.left:
            self._explain(way.view, server, str(kinds[server.uuid]), rules)

    def _closing(self, node: ComputeNode, occupied: bool) -> Iterator[steps.Step]:
        closed = node.status == steps.DISABLED
        if not closed or node.disabled_reason != self.REASON_FOR_MAINTAINING:
            yield steps.disable(
                node,
                self.REASON_FOR_MAINTAINING,
                "no server shall arrive while the node is emptied and maintained",
            )
        elif not occupied:
            self.handle.note(None, f"{node.hostname} is empty and in maintenance.")

    def _movable(
        self,
        view: View,
        servers: Sequence[Instance],
        kinds: dict[str, str | None],
        rules: Sequence[Constraint],
    ) -> Iterator[Instance]:
        """Yield the servers that nothing holds where they are; note the others"""
        others = len(view.hosts) - 1
        for server in servers:
            kind = kinds[server.uuid]
            judged = COLD if kind == COLD or server.state != "active" else LIVE
            for rule in rules:
                if reason := rule.pins(view, server, judged):
                    self.handle.note(server, reason, {rule.name: others})
                    break
            else:
                if kind is None:
                    reason = f"it is {server.state} and cold migration is disabled"
                    self.handle.note(server, reason, {"parameters": others})
                else:
                    yield server

    # Finding places ---------------------------------------------------------------------

    def _place(
        self,
        view: View,
        servers: Sequence[Instance],
        kinds: dict[str, str | None],
        backup: ComputeNode | None,
        rules: Sequence[Constraint],
    ) -> _Way:
        """Return the best of two attempts: big servers first, then the choosy ones"""

        def choices(server: Instance) -> int:
            kind = str(kinds[server.uuid])
            return len(feasible(view, server, rules=rules, kind=kind).targets)

        big = sorted(servers, key=lambda s: (-_share(view, s), s.uuid))
        best = self._attempt(view, big, kinds, backup, rules)
        if best.left:
            # A small server that fits few nodes may have lost its place to a big one.
            choosy = sorted(big, key=choices)
            other = self._attempt(view, choosy, kinds, backup, rules)
            best = min((best, other), key=lambda way: len(way.left))
        return best

    def _attempt(
        self,
        view: View,
        servers: Sequence[Instance],
        kinds: dict[str, str | None],
        backup: ComputeNode | None,
        rules: Sequence[Constraint],
    ) -> _Way:
        way = _Way(view.copy())
        for server in servers:
            kind = str(kinds[server.uuid])
            order = _tightest_first(way.view, server)
            if backup is not None:
                order = [backup.hostname, *(h for h in order if h != backup.hostname)]
            verdict = feasible(way.view, server, order, rules=rules, kind=kind)
            if not verdict.targets:
                way.left.append(server)
                continue
            # The backup is wished for: a soft rule does not outweigh it.
            hosts = [target.hostname for target in verdict.targets]
            preferred = backup is not None and backup.hostname in hosts
            target = backup.hostname if backup and preferred else hosts[0]
            reason = self._reason(way.view, server, target, backup)
            way.found.append(way.view.move(server, target, reason, kind))
        return way

    @staticmethod
    def _reason(
        view: View, server: Instance, target: str, backup: ComputeNode | None
    ) -> str:
        source = view.host_of(server)
        text = f"{source} is emptied for maintenance; "
        if backup is not None and target == backup.hostname:
            return text + f"the backup node {target} can take it"
        if backup is not None:
            text += f"the backup node {backup.hostname} cannot take it, "
        return text + f"{target} is the fullest node that can take it"

    def _explain(
        self, view: View, server: Instance, kind: str, rules: Sequence[Constraint]
    ) -> None:
        verdict = feasible(view, server, rules=rules, kind=kind)
        why = verdict.why or "there is no other node in the scope"
        self.handle.note(server, f"no node can take it: {why}", verdict.refused)


def _named(view: View, host: str, role: str) -> ComputeNode:
    try:
        return view.node(host)
    except exception.ComputeNodeNotFound:
        raise exception.ComputeNodeNotFound(
            f"The {role} node '{host}' is unknown, or outside the scope of the audit"
        ) from None


def _kind(server: Instance, p: Any) -> str | None:
    """Return how the server leaves, ``stop`` if it must not, None if nothing is done"""
    running = server.state == "active"
    if running and not p.disable_live_migration:
        return LIVE
    if not p.disable_cold_migration:
        return COLD
    return STOP if running else None


def _share(view: View, server: Instance) -> float:
    """Return the largest part of an average node that the server takes"""
    average = view.capacity.mean(axis=0)
    size = view.size(server)
    return max(
        (float(s / a) for s, a in zip(size, average, strict=True) if a > 0), default=0.0
    )


def _tightest_first(view: View, server: Instance) -> list[str]:
    """Return the hosts by what would be left on them, the least first"""
    left = view.capacity - view.used - view.held - view.size(server)
    capacity = np.where(view.capacity > 0, view.capacity, 1.0)
    spare = np.where(view.capacity > 0, left / capacity, 0.0).sum(axis=1)
    return [view.hosts[i] for i in np.argsort(spare, kind="stable")]
