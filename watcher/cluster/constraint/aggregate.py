"""Host aggregates that reserve their hosts."""

from collections.abc import Mapping

import numpy as np

from watcher.cluster.constraint.base import Bools, Constraint
from watcher.cluster.constraint.spec import matches
from watcher.cluster.model.element import Instance
from watcher.cluster.model.simulate import View

SCOPE = "aggregate_instance_extra_specs:"
TENANTS = "filter_tenant_id"

Metadata = Mapping[str, frozenset[str]]


class Aggregates(Constraint):
    """A target satisfies what flavor and project demand of host aggregates

    Extra specs ``aggregate_instance_extra_specs:<key>`` must be matched by an aggregate
    of the target. One without prefix binds when the server's own host matches it: it may
    as well mean something else. Hosts of aggregates with ``filter_tenant_id`` take the
    listed projects only.
    """

    name = "aggregate"

    def fits(self, view: View, instance: Instance) -> Bools:
        key = ("fits", *_key(view, instance))
        found: Bools | None = view.facts.get(key)
        if found is None:
            refusals = (
                self.refuses(view, instance, host) is None for host in view.hosts
            )
            found = np.fromiter(refusals, dtype=bool, count=len(view.hosts))
            view.facts[key] = found
        return found

    def refuses(self, view: View, instance: Instance, host: str) -> str | None:
        there = _metadata(view).get(host, {})
        for name, wanted in _demands(view, instance).items():
            if not any(matches(value, wanted) for value in there.get(name, ())):
                return (
                    f"{host} is in no aggregate with {name} = {wanted}, as the flavor of "
                    f"{instance.uuid} demands"
                )
        tenants = [v for k, v in there.items() if k.startswith(TENANTS)]
        project = instance.get("project_id", "")
        if tenants and not any(project in values for values in tenants):
            return f"{host} is reserved for other projects than that of {instance.uuid}"
        return None


def _key(view: View, instance: Instance) -> tuple[object, ...]:
    specs = instance.data.get("flavor_extra_specs") or {}
    # The host matters only for specs without prefix.
    home = view.model.host_of(instance.uuid) if specs else None
    return (home, instance.data.get("project_id"), tuple(sorted(specs.items())))


def _demands(view: View, instance: Instance) -> dict[str, str]:
    specs: Mapping[str, str] = instance.data.get("flavor_extra_specs") or {}
    home = _metadata(view).get(view.model.host_of(instance.uuid) or "", {})
    demands = {}
    for key, wanted in specs.items():
        if key.startswith(SCOPE):
            demands[key.removeprefix(SCOPE)] = wanted
        elif ":" not in key and any(matches(v, wanted) for v in home.get(key, ())):
            demands[key] = wanted
    return demands


def _metadata(view: View) -> Mapping[str, Metadata]:
    found: dict[str, dict[str, frozenset[str]]] | None = view.facts.get("metadata")
    if found is None:
        found = view.facts["metadata"] = {}
        for aggregate in view.model.aggregates.values():
            for host in aggregate.hosts:
                there = found.setdefault(host, {})
                for key, text in aggregate.metadata.items():
                    values = frozenset(part.strip() for part in str(text).split(","))
                    there[key] = there.get(key, frozenset()) | values
    return found
