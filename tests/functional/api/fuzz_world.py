"""What is fuzzed: a database with rows of every kind and state, and the API over it."""

import sqlalchemy as sa

import watcher.conf
from tests.functional.api import fuzz_rows
from watcher import bus
from watcher.api import app
from watcher.cmd import wiring
from watcher.db import migration, models
from watcher.db.rows import made_up_uuid
from watcher.decision_engine import sync
from watcher.policy import Enforcer

TABLES = ("goals", "strategies", "audit_templates", "audits", "action_plans",
          "actions", "scoring_engines", "services")  # fmt: skip


class Bus:
    """Takes every message and counts them"""

    def __init__(self):
        self.sent = 0
        self.decision_engine = self.applier = self.broker = self

    def _cast(self, *args, **kwargs):
        self.sent += 1
        return True

    trigger_audit = launch_action_plan = _cast

    def ready(self, seconds):
        """Why the broker cannot be reached: it can"""

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
                # Nobody reads a cloud here.
                ("api", "ready_model_age"): 0,
            },
        )
        bus.register(self.conf)
        # Payloads of notifications are made of what was sent, too.
        self.conf.set_override("driver", ["noop"], "oslo_messaging_notifications")
        self.plugins = wiring.plugins(self.conf)
        self.db = wiring.database(self.conf, "api")
        migration.create_schema(self.db.engine)
        sync.synchronise(self.db, self.plugins)
        self.db.write(fuzz_rows.seed)
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
