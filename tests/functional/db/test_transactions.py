"""Retries, isolation and what a caller sees when the database is gone."""

import threading
import time

import psycopg
import pytest
import sqlalchemy as sa

from tests import servers, worlds
from watcher import exception
from watcher.db import (
    action_plans,
    audits,
    engine,
    errors,
    goals,
    models,
    session,
    sync,
)
from watcher.db.query import ListQuery


@pytest.fixture
def world(database_url):
    made = worlds.World(database_url)
    yield made
    made.close()


def test_a_deadlock_is_run_again_and_both_transactions_are_kept(world):
    if world.db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    first, second = world.audit(), world.audit()
    both = threading.Barrier(2)
    runs = []

    def cross(tx, one, other, text):
        runs.append(text)
        table = models.Audit.__table__
        for place, audit in enumerate((one, other)):
            tx.execute(
                sa.update(table)
                .where(table.c.uuid == audit.uuid)
                .values(status_message=table.c.status_message + text)
            )
            if place == 0 and runs.count(text) == 1:
                both.wait(30)

    for audit in (first, second):
        world.db.write(audits.update, audit.uuid, status_message="")
    threads = [
        threading.Thread(target=world.db.write, args=(cross, *order))
        for order in ((first, second, "a"), (second, first, "b"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(runs) == 3
    for audit in (first, second):
        text = world.db.read(audits.get, audit.uuid).status_message
        assert sorted(text) == ["a", "b"]


def test_a_deadlock_at_commit_is_run_again(world, monkeypatch):
    # A cluster of databases reports its conflicts at COMMIT: provoked by hand.
    calls = []
    dialect = world.db.engine.dialect
    refused = dialect.loaded_dbapi.OperationalError(1213, "Deadlock found")
    if dialect.name == "sqlite":
        refused.sqlite_errorcode = errors.SQLITE_BUSY
    elif dialect.name == "postgresql":
        refused = psycopg.errors.DeadlockDetected("deadlock detected")
    commit = dialect.do_commit

    def refuse_once(connection):
        if len(calls) == 1:
            raise refused
        commit(connection)

    monkeypatch.setattr(dialect, "do_commit", refuse_once)

    def run(tx):
        calls.append(1)
        return audits.create(tx, name="x", audit_type="EVENT", goal_id=world.goal.id)

    made = world.db.write(run)
    assert len(calls) == 2
    assert world.db.read(audits.get, "x") == made


def test_an_update_that_changes_nothing_still_counts_as_found(world):
    audit = world.audit()
    for _ in range(2):
        world.db.write(audits.update, audit.uuid, hostname="same")
    again = world.db.write(audits.update, audit.uuid, hostname="same")
    assert again.hostname == "same"
    table = models.Audit.__table__

    def run(tx):
        return tx.execute(
            sa.update(table).where(table.c.uuid == audit.uuid).values(hostname="same")
        ).rowcount

    assert world.db.write(run) == 1


def test_writers_of_many_threads_lose_nothing(world):
    audit = world.audit()
    world.db.write(audits.update, audit.uuid, parameters={"n": 0})

    def add(tx):
        now = (
            audits.NOUN
            and tx.execute(
                sa.select(models.Audit.parameters)
                .where(models.Audit.uuid == audit.uuid)
                .with_for_update()
            ).scalar_one()
        )
        audits.update(tx, audit.uuid, parameters={"n": now["n"] + 1})

    threads = [
        threading.Thread(target=lambda: [world.db.write(add) for _ in range(10)])
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert world.db.read(audits.get, audit.uuid).parameters == {"n": 50}


def test_what_a_failed_function_did_is_gone(world):
    def run(tx):
        audits.create(tx, name="gone", audit_type="EVENT", goal_id=world.goal.id)
        raise ValueError

    with pytest.raises(ValueError):
        world.db.write(run)
    assert world.db.read(audits.list, ListQuery()) == []


def test_several_first_starts_at_once_make_one_row_each(database_url):
    worlds.World(database_url).close()
    goals_ = [
        sync.GoalSpec(name=f"goal{n}", display_name=f"Goal {n}") for n in range(6)
    ]
    strategies_ = [
        sync.StrategySpec(name=f"s{n}", goal_name=f"goal{n}", display_name=f"S {n}")
        for n in range(6)
    ]
    starts = [worlds.World(database_url, create=False) for _ in range(4)]
    gate, failed = threading.Barrier(4), []

    def start(world):
        gate.wait(30)
        try:
            world.db.write(sync.run, goals=goals_, strategies=strategies_)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=start, args=(world,)) for world in starts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    found = starts[0].db.read(goals.list, ListQuery())
    assert sorted(one.name for one in found) == ["dummy"] + [g.name for g in goals_]
    for world in starts:
        world.close()


@pytest.mark.parametrize("actions", [1000, 5000])
def test_a_plan_of_thousands_of_actions_is_a_handful_of_statements(world, actions):
    wanted = worlds.plan_of(world.audit(), actions, explanation={"why": "because"})
    with world.statements() as seen:
        world.db.write(action_plans.save, wanted)
    found = [text for text in seen if not text.startswith("BEGIN")]
    assert len(found) <= 10 * actions // 1000


def test_a_row_that_somebody_keeps_locked_is_given_up(world, monkeypatch):
    monkeypatch.setattr(engine, "LOCK_WAIT_S", 1)
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 1000)
    monkeypatch.setattr(session, "PATIENCE_S", 1.5)
    audit = world.audit()
    taken, free = threading.Event(), threading.Event()

    def keep(tx):
        audits.update(tx, audit.uuid, status_message="kept")
        taken.set()
        free.wait(60)

    holder = threading.Thread(target=world.db.write, args=(keep,))
    holder.start()
    assert taken.wait(30)
    hurried = session.Database(worlds.configuration(world.url))
    start = time.monotonic()
    try:
        with pytest.raises(exception.DatabaseUnavailable, match="other's way"):
            hurried.write(audits.update, audit.uuid, status_message="waits")
        assert time.monotonic() - start < 10
    finally:
        free.set()
        holder.join(30)
    hurried.write(audits.update, audit.uuid, status_message="later")
    hurried.dispose()
    assert world.db.read(audits.get, audit.uuid).status_message == "later"


@pytest.mark.mysql
def test_a_table_that_somebody_keeps_locked_is_given_up(mysql_url, monkeypatch):
    monkeypatch.setattr(engine, "LOCK_WAIT_S", 1)
    monkeypatch.setattr(session, "PATIENCE_S", 1.5)
    world = worlds.World(mysql_url)
    with world.db.engine.connect() as connection:
        connection.exec_driver_sql("LOCK TABLES audits WRITE")
        start = time.monotonic()
        with pytest.raises(exception.DatabaseUnavailable, match="other's way"):
            world.db.read(audits.list, ListQuery())
        assert time.monotonic() - start < 10
        connection.exec_driver_sql("UNLOCK TABLES")
    assert world.db.read(audits.list, ListQuery()) == []
    world.close()


def _refused(url, ident):
    db = session.Database(worlds.configuration(url))
    with pytest.raises(exception.DatabaseUnavailable) as caught:
        db.write(audits.update, ident, status_message="new")
    assert caught.value.status == 503
    assert db.read(audits.get, ident).status_message is None
    db.dispose()


@pytest.mark.mysql
def test_a_mariadb_that_is_read_only_is_no_fault_of_ours(mysql_url):
    world = worlds.World(mysql_url)
    audit = world.audit()
    url = sa.make_url(mysql_url)
    user = f"reader_{url.database}"[:32]
    with world.db.engine.connect() as root:
        root.exec_driver_sql(f"CREATE USER {user}@'%%'")
        root.exec_driver_sql(f"GRANT ALL ON {url.database}.* TO {user}@'%%'")
        try:
            # Administrators, like all other tests, may write on.
            root.exec_driver_sql("SET GLOBAL read_only = 1")
            _refused(url.set(username=user).render_as_string(False), audit.uuid)
        finally:
            root.exec_driver_sql("SET GLOBAL read_only = 0")
        root.exec_driver_sql(f"REVOKE UPDATE ON {url.database}.* FROM {user}@'%%'")
        _refused(url.set(username=user).render_as_string(False), audit.uuid)
        root.exec_driver_sql(f"DROP USER {user}@'%%'")
    world.close()


@pytest.mark.postgresql
def test_a_postgresql_that_is_read_only_is_no_fault_of_ours(postgresql_url):
    world = worlds.World(postgresql_url)
    audit = world.audit()
    url = sa.make_url(postgresql_url).update_query_dict(
        {"options": "-c default_transaction_read_only=on"}
    )
    _refused(url.render_as_string(False), audit.uuid)
    world.close()


def test_a_sqlite_file_that_is_damaged_is_no_fault_of_ours(tmp_path):
    path = tmp_path / "w.sqlite"
    path.write_text("This is no database. " * 100)
    db = session.Database(worlds.configuration(f"sqlite:///{path}"))
    with pytest.raises(exception.DatabaseUnavailable):
        db.read(goals.list, ListQuery())
    db.dispose()


def _answers(db):
    try:
        db.ping()
    except exception.DatabaseUnavailable:
        return False
    return True


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("MariaDB", marks=pytest.mark.mysql),
        pytest.param("PostgreSQL", marks=pytest.mark.postgresql),
    ],
)
def test_a_database_that_goes_away_is_named_and_is_used_again_later(
    server_folder, kind
):
    server = getattr(servers, kind)(server_folder)
    server.start()
    try:
        world = worlds.World(server.create())
        world.db.ping()
        server.kill()
        with pytest.raises(exception.DatabaseUnavailable):
            world.db.ping()
        with pytest.raises(exception.DatabaseUnavailable) as caught:
            world.audit()
        assert caught.value.status == 503
        server.launch()
        servers.wait_until(lambda: _answers(world.db), 30, kind)
        audit = world.audit()
        assert world.db.read(audits.get, audit.uuid) == audit
        server.kill()
        patient = session.Database(
            worlds.configuration(
                world.url, use_db_reconnect=True, db_retry_interval=1, db_max_retries=30
            )
        )
        back = threading.Timer(2.0, server.launch)
        back.start()
        assert patient.read(audits.get, audit.uuid) == audit
        back.join()
        patient.dispose()
        world.close()
    finally:
        server.stop()
