"""Databases as the reference leaves them, at each of its revisions, on three engines.

Written from the description of the published schema: the ``upgrade`` path, the
``create_schema`` path, and rows as releases of that age left them - odd ones included.
"""

import sqlalchemy as sa

REVISIONS = (
    "001",
    "0f6042416884",
    "d098df6021e2",
    "d09a5945e4a0",
    "3cfc94cecf4e",
    "a86240e89a29",
    "52804f2498c4",
    "4b16194c56bc",
    "609bec748f2a",
    "15f7375ca737",
    "7150a7d8f228",
    "f56ba02662b4",
)
HEAD = REVISIONS[-1]

KINDS = {
    "sqlite": {
        "key": "INTEGER NOT NULL PRIMARY KEY",
        "time": "DATETIME",
        "blob": "BLOB",
    },
    "mysql": {
        "key": "INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY",
        "time": "DATETIME",
        "blob": "BLOB",
    },
    "postgresql": {
        "key": "SERIAL NOT NULL PRIMARY KEY",
        "time": "TIMESTAMP WITHOUT TIME ZONE",
        "blob": "BYTEA",
    },
}
BOOK = "created_at {time}, updated_at {time}, deleted_at {time}, deleted INTEGER"
# Table, first revision, columns and keys of the Ocata baseline.
BASELINE = {
    "goals": "id {key}, uuid VARCHAR(36), name VARCHAR(63) NOT NULL,"
    " display_name VARCHAR(63) NOT NULL, efficacy_specification TEXT NOT NULL,"
    " CONSTRAINT uniq_goals0name UNIQUE (name, deleted),"
    " CONSTRAINT uniq_goals0uuid UNIQUE (uuid)",
    "scoring_engines": "id {key}, uuid VARCHAR(36) NOT NULL, name VARCHAR(63) NOT NULL,"
    " description VARCHAR(255), metainfo TEXT,"
    " CONSTRAINT uniq_scoring_engines0name UNIQUE (name, deleted),"
    " CONSTRAINT uniq_scoring_engines0uuid UNIQUE (uuid)",
    "services": "id {key}, name VARCHAR(255) NOT NULL, host VARCHAR(255) NOT NULL,"
    " last_seen_up {time},"
    " CONSTRAINT uniq_services0host0name0deleted UNIQUE (host, name, deleted)",
    "strategies": "id {key}, uuid VARCHAR(36), name VARCHAR(63) NOT NULL,"
    " display_name VARCHAR(63) NOT NULL, goal_id INTEGER NOT NULL, parameters_spec TEXT,"
    " FOREIGN KEY(goal_id) REFERENCES goals (id),"
    " CONSTRAINT uniq_strategies0name UNIQUE (name, deleted),"
    " CONSTRAINT uniq_strategies0uuid UNIQUE (uuid)",
    "audit_templates": "id {key}, uuid VARCHAR(36), name VARCHAR(63),"
    " description VARCHAR(255), goal_id INTEGER NOT NULL, strategy_id INTEGER, scope TEXT,"
    " FOREIGN KEY(goal_id) REFERENCES goals (id),"
    " FOREIGN KEY(strategy_id) REFERENCES strategies (id),"
    " CONSTRAINT uniq_audit_templates0name UNIQUE (name, deleted),"
    " CONSTRAINT uniq_audit_templates0uuid UNIQUE (uuid)",
    "audits": "id {key}, uuid VARCHAR(36), audit_type VARCHAR(20), state VARCHAR(20),"
    " parameters TEXT, {interval}, goal_id INTEGER NOT NULL, strategy_id INTEGER,"
    " scope TEXT, auto_trigger BOOLEAN NOT NULL,"
    " FOREIGN KEY(goal_id) REFERENCES goals (id),"
    " FOREIGN KEY(strategy_id) REFERENCES strategies (id),"
    " CONSTRAINT uniq_audits0uuid UNIQUE (uuid)",
    "action_plans": "id {key}, uuid VARCHAR(36), audit_id INTEGER NOT NULL,"
    " strategy_id INTEGER NOT NULL, state VARCHAR(20), global_efficacy TEXT,"
    " FOREIGN KEY(audit_id) REFERENCES audits (id),"
    " FOREIGN KEY(strategy_id) REFERENCES strategies (id),"
    " CONSTRAINT uniq_action_plans0uuid UNIQUE (uuid)",
    "actions": "id {key}, uuid VARCHAR(36) NOT NULL, action_plan_id INTEGER NOT NULL,"
    " action_type VARCHAR(255) NOT NULL, input_parameters TEXT, state VARCHAR(20),"
    " parents TEXT, FOREIGN KEY(action_plan_id) REFERENCES action_plans (id),"
    " CONSTRAINT uniq_actions0uuid UNIQUE (uuid)",
    "efficacy_indicators": "id {key}, uuid VARCHAR(36), name VARCHAR(63),"
    " description VARCHAR(255), unit VARCHAR(63), value NUMERIC,"
    " action_plan_id INTEGER NOT NULL,"
    " FOREIGN KEY(action_plan_id) REFERENCES action_plans (id),"
    " CONSTRAINT uniq_efficacy_indicators0uuid UNIQUE (uuid)",
}
LATER = {
    "0f6042416884": (
        "CREATE TABLE apscheduler_jobs (id VARCHAR(191) NOT NULL PRIMARY KEY,"
        " next_run_time FLOAT(25), job_state {blob} NOT NULL,"
        " service_id INTEGER NOT NULL, tag TEXT,"
        " FOREIGN KEY(service_id) REFERENCES services (id))",
        "CREATE INDEX ix_apscheduler_jobs_next_run_time"
        " ON apscheduler_jobs (next_run_time)",
    ),
    "d098df6021e2": ("ALTER TABLE audits ADD COLUMN next_run_time {time}",),
    "d09a5945e4a0": (
        f"CREATE TABLE action_descriptions ({BOOK}, id {{key}},"
        " action_type VARCHAR(255) NOT NULL, description VARCHAR(255) NOT NULL,"
        " CONSTRAINT uniq_action_description0action_type UNIQUE (action_type))",
    ),
    "3cfc94cecf4e": ("ALTER TABLE audits ADD COLUMN name VARCHAR(63)",),
    "a86240e89a29": (),
    "52804f2498c4": (
        "ALTER TABLE audits ADD COLUMN hostname VARCHAR(255)",
        "ALTER TABLE action_plans ADD COLUMN hostname VARCHAR(255)",
    ),
    "4b16194c56bc": (
        "ALTER TABLE audits ADD COLUMN start_time {time}",
        "ALTER TABLE audits ADD COLUMN end_time {time}",
    ),
    "609bec748f2a": ("ALTER TABLE audits ADD COLUMN {force}",),
    "15f7375ca737": ("ALTER TABLE efficacy_indicators ADD COLUMN data FLOAT",),
    "7150a7d8f228": (
        "ALTER TABLE audits ADD COLUMN status_message VARCHAR(255)",
        "ALTER TABLE action_plans ADD COLUMN status_message VARCHAR(255)",
        "ALTER TABLE actions ADD COLUMN status_message VARCHAR(255)",
    ),
    "f56ba02662b4": ("ALTER TABLE audit_templates ADD COLUMN default_parameters TEXT",),
}
DAY = "2017-03-0{} 08:15:30"
RANGE = "Range(min=0, max=None, min_included=True)"


def build(engine, revision=HEAD, *, created=False):
    """Fill the empty database behind ``engine``; ``created`` = by ``create_schema``"""
    with engine.begin() as tx:
        for statement in _schema(tx.dialect, revision, created):
            tx.exec_driver_sql(statement)
        for table, rows in ROWS.items():
            _insert(tx, table, rows)
        tx.exec_driver_sql(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"
        )
        tx.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{revision}')")


def _schema(dialect, revision, created):
    quote = dialect.identifier_preparer.quote
    text = created or (dialect.name == "mysql" and revision not in REVISIONS[:2])
    kinds = {
        **KINDS[dialect.name],
        "interval": f"{quote('interval')} {'VARCHAR(36)' if text else 'INTEGER'}",
        "force": f"{quote('force')} BOOLEAN {'NOT NULL DEFAULT FALSE' if created else ''}",
    }
    for table, columns in BASELINE.items():
        yield f"CREATE TABLE {table} ({BOOK}, {columns})".format(**kinds)
    for step in REVISIONS[1 : REVISIONS.index(revision) + 1]:
        for statement in LATER[step]:
            yield statement.format(**kinds)
    if created:
        yield from _as_created(dialect.name, kinds)


def _as_created(name, kinds):
    """What ``create_schema`` makes otherwise (SQLite cannot add constraints: indexes)"""
    for column in BOOK.format(**kinds).split(", "):
        yield f"ALTER TABLE apscheduler_jobs ADD COLUMN {column}"
    if name == "sqlite":
        yield "CREATE UNIQUE INDEX uniq_audits0name ON audits (name, deleted)"
        return
    yield "ALTER TABLE audits ADD CONSTRAINT uniq_audits0name UNIQUE (name, deleted)"
    yield "ALTER TABLE apscheduler_jobs ADD CONSTRAINT uniq_apscheduler_jobs0id UNIQUE (id)"


def _insert(tx, table, rows):
    look = sa.inspect(tx)
    if not look.has_table(table):
        return
    live = sa.Table(table, sa.MetaData(), autoload_with=tx)
    unique = any(
        key["name"] == "uniq_audits0name"
        for key in look.get_unique_constraints("audits")
    ) or any(key["name"] == "uniq_audits0name" for key in look.get_indexes("audits"))
    for row in rows:
        values = {key: value for key, value in row.items() if key in live.columns}
        if table == "audits" and unique:
            values.update(name=f"audit-{row['id']}", force=False)
        for key, value in values.items():
            if isinstance(value, str) and isinstance(
                live.columns[key].type, sa.Integer
            ):
                values[key] = int(value) if value.isdecimal() else 3600
        tx.execute(live.insert().values(_timed(values)))
    if tx.dialect.name == "postgresql" and "id" in live.columns and table != JOBS:
        tx.exec_driver_sql(
            f"SELECT setval('{table}_id_seq', (SELECT MAX(id) FROM {table}))"
        )


def _timed(values):
    import datetime

    return {
        key: datetime.datetime.fromisoformat(value)
        if value is not None and key.endswith(("_at", "_time", "_up")) and key != RUN
        else value
        for key, value in values.items()
    }


JOBS, RUN = "apscheduler_jobs", "next_run_time"


def _row(key, **values):
    return {"id": key, "created_at": DAY.format(key), "deleted": 0, **values}


def _gone(key, **values):
    return _row(key, **{"deleted": key, "deleted_at": "2017-04-01 00:00:00", **values})


def _uuid(kind, key):
    return f"{kind:08d}-0000-4000-8000-{key:012d}"


ROWS = {
    "goals": [
        _row(
            1,
            uuid=_uuid(1, 1),
            name="dummy",
            display_name="Dummy goal",
            efficacy_specification="[]",
        ),
        _row(
            2,
            uuid=_uuid(1, 2),
            name="server_consolidation",
            display_name="Fewer hosts",
            efficacy_specification=f'[{{"name": "n", "unit": null, "schema": "{RANGE}"}}]',
        ),
        _gone(
            3,
            uuid=_uuid(1, 3),
            name="dummy",
            display_name="Dummy",
            efficacy_specification="[]",
        ),
        _row(
            4,
            uuid=None,
            name="company_goal",
            display_name="Its plugin is gone",
            efficacy_specification="not json at all",
        ),
    ],
    "strategies": [
        _row(
            1,
            uuid=_uuid(2, 1),
            name="dummy",
            display_name="Dummy",
            goal_id=1,
            parameters_spec='{"properties": {}}',
        ),
        _gone(
            2,
            uuid=_uuid(2, 2),
            name="sercon",
            display_name="Sercon",
            goal_id=2,
            parameters_spec=None,
        ),
        _row(
            3,
            uuid=_uuid(2, 3),
            name="s" * 63,
            display_name="Long",
            goal_id=4,
            parameters_spec=None,
        ),
    ],
    "audit_templates": [
        _row(
            1,
            uuid=_uuid(3, 1),
            name="first",
            description="",
            goal_id=1,
            strategy_id=1,
            scope='[{"host_aggregates": [{"id": 1}]}]',
        ),
        _gone(
            2, uuid=_uuid(3, 2), name="first", goal_id=1, strategy_id=None, scope="[]"
        ),
        _row(
            3, uuid=_uuid(3, 3), name=None, description="d" * 255, goal_id=2, scope=None
        ),
    ],
    "audits": [
        _row(
            1,
            uuid=_uuid(4, 1),
            name="nightly",
            audit_type="ONESHOT",
            state="SUCCEEDED",
            parameters='{"para1": 4.5}',
            goal_id=1,
            strategy_id=1,
            scope="[]",
            auto_trigger=False,
            force=None,
        ),
        _row(
            2,
            uuid=_uuid(4, 2),
            name="Nightly",
            audit_type="CONTINUOUS",
            state="ONGOING",
            parameters=None,
            interval="600",
            goal_id=1,
            strategy_id=1,
            scope=None,
            auto_trigger=True,
            hostname="controller-old",
            force=None,
        ),
        _gone(
            3,
            uuid=_uuid(4, 3),
            name="nightly",
            audit_type="ONESHOT",
            state="DELETED",
            parameters="{}",
            goal_id=1,
            strategy_id=1,
            scope="[]",
            auto_trigger=False,
            force=False,
        ),
        _row(
            4,
            uuid=_uuid(4, 4),
            name="nightly",
            audit_type="CONTINUOUS",
            state="PENDING",
            parameters="{}",
            interval="*/5 * * * *",
            goal_id=2,
            strategy_id=None,
            scope="[]",
            auto_trigger=False,
            force=True,
        ),
        _row(
            5,
            uuid=_uuid(4, 5),
            name=None,
            audit_type="ONESHOT",
            state="ONGOING",
            parameters="{}",
            goal_id=1,
            strategy_id=1,
            scope="[]",
            auto_trigger=False,
            hostname="controller-old",
            force=None,
        ),
        _row(
            6,
            uuid=_uuid(4, 6),
            name=None,
            audit_type="ONESHOT",
            state="FAILED",
            parameters="[broken",
            goal_id=4,
            strategy_id=3,
            scope="{}",
            auto_trigger=False,
            created_at="2017-03-05 08:15:30",
        ),
        _row(
            7,
            uuid=None,
            name=None,
            audit_type=None,
            state="CANCELLED",
            parameters="{}",
            goal_id=1,
            strategy_id=1,
            scope="[]",
            auto_trigger=False,
            deleted=None,
            created_at="2017-03-05 08:15:30",
        ),
        _row(
            8,
            uuid=_uuid(4, 8),
            name="n" * 63,
            audit_type="ONESHOT",
            state="CANCELLED",
            parameters="{}",
            goal_id=1,
            strategy_id=None,
            scope="[]",
            auto_trigger=False,
            created_at=None,
        ),
        _row(
            9,
            uuid=_uuid(4, 9),
            name="n" * 63,
            audit_type="EVENT",
            state="PENDING",
            parameters="{}",
            goal_id=1,
            strategy_id=None,
            scope="[]",
            auto_trigger=False,
            created_at=None,
        ),
    ],
    "action_plans": [
        _row(
            1,
            uuid=_uuid(5, 1),
            audit_id=1,
            strategy_id=1,
            state="SUCCEEDED",
            global_efficacy="{}",
        ),
        _row(
            2,
            uuid=_uuid(5, 2),
            audit_id=2,
            strategy_id=1,
            state="ONGOING",
            global_efficacy=None,
            hostname="controller-old",
        ),
        _row(
            3,
            uuid=_uuid(5, 3),
            audit_id=4,
            strategy_id=1,
            state="FAILED",
            global_efficacy='{"name": "ratio", "unit": "%", "value": 37.5}',
        ),
        _gone(
            4,
            uuid=_uuid(5, 4),
            audit_id=3,
            strategy_id=1,
            state="DELETED",
            global_efficacy="[]",
        ),
    ],
    "actions": [
        _row(
            1,
            uuid=_uuid(6, 1),
            action_plan_id=1,
            action_type="nop",
            state="SUCCEEDED",
            input_parameters='{"message": "hello"}',
            parents="[]",
        ),
        _row(
            2,
            uuid=_uuid(6, 2),
            action_plan_id=2,
            action_type="sleep",
            state="ONGOING",
            input_parameters=None,
            parents=None,
        ),
        _row(
            3,
            uuid=_uuid(6, 3),
            action_plan_id=3,
            action_type="turned_off_long_ago",
            state="CANCELLED",
            input_parameters="{}",
            parents=f'["{_uuid(6, 2)}"]',
        ),
        _gone(
            4,
            uuid=_uuid(6, 4),
            action_plan_id=4,
            action_type="nop",
            state="DELETED",
            input_parameters="{}",
            parents="[]",
        ),
    ],
    "efficacy_indicators": [
        _row(
            1, uuid=_uuid(7, 1), name="released", unit=None, value=3, action_plan_id=1
        ),
        _row(
            2,
            uuid=_uuid(7, 2),
            name="ratio",
            unit="%",
            value=0,
            data=0.1,
            action_plan_id=3,
        ),
        _row(
            3, uuid=_uuid(7, 3), name="nothing", unit=None, value=None, action_plan_id=3
        ),
        _gone(4, uuid=_uuid(7, 4), name="moved", unit=None, value=1, action_plan_id=4),
    ],
    "scoring_engines": [
        _row(1, uuid=_uuid(8, 1), name="dummy_scorer", description=None, metainfo=None),
    ],
    "services": [
        _row(
            1,
            name="watcher-applier",
            host="controller-old",
            last_seen_up="2017-03-09 08:15:30",
        ),
        _row(
            2, name="watcher-decision-engine", host="controller-old", last_seen_up=None
        ),
    ],
    "action_descriptions": [
        _row(1, action_type="nop", description="Waits"),
    ],
    JOBS: [
        {
            "id": "0" * 32,
            RUN: 1489000000.25,
            "service_id": 2,
            "job_state": b"\x80\x02cwatcher.nowhere\nGone\nq\x00.",
            "tag": '{"host": "controller-old", "name": "watcher-decision-engine"}',
        },
    ],
}
