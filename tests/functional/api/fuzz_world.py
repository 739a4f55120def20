"""What is fuzzed: a database with rows of every kind and state, and the API over it."""

import datetime
import itertools

import sqlalchemy as sa

import watcher.conf
from tests.worlds import new_uuid
from watcher import bus
from watcher.api import app
from watcher.cmd import wiring
from watcher.db import (
    action_plans,
    audit_templates,
    audits,
    goals,
    migration,
    models,
    scoring_engines,
    services,
    strategies,
)
from watcher.db.rows import made_up_uuid
from watcher.decision_engine import sync
from watcher.domain import states
from watcher.domain.records import EfficacyIndicator, NewAction, NewPlan
from watcher.policy import Enforcer

# Parameters of every shape: nested, mandatory, listed, without limits.
SPEC = {
    "type": "object",
    "properties": {
        "number": {"type": "number", "default": 3.2, "minimum": 1.0, "maximum": 10.2},
        "count": {"type": "integer", "minimum": 0},
        "word": {"type": "string", "default": "hello", "pattern": "^[a-z]*$"},
        "choice": {"enum": ["a", "b", None]},
        "flag": {"type": "boolean", "default": False},
        "nested": {
            "type": "object",
            "properties": {
                "depth": {"type": "integer", "default": 1},
                "rows": {
                    "type": "array",
                    "maxItems": 3,
                    "items": {"type": "object", "properties": {"k": {}}},
                },
            },
        },
        "free": {"type": "object"},
    },
}
NEEDY = {
    "properties": {
        "must": {"type": "string", "minLength": 1},
        "may": {"type": "array", "items": {"type": "number"}, "default": [1, 2]},
    },
    "required": ["must"],
}
_BEGUN = ("ONGOING", "SUCCEEDED", "FAILED", "SKIPPED")
_ENDED = ("SUCCEEDED", "FAILED", "SKIPPED", *("CANCELLED",) * 5)
# States of a plan's actions that are not PENDING.
_LEFT = {
    **dict.fromkeys(states.PLAN, _ENDED),
    "RECOMMENDED": ("SKIPPED",),
    "PENDING": ("SKIPPED",),
    "ONGOING": _BEGUN,
    "CANCELLING": ("CANCELLING", *_BEGUN),
}
_GAIN = {"name": "gain", "description": None, "unit": "%"}
NAMES = ("detail", "42", "a.json", "with/slash", " spaced ", "Ünïcode", "x" * 63, "%2F")
TABLES = ("goals", "strategies", "audit_templates", "audits", "action_plans",
          "actions", "scoring_engines", "services")  # fmt: skip


class Bus:
    """Takes every message and counts them"""

    def __init__(self):
        self.sent = 0
        self.decision_engine = self.applier = self

    def _cast(self, *args, **kwargs):
        self.sent += 1
        return True

    trigger_audit = launch_action_plan = _cast

    def get_strategy_info(self, ctx, name):
        return [{"type": "Metrics", "state": [], "mandatory": False, "comment": ""}]

    def get_data_model_info(self, ctx, kind, audit=None):
        return {"context": [{"node_uuid": "n1", "node_vcpus": 4, "server_uuid": "s1"}]}

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        # Whatever the daemons learn to answer later: nothing is known.
        return lambda *args, **kwargs: None


class World:
    """A database, what is in it, and the application over it"""

    def __init__(self, url):
        self.url = url
        self.engine_name = url.partition(":")[0].partition("+")[0]
        self.conf = watcher.conf.load(
            "fuzz",
            default_config_files=[],
            default_config_dirs=[],
            overrides={
                ("database", "connection"): url,
                ("database", "sqlite_synchronous"): False,
                ("database", "db_retry_interval"): 0,
                (None, "enable_authentication"): False,
            },
        )
        bus.register(self.conf)
        # Payloads of notifications are made of what was sent, too.
        self.conf.set_override("driver", ["noop"], "oslo_messaging_notifications")
        self.plugins = wiring.plugins(self.conf)
        self.db = wiring.database(self.conf, "api")
        migration.create_schema(self.db.engine)
        sync.synchronise(self.db, self.plugins)
        self.db.write(_seed)
        self.bus = Bus()
        self.application = app.build(
            self.conf, self.db, self.bus, Enforcer(self.conf), self.plugins
        )
        # A connection of its own that never holds a transaction.
        self._engine = sa.create_engine(
            self.db.engine.url, isolation_level="AUTOCOMMIT", poolclass=sa.StaticPool
        )
        self._watch = self._engine.connect()
        self._print = _fingerprints(self._engine)
        self.rows = self._known()
        pairs = sa.select(models.Strategy.name, models.Goal.name)
        # The goal of each strategy, by their names.
        self.goals = {row[0]: row[1] for row in self.select(pairs.join(models.Goal))}
        # How many rows of a kind requests are about.
        self.newest = 1000
        history = sa.select(sa.func.max(models.History.id))
        self.seeded = self._watch.scalar(history) or 0

    def select(self, statement):
        """Rows as they are stored"""
        return self._watch.execute(statement).all()

    def fingerprint(self):
        """What changes when, and only when, something that is stored changes"""
        return self._print(self._watch)

    def _known(self):
        found = {}
        for name in TABLES:
            table = models.Base.metadata.tables[name]
            wanted = [table.c.id, table.c.deleted_at]
            wanted += [table.c[key] for key in ("uuid", "name") if key in table.c]
            rows = self._watch.execute(sa.select(*wanted).order_by(table.c.id)).all()
            found[name] = [row._asdict() for row in rows]
            for row in found[name]:
                if row.get("uuid", "") is None:
                    row["uuid"] = made_up_uuid(name, row["id"])
        return found

    def learn(self):
        """Look again at which rows there are"""
        self.rows = self._known()

    def live(self, table):
        """How many rows of a kind are not deleted"""
        return sum(row["deleted_at"] is None for row in self.rows[table])

    def pick(self, table, key, number):
        """A row's uuid, name or id: the ``number``-th from the end, deleted ones too"""
        rows = self.rows[table][-self.newest :]
        row = rows[-1 - number % len(rows)]
        return str(row.get(key) or row.get("uuid") or row["id"])

    def close(self):
        self._watch.close()
        self._engine.dispose()
        self.db.dispose()


def _fingerprints(engine):
    names = sorted(models.Base.metadata.tables)
    if engine.dialect.name == "sqlite":
        # SQLite tells one connection whether another one has committed a change.
        statement = "PRAGMA data_version"
    elif engine.dialect.name == "postgresql":
        statement = " UNION ALL ".join(
            f"SELECT '{name}', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) "
            f"FROM {name} t"
            for name in names
        )
    else:
        statement = "CHECKSUM TABLE " + ", ".join(names)
    text = sa.text(statement)
    return lambda link: tuple(tuple(row) for row in link.execute(text))


def _seed(tx):
    for name, kind in (("tested", SPEC), ("needy", NEEDY)):
        goal = goals.create(tx, name=f"goal_{name}", display_name=f"Goal {name}")
        for each in (name, f"{name}_2"):
            strategies.create(
                tx, name=each, display_name=each, goal_id=goal.id, parameters_spec=kind
            )
    goals.create(tx, name="barren", display_name="No strategy pursues it")
    for name in ("scorer", "Ünïcode scorer", "detail"):
        scoring_engines.create(tx, name=name, description="d", metainfo="m" * 300)
    for name in ("watcher-decision-engine", "watcher-applier"):
        for host in ("h1", "h2"):
            services.beat(tx, name, host, runtime="openstack-watcher 1")
    tested = strategies.get(tx, "tested")
    for number, name in enumerate(NAMES):
        audit_templates.create(
            tx,
            name=name,
            goal_id=tested.goal_id,
            strategy_id=tested.id if number % 2 else None,
            scope=[{"compute": [{"availability_zones": [{"name": "az1"}]}]}],
            default_parameters={"word": "abc", "nested": {"depth": 2}}
            if number % 4 == 1
            else {},
        )
    _seed_audits(tx, tested)
    _seed_old(tx, tested)


def _seed_old(tx, tested):
    """Rows as releases of long ago left them: nothing in columns that may be empty"""
    goal, strategy = tested.goal_id, tested.id
    for table, values in (
        (models.AuditTemplate, {"goal_id": goal}),
        (models.Audit, {"goal_id": goal, "auto_trigger": False}),
        (models.ActionPlan, {"audit_id": 1, "strategy_id": strategy}),
        (models.Action, {"action_plan_id": 1, "action_type": "unheard of"}),
    ):
        columns = table.__table__.c
        values |= {"created_at": datetime.datetime(2016, 1, 1), "deleted": 0}
        empty = {column.name: None for column in columns if column.nullable}
        tx.execute(sa.insert(table.__table__).values({**empty, **values}))


def _seed_audits(tx, tested):
    kinds = itertools.product(states.AUDIT_TYPES, states.AUDIT)
    for number, (kind, state) in enumerate(kinds):
        audit = audits.create(
            tx,
            name=NAMES[number] if number < len(NAMES) else f"{kind}-{state}",
            audit_type=kind,
            goal_id=tested.goal_id,
            strategy_id=tested.id if number % 3 else None,
            state=state,
            interval="3600" if kind == states.CONTINUOUS else None,
            parameters={"word": "abc"} if number % 3 else {},
            scope=[{"compute": [{"host_aggregates": [{"id": 1}, {"name": "n"}]}]}],
            start_time=datetime.datetime(2026, 1, 1),
            end_time=datetime.datetime(2027, 1, 1),
        )
        _seed_plan(tx, audit, list(states.PLAN)[number % len(states.PLAN)])
        if state == states.DELETED:
            models_of = models.Audit
            tx.execute(
                sa.update(models_of)
                .where(models_of.uuid == audit.uuid)
                .values(deleted_at=models.utcnow(), deleted=audit.id)
            )


def _seed_plan(tx, audit, state):
    idents = [new_uuid() for _state in states.ACTION]
    plan = NewPlan(
        uuid=new_uuid(),
        audit_uuid=audit.uuid,
        strategy_name="tested",
        state=state,
        actions=[
            NewAction(
                uuid=ident,
                action_type="nop",
                input_parameters={"message": "hello"},
                parents=idents[max(0, place - 1) : place],
            )
            for place, ident in enumerate(idents)
        ],
        efficacy_indicators=[EfficacyIndicator(name="moves", unit="%", value=2.0)],
        global_efficacy=[{**_GAIN, "value": 12.5}],
        explanation={"summary": "why"},
    )
    action_plans.save(tx, plan)
    # As an applier leaves them; four of eight stay as they were stored.
    for ident, each in zip(idents, _LEFT[state], strict=False):
        tx.execute(
            sa.update(models.Action)
            .where(models.Action.uuid == ident)
            .values(state=each)
        )
