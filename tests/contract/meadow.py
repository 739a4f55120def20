"""An outside collector in the hands of our engine: read, told of events, decided on.

Run by the interpreter that has the package of ``plugins/``, with the path of a
configuration file; prints what it saw as JSON.
"""

import datetime
import json
import sys
import uuid

import watcher.conf
from watcher import exception
from watcher.clients.simulated import SimulatedCloud
from watcher.cluster.collector.cache import Models
from watcher.cluster.collector.endpoint import Courier
from watcher.cluster.collector.event import Event
from watcher.decision_engine.decide import Decider, Decision
from watcher.decision_engine.scoring import scoring_factory
from watcher.domain.records import Audit
from watcher.plugins import Plugins


class Meadow:
    def __init__(self, path):
        self.conf = watcher.conf.load("meadow", default_config_files=[path])
        self.plugins = Plugins(self.conf)
        scoring_factory.use(self.plugins)
        self.clients = SimulatedCloud(1).clients()
        self.models = Models(self.conf, self.plugins, self.clients)
        self.decider = Decider(
            self.plugins,
            self.models,
            clients=self.clients,
            now=lambda: datetime.datetime(2026, 1, 1),
            new_uuid=lambda: str(uuid.uuid4()),
        )

    def plan(self, scope=()):
        """Return the plants that an audit would water"""
        audit = Audit(
            id=1,
            uuid=str(uuid.uuid4()),
            name="meadow",
            audit_type="ONESHOT",
            state="ONGOING",
            goal_id=1,
            goal_name="tidy_garden",
            strategy_id=1,
            strategy_name="water_plants",
            scope=list(scope),
        )
        decision = Decision()
        self.decider.solve(audit, self.decider.snapshot(), decision)
        self.decider.plan(audit, decision)
        return sorted(a.input_parameters["resource_id"] for a in decision.actions)

    def error(self, name):
        """Return the name of the error that asking for a model ends with"""
        try:
            self.models.get(name)
        except exception.WatcherException as error:
            return type(error).__name__
        return None


def main(path):
    meadow = Meadow(path)
    told = {"before": meadow.plan()}
    told["broken"] = {
        name: meadow.error(name)
        for name in meadow.conf.collector.collector_plugins
        if name.startswith("no_")
    }
    couriers = [
        Courier(name, kept.collector)
        for name, kept in meadow.models.kept.items()
        if name not in ("compute", "no_endpoints")
    ]
    rain = Event(
        publisher="weather:north",
        kind="rain.end",
        payload={"plant": "rose", "litres": 0.8},
    )
    drought = Event(publisher="weather", kind="rain.end", payload={"litres": 0})
    told["taken"] = [c.name for c in couriers if c.deliver(rain)]
    for courier in couriers:
        courier.deliver(drought)
    told["after rain"] = meadow.plan()
    told["in scope"] = meadow.plan([{"garden": [{"exclude": ["cactus"]}]}])
    meadow.models.refresh(full=True, name="garden")
    told["read again"] = meadow.plan()
    told["compute nodes"] = len(meadow.models.compute().get_all_compute_nodes())
    told["ready"] = meadow.models.ready()
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
