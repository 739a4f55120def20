import threading

import pytest
import sqlalchemy as sa

from tests import worlds
from watcher import exception
from watcher.db import audits, engine, errors, history, outbox, session
from watcher.db.query import ListQuery


def test_a_database_in_memory_serves_many_threads(world):
    threads = [
        threading.Thread(target=lambda: [world.audit() for _ in range(5)])
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(world.db.read(audits.list, ListQuery())) == 30


def test_what_a_reader_writes_is_thrown_away(world):
    world.db.read(
        lambda tx: audits.create(
            tx, name="x", audit_type="EVENT", goal_id=world.goal.id
        )
    )
    assert world.db.read(audits.list, ListQuery()) == []


def test_transactions_do_not_nest(world):
    with pytest.raises(RuntimeError, match="do not nest"):
        world.db.write(lambda tx: world.db.read(audits.list, ListQuery()))
    world.db.ping()


def test_a_function_that_asks_for_another_run_gets_one(world):
    runs = []

    def run(tx):
        outbox.add(tx, "x", "INFO", {})
        runs.append(1)
        if len(runs) < 3:
            raise errors.Again
        return outbox.size(tx)

    assert world.db.write(run) == 1


def test_trying_again_ends(world):
    patient = session.Database(worlds.configuration("sqlite://", db_max_retries=2))
    runs = []

    def run(tx):
        runs.append(1)
        raise errors.Again

    with pytest.raises(exception.DatabaseUnavailable):
        patient.write(run)
    assert len(runs) == 3


def test_another_actor_shares_the_database(world):
    audit = world.audit()
    user = world.db.acting("user 42")
    user.write(audits.step, audit.uuid, "PENDING", "CANCELLED")
    actors = [one.actor for one in world.db.read(history.of, "audit", audit.uuid)]
    assert actors == ["tester", "user 42"]


def test_the_observer_is_part_of_the_transaction(world):
    def refuse(tx, change):
        outbox.add(tx, "audit.create", "INFO", {})
        raise ValueError("no")

    loud = worlds.World("sqlite://", observer=refuse, create=False)
    loud.db.engine.dispose()
    loud.db.engine = world.db.engine
    with pytest.raises(ValueError):
        loud.db.write(
            audits.create, name="x", audit_type="EVENT", goal_id=world.goal.id
        )
    assert world.db.read(outbox.size) == 0
    assert world.db.read(audits.list, ListQuery()) == []


def test_a_sqlite_file_is_durable_shared_and_checked(tmp_path):
    world = worlds.World(f"sqlite:///{tmp_path / 'w.sqlite'}")
    with world.db.engine.connect() as connection:
        pragma = lambda name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()  # noqa: E731
        assert pragma("journal_mode") == "wal"
        assert pragma("foreign_keys") == 1
        assert pragma("busy_timeout") == engine.BUSY_TIMEOUT_MS
    with world.statements() as seen:
        world.db.write(lambda tx: tx.scalar(sa.select(1)))
        world.db.read(lambda tx: tx.scalar(sa.select(1)))
    assert [text for text in seen if text.startswith("BEGIN")] == [
        "BEGIN IMMEDIATE",
        "BEGIN",
    ]
    with pytest.raises(exception.Invalid, match="does not exist"):
        world.db.write(audits.create, name="x", audit_type="EVENT", goal_id=999)
    world.close()


@pytest.mark.parametrize(
    "url", ["", "no url", "oracle+none://x/y", "mysql+nodriver://h/d"]
)
def test_a_connection_that_cannot_work_is_named(url):
    with pytest.raises(exception.ConfigInvalid, match=r"\[database\] connection"):
        session.Database(worlds.configuration(url))


@pytest.mark.parametrize(
    "text, driver",
    [
        ("mysql://u@h/d", "mysql+pymysql"),
        ("mysql+pymysql://u@h/d", "mysql+pymysql"),
        ("postgresql://u@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg2://u@h/d", "postgresql+psycopg"),
        ("sqlite:///x", "sqlite"),
    ],
)
def test_urls_of_old_find_the_drivers_we_have(text, driver):
    assert engine.url_of(text).drivername == driver


def test_a_file_that_cannot_be_opened_is_an_error_that_is_named(tmp_path):
    db = session.Database(worlds.configuration(f"sqlite:///{tmp_path}/no/such/file"))
    with pytest.raises(exception.DatabaseUnavailable, match="unable to open"):
        db.ping()
