"""A bench for the applier: rows in memory, a simulated cloud whose time runs faster."""

import datetime
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest

import watcher.conf
from watcher import exception
from watcher.applier import aftermath
from watcher.applier.actions.change_node_power_state import ChangeNodePowerState
from watcher.applier.actions.change_nova_service_state import ChangeNovaServiceState
from watcher.applier.actions.delete import Delete
from watcher.applier.actions.migrate import Migrate
from watcher.applier.actions.nop import Nop
from watcher.applier.actions.resize import Resize
from watcher.applier.actions.shelve import Shelve
from watcher.applier.actions.sleep import Sleep
from watcher.applier.actions.start import Start
from watcher.applier.actions.stop import Stop
from watcher.applier.actions.unshelve import Unshelve
from watcher.applier.actions.volume_migrate import VolumeMigrate
from watcher.applier.admission import NoLimits
from watcher.applier.book import Book
from watcher.applier.journal import Timing
from watcher.applier.plan import PlanRunner, Settings
from watcher.applier.signals import Left
from watcher.applier.workflow_engine.taskflow import TaskFlowEngine
from watcher.clients.simulated import SimulatedCloud, utc_now
from watcher.db import (
    action_plans,
    actions,
    audits,
    goals,
    leases,
    operations,
    strategies,
)
from watcher.db.models import Base
from watcher.db.session import Database
from watcher.domain.records import Claim, NewAction, NewPlan
from watcher.plugins import Plugins

from .volumes import HERE

SPEED = 60
ACTIONS = {
    "nop": Nop,
    "sleep": Sleep,
    "migrate": Migrate,
    "resize": Resize,
    "stop": Stop,
    "start": Start,
    "delete": Delete,
    "shelve": Shelve,
    "unshelve": Unshelve,
    "change_nova_service_state": ChangeNovaServiceState,
    "change_node_power_state": ChangeNodePowerState,
    "volume_migrate": VolumeMigrate,
}
QUICK = Timing(
    migration_s=8, interval_s=0.05, first_interval_s=0.01, confirm_s=5, settle_s=0.15,
    volume_s=8, per_gb_s=0, volume_interval_s=0.05, power_s=8, power_interval_s=0.05,
    stop_s=5, delete_s=5, shelve_s=5,
)  # fmt: skip


class Dead(Left):
    """The process is gone: nothing it tries has any effect"""


class Fate:
    """Counts what a process does to the world and ends it before or after one of these"""

    def __init__(self, at=None, after=False):
        self.at = at
        self.after = after
        self.count = 0
        self.dead = threading.Event()
        self._lock = threading.Lock()

    def step(self, act):
        with self._lock:
            if self.dead.is_set():
                raise Dead
            self.count += 1
            if self.count == self.at:
                self.dead.set()
                if self.after:
                    act()
                raise Dead
            return act()


class MortalDb:
    """Database of a process with a fate"""

    def __init__(self, db, fate):
        self._db, self._fate = db, fate

    def write(self, fn, *args, **kwargs):
        return self._fate.step(lambda: self._db.write(fn, *args, **kwargs))

    def read(self, fn, *args, **kwargs):
        if self._fate.dead.is_set():
            raise Dead
        return self._db.read(fn, *args, **kwargs)


class Mortal:
    """A service as a process with a fate reaches it; remembers every changing call"""

    CHANGES = (
        "live_migrate",
        "cold_migrate",
        "confirm_resize",
        "abort_live_migration",
        "set_service",
        "migrate_volume",
        "retype_volume",
        "set_power",
        "resize",
        "revert_resize",
        "stop",
        "start",
        "delete",
        "shelve",
        "unshelve",
    )

    def __init__(self, service, fate, calls):
        self._service, self._fate, self._calls = service, fate, calls

    def __getattr__(self, name):
        method = getattr(self._service, name)
        if not callable(method):
            return method
        if name not in self.CHANGES:

            def look(*args, **kwargs):
                if self._fate.dead.is_set():
                    raise Dead
                return method(*args, **kwargs)

            return look

        def change(*args):
            def act():
                try:
                    result = method(*args)
                except exception.WatcherException as error:
                    self._calls.append((name, args, error))
                    raise
                self._calls.append((name, args, None))
                return result

            return self._fate.step(act)

        return change


class MortalClients:
    def __init__(self, clients, fate, calls):
        self.nova = Mortal(clients.nova, fate, calls)
        self.cinder = Mortal(clients.cinder, fate, calls)
        self.metal = Mortal(clients.metal, fate, calls)


class Tenure:
    """A lease that the test renews or not"""

    def __init__(self, claim):
        self.held = claim
        self.fresh = True

    @property
    def claim(self):
        if self.held is None:
            raise exception.LeaseLost(owner="us", epoch=0, kind="process", ident="here")
        return self.held

    def may_start(self):
        return self.held is not None and self.fresh


@dataclass
class Bench:
    db: Database
    cloud: SimulatedCloud
    plugins: Plugins
    calls: list = field(default_factory=list)
    events: list = field(default_factory=list)
    runners: list = field(default_factory=list)
    parallelization: dict = field(default_factory=dict)
    timing: Timing = QUICK
    admission: Any = field(default_factory=NoLimits)
    retargets: object = None
    processes: int = 0
    on_finish: aftermath.OnFinish = aftermath.nothing

    def phase(self, tx, event_type, record, *, fault=None):
        self.events.append((event_type, record.uuid, record.state, fault))

    def plan(self, *specs, state="PENDING"):
        """Store a plan; a spec is (type, parameters, parents by index)"""
        uuids = [str(uuid.uuid4()) for _ in specs]
        rows = [
            NewAction(
                uuid=ident,
                action_type=spec[0],
                input_parameters=spec[1],
                parents=[uuids[n] for n in (spec[2] if len(spec) > 2 else [])],
            )
            for ident, spec in zip(uuids, specs, strict=True)
        ]
        plan = NewPlan(
            uuid=str(uuid.uuid4()), audit_uuid=self.audit, strategy_name="dummy",
            state=state, actions=rows,
        )  # fmt: skip
        self.db.write(action_plans.save, plan)
        return plan.uuid

    @property
    def audit(self):
        return self.db.read(audits.get, "audit").uuid

    def process(self, fate=None):
        """Start a process: a lease, and what it reaches of the world"""
        self.processes += 1
        owner = f"applier-{self.processes}"
        epoch = self.db.write(
            leases.acquire, owner, service="watcher-applier", host="h", ttl_s=20
        )
        return Process(self, Claim(owner, epoch), fate or Fate())

    def run(self, plan_uuid, timeout_s=20):
        runner = self.process().take(plan_uuid)
        runner.join(timeout_s)
        assert not runner.alive
        return self.state(plan_uuid)

    def state(self, plan_uuid):
        return self.db.read(action_plans.get, plan_uuid)

    def actions(self, plan_uuid):
        return self.db.read(actions.of_plan, plan_uuid)

    def states(self, plan_uuid):
        return [row.state for row in self.actions(plan_uuid)]

    def operations(self, action_uuid):
        return self.db.read(operations.of_action, action_uuid)

    def cancel(self, plan_uuid):
        self.db.write(action_plans.step, plan_uuid, "ONGOING", "CANCELLING")

    def until(self, check, timeout_s=10):
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if check():
                return
            time.sleep(0.01)
        raise AssertionError("it did not happen in time")

    def accepted(self, name):
        return [call for call in self.calls if call[0] == name and call[2] is None]


class Process:
    """One applier process, as far as plans see it"""

    def __init__(self, bench, claim, fate):
        self.bench, self.claim, self.fate = bench, claim, fate
        self.tenure = Tenure(claim)
        self.db = MortalDb(bench.db, fate)
        clients = bench.cloud.clients()
        self.clients = MortalClients(clients, fate, bench.calls)

    def take(self, plan_uuid, start=True):
        before = self.bench.state(plan_uuid)
        plan = self.bench.db.write(action_plans.claim, plan_uuid, self.claim, "h")
        assert plan is not None, "nobody may take it"
        book = Book(
            self.db, self.tenure, plan, phase=self.bench.phase,
            on_finish=self.bench.on_finish,
        )  # fmt: skip
        runner = PlanRunner(
            book, fresh=before.state == "PENDING", plugins=self.bench.plugins,
            clients=self.clients,
            settings=Settings(
                timing=self.bench.timing, parallelization=self.bench.parallelization,
                admission=self.bench.admission, retargets=self.bench.retargets,
            ),
        )  # fmt: skip
        self.bench.runners.append(runner)
        if start:
            runner.start()
        return runner

    def die(self):
        """Stop without a word; the lease runs out"""
        self.fate.dead.set()
        self.expire()

    def expire(self):
        self.bench.db.write(leases.release, self.claim)


@pytest.fixture
def conf():
    return watcher.conf.load(
        "test", overrides={("database", "connection"): "sqlite://"}
    )


@pytest.fixture
def bench(conf):
    db = Database(conf)
    Base.metadata.create_all(db.engine)

    def seed(tx):
        goal = goals.create(tx, name="dummy", display_name="Dummy")
        strategies.create(tx, name="dummy", display_name="Dummy", goal_id=goal.id)
        audits.create(
            tx, name="audit", audit_type="ONESHOT", goal_id=goal.id, state="SUCCEEDED"
        )

    db.write(seed)
    start, began = utc_now(), time.monotonic()

    def now():
        return start + datetime.timedelta(seconds=SPEED * (time.monotonic() - began))

    cloud = SimulatedCloud.empty(now=now)
    for name in ("a", "b", "c"):
        cloud.add_host(name)
    known = {
        "watcher_actions": dict(ACTIONS),
        "watcher_workflow_engines": {"taskflow": TaskFlowEngine},
    }
    plugins = Plugins.of(known, conf)
    plugins.classes("watcher_workflow_engines")
    conf.set_override("max_workers", 4, "watcher_workflow_engines.taskflow")
    bench = Bench(db, cloud, plugins)
    yield bench
    for runner in bench.runners:
        runner.leave()
    for runner in bench.runners:
        runner.join(5)
    db.dispose()


@pytest.fixture
def storage(bench):
    bench.cloud.volume_gb_s = 2.0
    found = bench.cloud.storage
    found.add_backend("s@fast", pools={"a": 500.0, "b": 500.0})
    found.add_backend("s@slow", pools={"a": 500.0})
    found.add_type("fast", volume_backend_name="fast")
    found.add_type("slow", volume_backend_name="slow")
    found.add_type("plain")
    return found


@pytest.fixture
def disk(storage):
    return storage.add_volume("disk", HERE, 10, kind="fast", project_id="p")
