"""The chain of revisions on real databases, from nothing and back again."""

import threading

import pytest
import sqlalchemy as sa

from tests.functional.db import reference_db
from watcher import exception
from watcher.db import migration, models


@pytest.fixture
def engine(database_url):
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    yield engine
    engine.dispose()


def dump(engine):
    """The schema as the database itself writes it down"""
    with engine.connect() as tx:
        if engine.dialect.name == "sqlite":
            rows = tx.exec_driver_sql(
                "SELECT type, name, tbl_name, sql FROM sqlite_master"
            )
            return sorted(map(str, rows))
        tables = sorted(sa.inspect(tx).get_table_names())
        if engine.dialect.name == "mysql":
            return [
                tx.exec_driver_sql(f"SHOW CREATE TABLE {t}").one()[1] for t in tables
            ]
        queries = (
            "SELECT * FROM information_schema.columns WHERE table_schema = 'public'"
            " ORDER BY table_name, ordinal_position",
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
            " FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
        )
        text = [str(row) for query in queries for row in tx.exec_driver_sql(query)]
        name = tx.exec_driver_sql("SELECT current_database()").scalar()
        return [line.replace(name, "NAME") for line in text]


def test_empty_database_passes_through_the_published_chain(engine):
    assert migration.version(engine) is None
    for revision in reference_db.REVISIONS:
        migration.upgrade(engine, revision)
        assert migration.version(engine) == revision
    migration.upgrade(engine)
    assert migration.version(engine) == migration.head()
    assert migration.check(engine) == []


def test_both_ways_end_in_the_same_bytes(engine):
    migration.create_schema(engine)
    first = dump(engine)
    migration.downgrade(engine)
    with engine.begin() as tx:
        tx.exec_driver_sql("DROP TABLE alembic_version")
    for revision in reference_db.REVISIONS:
        migration.upgrade(engine, revision)
    migration.upgrade(engine)
    assert dump(engine) == first


def test_models_and_migrations_agree(engine):
    """Tests that build tables from the models see what an operator has"""
    models.Base.metadata.create_all(engine)
    migration.stamp(engine)
    assert migration.check(engine) == []


def test_create_schema_wants_a_database_without_revision(engine):
    migration.create_schema(engine)
    with pytest.raises(exception.MigrationRefused, match="already"):
        migration.create_schema(engine)


def test_down_to_the_reference_and_up_again(engine):
    migration.upgrade(engine)
    migration.downgrade(engine, reference_db.HEAD)
    assert "leases" not in sa.inspect(engine).get_table_names()
    migration.upgrade(engine)
    assert migration.check(engine) == []


def test_the_reference_goes_on_with_a_database_of_ours(engine):
    """It names its own columns in every statement and knows nothing of ours"""
    reference_db.build(engine, created=True)
    migration.upgrade(engine)
    with engine.begin() as tx:
        before = tx.scalar(sa.text("SELECT COUNT(*) FROM audits"))
        tx.exec_driver_sql(
            "INSERT INTO audits (created_at, deleted, uuid, name, audit_type, state,"
            " goal_id, auto_trigger) SELECT created_at, 0, 'from-the-reference', 'new',"
            " 'EVENT', 'PENDING', goal_id, auto_trigger FROM audits WHERE id = 1"
        )
        tx.exec_driver_sql(
            "INSERT INTO services (created_at, deleted, name, host)"
            " SELECT created_at, 0, 'watcher-applier', 'new' FROM audits WHERE id = 1"
        )
        made = tx.execute(
            sa.text(
                "SELECT audit_template_uuid, triggered_at FROM audits"
                " WHERE uuid = 'from-the-reference'"
            )
        ).one()
        assert tx.scalar(sa.text("SELECT COUNT(*) FROM audits")) == before + 1
    assert tuple(made) == (None, None)


def test_down_every_step_to_nothing(engine):
    migration.upgrade(engine)
    for revision in (*reversed(reference_db.REVISIONS), None):
        migration.downgrade(engine, revision)
        assert migration.version(engine) == revision
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]


def test_going_below_the_first_revision_never_destroys_rows(engine):
    reference_db.build(engine, "001")
    with pytest.raises(
        exception.MigrationRefused, match="would destroy 9 rows of audits"
    ):
        migration.downgrade(engine)
    assert migration.version(engine) == "001"


def test_cron_intervals_stop_a_downgrade_before_it_changes_anything(engine):
    reference_db.build(engine, created=True)
    migration.upgrade(engine)
    with pytest.raises(exception.MigrationRefused, match="cron expression"):
        migration.downgrade(engine, "001")
    assert "interval" in {c["name"] for c in sa.inspect(engine).get_columns("audits")}
    migration.upgrade(engine)
    assert migration.check(engine) == []


def test_living_processes_stop_a_downgrade(engine):
    migration.upgrade(engine)
    from watcher.db.types import UtcNow, utcnow_plus

    def lease(expires):
        with engine.begin() as tx:
            tx.execute(sa.delete(models.Lease))
            tx.execute(
                sa.insert(models.Lease).values(
                    owner="a",
                    service="s",
                    host="h",
                    acquired_at=UtcNow(),
                    renewed_at=UtcNow(),
                    expires_at=utcnow_plus(expires),
                )
            )

    lease(60)
    with pytest.raises(exception.MigrationRefused, match="stop them"):
        migration.downgrade(engine, reference_db.HEAD)
    # Not a single step was taken, on MariaDB neither.
    assert migration.check(engine) == []
    lease(-1)
    migration.downgrade(engine, reference_db.HEAD)


def test_unknown_revision_is_one_line(engine):
    for action in (migration.upgrade, migration.downgrade, migration.stamp):
        with pytest.raises(exception.MigrationRefused) as caught:
            action(engine, "feedbeefcafe")
        assert "feedbeefcafe" in str(caught.value) and "\n" not in str(caught.value)


def test_daemons_learn_what_is_wrong_with_the_revision(engine):
    with pytest.raises(exception.SchemaMismatch, match="watcher-db-manage upgrade"):
        migration.ensure_current(engine)
    migration.upgrade(engine)
    migration.ensure_current(engine)
    with engine.begin() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = 'fromthefuture'")
    with pytest.raises(exception.SchemaMismatch, match="newer release"):
        migration.ensure_current(engine)
    # The way out of a revision nobody knows.
    migration.stamp(engine, reference_db.HEAD)
    migration.upgrade(engine)
    assert migration.check(engine) == []


def test_two_upgrades_at_once_do_the_work_once(engine):
    errors = []

    def run():
        try:
            migration.upgrade(engine)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert migration.check(engine) == []


def test_check_names_what_is_missing(engine):
    migration.upgrade(engine)
    with engine.begin() as tx:
        tx.exec_driver_sql("DROP TABLE leases")
        tx.exec_driver_sql("ALTER TABLE services DROP COLUMN runtime")
        index = "DROP INDEX ix_audits_next_run_time"
        tx.exec_driver_sql(
            index + (" ON audits" if engine.dialect.name == "mysql" else "")
        )
    assert sorted(migration.check(engine)) == [
        "audits: no index on (next_run_time)",
        "column services.runtime is missing",
        "table leases is missing",
    ]


def test_migrating_leaves_logging_alone(engine):
    import logging

    mine = logging.getLogger("watcher.somewhere")
    root, handlers = logging.getLogger(), list(logging.getLogger().handlers)
    level = root.level
    migration.upgrade(engine)
    assert not mine.disabled
    assert (root.level, root.handlers) == (level, handlers)


def test_what_a_newer_release_made_is_not_upgraded(tmp_path):
    made = sa.create_engine(f"sqlite:///{tmp_path / 'newer.sqlite'}")
    migration.create_schema(made)
    with made.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'f00'"))
    with pytest.raises(exception.SchemaMismatch, match="a newer release made it"):
        migration.upgrade(made)
