"""Databases of the reference are taken over with every row, whatever state they are in."""

import json
import logging
import os
import pathlib
import sqlite3
import subprocess

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from tests.functional.db import reference_db
from watcher.db import migration, models

NEW_COLUMNS = {"owner", "owner_epoch", "runtime"}


@pytest.fixture
def engine(database_url):
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    yield engine
    engine.dispose()


def rows(engine, table):
    """Rows as stored, by key; nothing is interpreted"""
    with engine.connect() as tx:
        found = tx.execute(sa.text(f"SELECT * FROM {table}")).mappings()
        return {row["id"]: dict(row) for row in found}


def snapshot(engine):
    return {table: rows(engine, table) for table in existing(engine)}


def existing(engine):
    names = sa.inspect(engine).get_table_names()
    return [name for name in reference_db.ROWS if name in names]


def may_change(table, column, old):
    """Columns that the repairs fill, for the rows that they fill"""
    if column == "uuid" or (table, column) in (
        ("audits", "name"),
        ("audits", "force"),
        ("audits", "deleted"),
        ("efficacy_indicators", "data"),
    ):
        return old is None
    return False


def assert_nothing_lost(before, after, renamed=()):
    for table, old_rows in before.items():
        assert after[table].keys() == old_rows.keys()
        for key, old in old_rows.items():
            new = after[table][key]
            for column, value in old.items():
                if may_change(table, column, value) or (
                    (table, column) == ("audits", "name") and key in renamed
                ):
                    continue
                got = new[column]
                if column == "interval" and value is not None:
                    value = str(value)
                assert got == value, (table, key, column)


def assert_usable(engine):
    assert migration.version(engine) == migration.head()
    assert migration.check(engine) == []
    with orm.Session(engine) as tx:
        for mapper in models.Base.registry.mappers:
            # Reading decodes every JSON column and every date of every row.
            for row in tx.scalars(sa.select(mapper.class_)):
                if hasattr(row, "uuid") and not isinstance(row, models.History):
                    assert row.uuid
        audits = tx.scalars(sa.select(models.Audit)).all()
        assert all(audit.name and audit.force is not None for audit in audits)
        live = [audit.name.lower() for audit in audits if audit.deleted_at is None]
        if engine.dialect.name == "mysql":
            assert len(set(live)) == len(live)
        for indicator in tx.scalars(sa.select(models.EfficacyIndicator)):
            assert (indicator.data is None) == (indicator.value is None)


@pytest.mark.parametrize("revision", reference_db.REVISIONS)
def test_upgrade_from_any_published_revision(engine, revision):
    reference_db.build(engine, revision)
    before = snapshot(engine)
    migration.upgrade(engine)
    after = snapshot(engine)
    assert_nothing_lost(before, after, renamed=(2, 4, 9))
    assert_usable(engine)
    # Once more, as after a way back and forth: nothing is left to do.
    migration.stamp(engine, reference_db.HEAD)
    migration.upgrade(engine)
    assert snapshot(engine) == after


def test_upgrade_of_a_database_made_by_create_schema(engine):
    reference_db.build(engine, created=True)
    before = snapshot(engine)
    migration.upgrade(engine)
    assert_nothing_lost(before, snapshot(engine))
    assert_usable(engine)


def test_names_are_made_and_told_apart_and_the_log_tells(engine, caplog):
    reference_db.build(engine)
    with caplog.at_level(logging.INFO, logger="watcher.db.alembic.repairs"):
        migration.upgrade(engine)
    names = {key: row["name"] for key, row in rows(engine, "audits").items()}
    assert names[1] == "nightly"
    assert names[3] == "nightly"  # deleted: it may keep the name
    assert names[4] == "nightly-4"
    # MariaDB holds names of another case for the same name, the others do not.
    assert names[2] == ("Nightly-2" if engine.dialect.name == "mysql" else "Nightly")
    assert names[5] == "dummy-2017-03-05T08:15:30"
    assert names[7] == "dummy-2017-03-05T08:15:30-7"
    assert names[6] == "s" * 43 + "-2017-03-05T08:15:30"
    assert names[9] == "n" * 61 + "-9"
    told = [record.getMessage() for record in caplog.records]
    assert any(
        "shared the name nightly" in line and "nightly-4" in line for line in told
    )
    assert any("Audit 5 had no name" in line for line in told)


def test_numbers_of_indicators_keep_all_their_digits(engine):
    reference_db.build(engine)
    with engine.begin() as tx:
        tx.exec_driver_sql("UPDATE efficacy_indicators SET data = 1234567 WHERE id = 4")
    migration.upgrade(engine)
    data = {
        key: row["data"] for key, row in rows(engine, "efficacy_indicators").items()
    }
    assert data == {1: 3.0, 2: 0.1, 3: None, 4: 1234567.0}
    with engine.begin() as tx:
        tx.execute(sa.update(models.EfficacyIndicator).values(data=0.1234567890123))
    assert rows(engine, "efficacy_indicators")[1]["data"] == 0.1234567890123


def test_cron_fits_after_the_upgrade(engine):
    reference_db.build(engine)
    migration.upgrade(engine)
    with engine.begin() as tx:
        tx.execute(
            sa.update(models.Audit)
            .where(models.Audit.id == 2)
            .values(interval="*/5 * * * *")
        )
    assert rows(engine, "audits")[2]["interval"] == "*/5 * * * *"


def test_broken_and_odd_json_reads_as_something(engine):
    reference_db.build(engine)
    migration.upgrade(engine)
    with orm.Session(engine) as tx:
        assert tx.get(models.Goal, 4).efficacy_specification == []
        assert tx.get(models.Audit, 6).parameters == {}
        assert tx.get(models.Audit, 6).scope == []
        assert tx.get(models.ActionPlan, 1).global_efficacy == []
        assert tx.get(models.ActionPlan, 3).global_efficacy == [
            {"name": "ratio", "unit": "%", "value": 37.5}
        ]
        assert tx.get(models.Action, 2).parents == []


def test_the_reference_goes_on_with_an_upgraded_database(engine):
    """It writes rows without our columns, and force may be NULL"""
    reference_db.build(engine)
    migration.upgrade(engine)
    migration.stamp(engine, reference_db.HEAD)
    with engine.begin() as tx:
        for table in ("audits", "action_plans", "services", reference_db.JOBS):
            live = sa.Table(table, sa.MetaData(), autoload_with=tx)
            row = dict(reference_db.ROWS[table][0])
            row.pop("created_at", None)
            row.update({"id": "j"} if table == reference_db.JOBS else {"id": 100})
            if "uuid" in row:
                row.update(uuid="11111111-0000-4000-8000-000000000000", name="new")
            if table == "services":
                row.update(host="new", last_seen_up=None)
            tx.execute(
                live.insert().values(
                    {k: v for k, v in row.items() if k in live.columns}
                )
            )
    migration.upgrade(engine)
    assert rows(engine, "audits")[100]["force"] in (0, False)
    assert_usable(engine)


@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("revision", ["0f6042416884", "001"])
def test_a_half_built_database_is_finished(engine, added, revision):
    """Version row of the revision before the one that stopped half-way"""
    reference_db.build(engine, "0f6042416884")
    with engine.begin() as tx:
        tx.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
        if added:
            kind = reference_db.KINDS[engine.dialect.name]["time"]
            tx.exec_driver_sql(f"ALTER TABLE audits ADD COLUMN next_run_time {kind}")
    before = snapshot(engine)
    migration.upgrade(engine)
    assert_nothing_lost(before, snapshot(engine))
    assert_usable(engine)


def test_new_tables_follow_the_collation_of_the_old_ones(mysql_url):
    """A moved database has another default, and collations do not compare"""
    engine = sa.create_engine(mysql_url, poolclass=sa.NullPool)
    reference_db.build(engine)
    with engine.begin() as tx:
        name = engine.url.database
        tx.exec_driver_sql(
            f"ALTER DATABASE {name} CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci"
        )
    migration.upgrade(engine)
    with engine.connect() as tx:
        tx.execute(
            sa.select(models.Audit.id).join(
                models.Lease, models.Lease.owner == models.Audit.owner
            )
        )


FOLDER = os.environ.get("WATCHER_REFERENCE_DB", "")
DUMPS = sorted(pathlib.Path(FOLDER).glob("*.sql.gz")) if FOLDER else []


def load(dump, url):
    """Feed the dump to the engine's own client"""
    text = subprocess.run(["gzip", "-dc", dump], capture_output=True, check=True).stdout
    target = sa.make_url(url)
    if dump.name.endswith(".sqlite.sql.gz"):
        with sqlite3.connect(target.database) as link:
            link.executescript(text.decode())
        return
    if ".mysql." in dump.name:
        place = [f"-h{target.host}", f"-P{target.port}", "-uroot", target.database]
        command = ["mariadb", "--no-defaults", *place]
    else:
        place = ["-h", target.host, "-p", str(target.port), "-U", "postgres"]
        command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", *place, "-d", target.database]
    subprocess.run(command, input=text, capture_output=True, check=True)


@pytest.mark.skipif(not DUMPS, reason="WATCHER_REFERENCE_DB names no folder of dumps")
@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.name[: -len(".sql.gz")])
def test_real_dump(dump, request):
    """Dumps NAME.ENGINE.sql.gz with their facts in NAME.ENGINE.json"""
    kind = dump.name.split(".")[1]
    url = request.getfixturevalue(f"{kind}_url")
    load(dump, url)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    facts = json.loads(dump.with_name(f"{dump.name[:-7]}.json").read_text())
    before = snapshot(engine)
    assert migration.version(engine) == facts["revision"]
    migration.upgrade(engine)
    after = snapshot(engine)
    twins = {
        key
        for key, row in before["audits"].items()
        for other in before["audits"].values()
        if row.get("name") == other.get("name") and other["id"] < key
    }
    assert_nothing_lost(before, after, renamed=twins)
    assert_usable(engine)
    for table, facts_rows in facts["rows"].items():
        live = {k for k, r in after[table].items() if r.get("deleted_at") is None}
        assert {row["id"] for row in facts_rows} <= live
    engine.dispose()
