"""An API, engines and appliers on one database, everything told to an outbox."""

import concurrent.futures
import datetime
import threading

import sqlalchemy as sa

import watcher.conf
from tests import worlds
from tests.unit.api.conftest import Bus, Client, seed
from watcher.api import app
from watcher.cmd import wiring
from watcher.db import action_plans, actions, audits, leases, migration, models, outbox
from watcher.db.query import ListQuery
from watcher.db.session import Database
from watcher.decision_engine.audit import AuditRunner
from watcher.domain.records import Claim, NewAction
from watcher.notifications import emit
from watcher.plugins import Plugins
from watcher.policy import Enforcer


class Lease:
    """The lease of a process that is not there"""

    def __init__(self, db, owner):
        self._db = db
        epoch = db.write(leases.acquire, owner, service="s", host=owner, ttl_s=600)
        self.claim = Claim(owner, epoch)

    def may_start(self):
        return True

    def die(self):
        """End as the database sees it when the time to live is over"""
        self._db.write(leases.release, self.claim)


class Decider:
    """Decides two actions, after a test let it go on; it holds nobody back"""

    def __init__(self):
        self.computing, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        self.began = []

    def snapshot(self):
        return None

    def solve(self, audit, snapshot, decision, still):
        self.began.append((audit.uuid, models.utcnow()))
        decision.strategy = "dummy"
        decision.solution = type(
            "Solution", (), {"global_efficacy": [], "efficacy_indicators": []}
        )
        self.computing.set()
        assert self.go_on.wait(30)

    def plan(self, audit, decision):
        decision.actions = [
            NewAction(uuid=worlds.new_uuid(), action_type="nop", input_parameters={})
            for _ in range(2)
        ]


class Bench:
    """What the tests of life cycles work with"""

    def __init__(self, url):
        self.conf = watcher.conf.load(
            "test",
            default_config_files=[],
            default_config_dirs=[],
            overrides={
                ("database", "connection"): url,
                (None, "enable_authentication"): False,
            },
        )
        observer = emit.Observer("infra-optim:h", "info", outbox.add, wiring._Related())
        self.db = Database(self.conf, actor="api", observer=observer)
        migration.create_schema(self.db.engine)
        self.db.write(seed)
        self.bus = Bus()
        self.client = Client(
            app.build(
                self.conf, self.db, self.bus, Enforcer(self.conf), Plugins.of({})
            ),
            self.db,
        )
        self.decider = Decider()

    def close(self):
        self.decider.go_on.set()
        self.db.dispose()

    # Engines ----------------------------------------------------------------------------

    def engine(self, name="engine"):
        lease = Lease(self.db, name)
        runner = AuditRunner(
            db=self.db,
            lease=lease,
            decider=self.decider,
            tell=emit.phase,
            applier=self.bus,
            host=name,
            new_uuid=worlds.new_uuid,
        )
        runner.lease = lease
        return runner

    def computing(self, uuid, engine=None):
        """Begin a run that stops in the middle; return the thread it is in"""
        self.decider.computing.clear()
        self.decider.go_on.clear()
        run = (engine or self.engine()).run
        thread = threading.Thread(target=run, args=(uuid,), kwargs={"triggered": True})
        thread.start()
        assert self.decider.computing.wait(30)
        return thread

    def finish(self, thread):
        """Let a run that was stopped go on to its end"""
        self.decider.go_on.set()
        thread.join(30)
        assert not thread.is_alive()

    # Rows -------------------------------------------------------------------------------

    def audit(self, kind="ONESHOT", **more):
        body = {"audit_type": kind, "goal": "dummy", "strategy": "dummy", **more}
        if kind == "CONTINUOUS":
            body["interval"] = "3600"
        answer = self.client.post("/v1/audits", body)
        assert answer.status == 201, answer.raw
        return answer.json["uuid"]

    def planned(self, actions=2):
        """Return the plan of an audit that ended"""
        uuid = self.audit(force=True)
        self.engine(worlds.new_uuid()[:8]).run(uuid)
        (plan,) = self.plans(uuid)
        return plan.uuid

    def get(self, uuid):
        return self.db.read(audits.get, uuid, show_deleted=True)

    def plans(self, audit):
        query = ListQuery(filters={"audit_uuid": audit})
        return self.db.read(action_plans.list, query)

    def plan(self, uuid):
        return self.db.read(action_plans.get, uuid, show_deleted=True)

    def actions(self, plan):
        query = ListQuery(filters={"action_plan_uuid": plan}, show_deleted=True)
        return [action.state for action in self.db.read(actions.list, query)]

    def force(self, table, uuid, **values):
        """Write columns, whatever the rules say"""

        def write(tx):
            tx.execute(sa.update(table).where(table.uuid == uuid).values(**values))

        self.db.write(write)

    # What was told ----------------------------------------------------------------------

    def told(self):
        """Return the events told since the last time, with the steps they tell of"""

        def take(tx):
            table = models.Outbox.__table__
            found = tx.execute(sa.select(table).order_by(table.c.id)).all()
            tx.execute(sa.delete(table))
            return found

        return [_short(row) for row in self.db.write(take)]


def _short(row):
    step = row.payload["watcher_object.data"].get("state_update")
    data = (step or {}).get("watcher_object.data", {})
    states = [data.get("old_state"), data.get("state")]
    return " ".join([row.event_type, *filter(None, states)])


def state(new, path="/state"):
    """Return the operation of a patch that sets a field, the state unless told"""
    return ("replace", path, new)


def together(*work):
    """Do all of it at the same moment; return what each returned"""
    gate = threading.Barrier(len(work))

    def run(one):
        gate.wait(30)
        return one()

    with concurrent.futures.ThreadPoolExecutor(len(work)) as pool:
        return [future.result() for future in [pool.submit(run, one) for one in work]]


def ago(**span):
    """Return a moment of the past as rows keep it"""
    return models.utcnow() - datetime.timedelta(**span)
