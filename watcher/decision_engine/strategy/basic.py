"""Frees compute nodes: the least loaded are emptied onto the most loaded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oslo_config import cfg

from watcher._i18n import _
from watcher.cluster.constraint.base import Constraint
from watcher.cluster.constraint.rules import feasible, standard
from watcher.cluster.model.element import ComputeNode, Instance
from watcher.cluster.model.simulate import Move, View
from watcher.decision_engine.strategy import base, params, steps

_AGGREGATION = {
    "type": "object",
    "properties": {
        name: {"type": "string", "default": default}
        for name, default in (
            ("instance", "mean"),
            ("compute_node", "mean"),
            ("node", ""),
        )
    },
    "default": {"instance": "mean", "compute_node": "mean", "node": ""},
    "description": "how the values of a metric become one; 'node' is the old name of "
    "'compute_node' and wins when it is not empty",
}


@dataclass(frozen=True)
class _Loads:
    """CPU use in percent, 0 to 100: of whole hosts, and of the vCPUs of servers"""

    backend: Any
    period: int
    granularity: int
    aggregates: Mapping[str, str]

    def of_node(self, node: ComputeNode) -> float | None:
        """Return the load of a host; None when nothing is known of it"""
        aggregate = self.aggregates.get("node") or self.aggregates["compute_node"]
        found: float | None = self.backend.get_host_cpu_usage(
            node, self.period, aggregate, self.granularity
        )
        return found

    def of_server(self, server: Instance) -> float:
        """Return the load of a server; one that nothing is known of counts as busy"""
        found = self.backend.get_instance_cpu_usage(
            server, self.period, self.aggregates["instance"], self.granularity
        )
        return 100.0 if found is None else float(found)


class BasicConsolidation(base.ServerConsolidationBaseStrategy):
    """Empties nodes as long as all of their servers find a place elsewhere

    A node is emptied wholly or left alone, so that no server moves for nothing. Nothing
    is guessed: a node whose CPU use is not known neither gives nor takes servers.
    """

    DATASOURCE_METRICS = ("host_cpu_usage", "instance_cpu_usage")
    MODELS = ("compute",)
    PARAMS = params.of(
        params.number(
            "migration_attempts",
            0,
            low=0,
            help="how many nodes in a row may turn out not to be freeable before the "
            "search ends; 0: all are tried",
        ),
        params.number("period", 7200, low=1, help="seconds that metrics cover"),
        params.number(
            "granularity", 300, low=1, help="seconds between two values of a metric"
        ),
        params.Parameter("aggregation_method", _AGGREGATION),
    )

    def __init__(self, config: Any, osc: Any = None) -> None:
        super().__init__(config, osc)
        self._counts = {
            "compute_nodes_count": 0,
            "released_compute_nodes_count": 0,
            "instance_migrations_count": 0,
        }

    @classmethod
    def get_name(cls) -> str:
        """Return the strategy's name"""
        return "basic"

    @classmethod
    def get_display_name(cls) -> str:
        """Return the label in the reader's language"""
        return _("Basic offline consolidation")

    @classmethod
    def get_translatable_display_name(cls) -> str:
        """Return the English label"""
        return "Basic offline consolidation"

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Return the options of the strategy"""
        return [
            *super().get_config_opts(),
            cfg.BoolOpt(
                "check_optimize_metadata",
                default=False,
                help="Move only servers whose metadata say ``optimize: true``, and "
                "those that have no metadata.",
            ),
        ]

    def get_period(self, resource: str) -> int | None:
        """Return the seconds that metrics cover"""
        return int(self.input_parameters.period)

    def get_granularity(self, resource: str) -> int | None:
        """Return the seconds between two values of a metric"""
        return int(self.input_parameters.granularity)

    def get_aggregate(self, resource: str) -> str | None:
        """Return how values of a metric become one"""
        methods = self.input_parameters.aggregation_method
        if resource == "compute_node" and methods.get("node"):
            return str(methods["node"])
        return str(methods.get(resource, "mean"))

    # The search -----------------------------------------------------------------------

    def solve(self, view: View, p: Any) -> Iterator[Move | steps.Step]:
        """Empty one node after the other, the least loaded first"""
        loads = _Loads(
            self.datasource_backend,
            int(p.period),
            int(p.granularity),
            {"instance": "mean", "compute_node": "mean", **p.aggregation_method},
        )
        up = [node for node in view.nodes() if node.state == "up"]
        self._counts["compute_nodes_count"] = sum(
            node.status == steps.ENABLED for node in up
        )
        order = self._ranked(view, up, loads)
        rules, failures = standard(), 0
        for node in reversed(order):
            if p.migration_attempts and failures > p.migration_attempts:
                self.handle.note(
                    None, f"{failures} nodes in a row could not be freed: search ended"
                )
                return
            if set(view.names_on(node)) & set(view.moved()):
                # It has just taken servers: nothing is moved twice.
                continue
            found = self._emptied(view, node, order, loads, rules)
            if found is None:
                failures += 1
                continue
            failures = 0
            for move in found:
                view.apply(move)
                yield move
            yield from self._released(view, node)
            self._counts["instance_migrations_count"] += len(found)
            self._counts["released_compute_nodes_count"] += 1

    def _released(self, view: View, node: ComputeNode) -> Iterator[steps.Step]:
        view.disable(node)
        if node.status != steps.DISABLED:
            yield steps.disable(
                node, self.REASON_FOR_DISABLE, "all of its servers have left"
            )

    def _ranked(
        self, view: View, nodes: Sequence[ComputeNode], loads: _Loads
    ) -> list[ComputeNode]:
        """Return the nodes that have servers and whose load is known, busiest first"""
        known: list[tuple[float, str, ComputeNode]] = []
        for node in nodes:
            if not view.names_on(node):
                continue
            load = loads.of_node(node)
            if load is None:
                self.handle.note(
                    None, f"{node.hostname} is left alone: its CPU use is not known"
                )
                continue
            known.append((-float(load), node.hostname, node))
        if not known:
            self.handle.note(None, "No node with servers has a known CPU use.")
        return [node for _load, _name, node in sorted(known, key=lambda item: item[:2])]

    def _emptied(
        self,
        view: View,
        node: ComputeNode,
        order: Sequence[ComputeNode],
        loads: _Loads,
        rules: Sequence[Constraint],
    ) -> list[Move] | None:
        """Return the moves that empty ``node``; None when a server has to stay"""
        servers = view.on(node)
        movable = self.filter_instances_by_audit_tag(servers)
        if len(movable) < len(servers):
            self._stays(node, "servers on it are not tagged for optimisation")
            return None
        trial, found = view.copy(), []
        hosts = [other.hostname for other in order if other.uuid != node.uuid]
        for server in sorted(movable, key=lambda s: (-loads.of_server(s), s.uuid)):
            verdict = feasible(trial, server, hosts, rules=rules)
            if not verdict.hosts:
                why = verdict.why or "there is no other node with servers"
                self.handle.note(
                    server, f"{node.hostname} cannot be freed: {why}", verdict.refused
                )
                return None
            target = verdict.hosts[0]
            reason = (
                f"{node.hostname} is freed; {target} is the busiest node that can "
                "take the server"
            )
            found.append(trial.move(server, target, reason))
        return found

    def _stays(self, node: ComputeNode, why: str) -> None:
        self.handle.note(None, f"{node.hostname} cannot be freed: {why}")

    def post_execute(self) -> None:
        """Tell how many nodes are freed, of how many, by how many migrations"""
        self.solution.set_efficacy_indicators(**self._counts)
