"""Empties a compute node for maintenance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from watcher import exception
from watcher._i18n import _
from watcher.cluster.constraint.base import Constraint, Verdict
from watcher.cluster.constraint.rules import feasible, standard
from watcher.cluster.model.columns import Floats
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


@dataclass(frozen=True)
class _Search:
    """Looks for places; ``kinds`` tells how each server travels"""

    view: View
    kinds: Mapping[str, str | None]
    backup: ComputeNode | None
    rules: Sequence[Constraint]

    def best(self, servers: Sequence[Instance]) -> _Way:
        """Return the way that spreads the servers; one that packs them if it takes more"""
        best = self._better(servers, None)
        if best.left:
            packed = self._better(servers, len(best.left))
            best = min((best, packed), key=lambda way: len(way.left))
        return best

    def _better(self, servers: Sequence[Instance], unspread: int | None) -> _Way:
        """Return the better of two attempts: big servers first, then the choosy ones"""
        big = sorted(servers, key=lambda s: (-_share(self.view, s), s.uuid))
        best = self._attempt(big, unspread)
        if best.left:
            # A small server that fits few nodes may have lost its place to a big one.
            other = self._attempt(sorted(big, key=self._choices), unspread)
            best = min((best, other), key=lambda way: len(way.left))
        return best

    def _choices(self, server: Instance) -> int:
        return len(self.feasible(self.view, server).targets)

    def feasible(
        self, view: View, server: Instance, order: Sequence[str] | None = None
    ) -> Verdict:
        """Return where a server may go, in ``order``"""
        kind = str(self.kinds[server.uuid])
        return feasible(view, server, order, rules=self.rules, kind=kind)

    def _attempt(self, servers: Sequence[Instance], unspread: int | None) -> _Way:
        """Place one server after the other

        :param unspread: None to spread; how many servers spreading leaves, to pack
        """
        way = _Way(self.view.copy())
        for server in servers:
            filled = _filled(way.view, server)
            if unspread is None:
                order = _first(way.view, filled)
            else:
                order = _first(way.view, _spare(way.view, server))
            if self.backup is not None:
                order.remove(self.backup.hostname)
                order.insert(0, self.backup.hostname)
            hosts = self.feasible(way.view, server, order).hosts
            if not hosts:
                way.left.append(server)
                continue
            # The backup is wished for: a soft rule does not outweigh it.
            preferred = self.backup is not None and self.backup.hostname in hosts
            target = self.backup.hostname if self.backup and preferred else hosts[0]
            chosen = min(hosts, key=order.index) == target
            text = _rank(
                target, float(filled[way.view.index[target]]), unspread, first=chosen
            )
            reason = self._reason(way.view.host_of(server), target, text)
            kind = str(self.kinds[server.uuid])
            way.found.append(way.view.move(server, target, reason, kind))
        return way

    def _reason(self, source: str | None, target: str, rank: str) -> str:
        text = f"{source} is emptied for maintenance; "
        if self.backup is None:
            return text + rank
        if target == self.backup.hostname:
            return text + f"the backup node {target} can take it"
        return text + f"the backup node {self.backup.hostname} cannot take it, {rank}"


class HostMaintenance(base.HostMaintenanceBaseStrategy):
    """Disables a compute node and moves its servers to nodes that can take them"""

    MODELS = ("compute",)
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
        way = _Search(view, kinds, backup, rules).best(moving)
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


def _filled(view: View, server: Instance) -> Floats:
    """Return for each host how full its fullest resource is with the server on it"""
    with_it = view.used + view.held + view.size(server)
    capacity = np.where(view.capacity > 0, view.capacity, 1.0)
    filled: Floats = np.where(view.capacity > 0, with_it / capacity, 0.0).max(axis=1)
    return filled


def _spare(view: View, server: Instance) -> Floats:
    """Return for each host what would be left on it, all resources together"""
    left = view.capacity - view.used - view.held - view.size(server)
    capacity = np.where(view.capacity > 0, view.capacity, 1.0)
    spare: Floats = np.where(view.capacity > 0, left / capacity, 0.0).sum(axis=1)
    return spare


def _first(view: View, amount: Floats) -> list[str]:
    """Return the hosts by amount, the least first, equal ones by name"""
    return [view.hosts[i] for i in np.argsort(amount, kind="stable")]


def _rank(target: str, filled: float, unspread: int | None, *, first: bool) -> str:
    """Say why this host; ``first`` unless a soft rule took it out of its turn"""
    suits = "" if first else " and suits its server group"
    if unspread is None:
        return (
            f"{target} is the emptiest host that can take it{suits}: {filled:.0%} full"
        )
    servers = "server" if unspread == 1 else "servers"
    return (
        f"{target} is the tightest host that can take it{suits}: servers are packed, "
        f"since spreading them would leave {unspread} {servers} without a place"
    )
