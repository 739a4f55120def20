"""The clock and the columns that leases rest on, on three engines."""

import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from watcher.db import migration, models
from watcher.db.types import UtcNow, utcnow_plus


@pytest.fixture
def engine(database_url):
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    migration.upgrade(engine)
    yield engine
    engine.dispose()


def add_lease(tx, owner="o", seconds=20.25):
    row = models.Lease(
        owner=owner,
        service="s",
        host="h",
        acquired_at=UtcNow(),
        renewed_at=UtcNow(),
        expires_at=utcnow_plus(seconds),
    )
    tx.add(row)
    tx.flush()
    return row


def test_lease_times_keep_fractions_and_are_judged_by_the_database(engine):
    with orm.Session(engine) as tx:
        if engine.dialect.name == "mysql":
            tx.execute(sa.text("SET time_zone = '+09:00'"))
        if engine.dialect.name == "postgresql":
            tx.execute(sa.text("SET TIME ZONE 'Asia/Tokyo'"))
        row = add_lease(tx)
        tx.refresh(row)
        life = row.expires_at - row.acquired_at
        assert abs(life - datetime.timedelta(seconds=20.25)) < datetime.timedelta(
            seconds=1
        )
        assert abs(row.acquired_at - models.utcnow()) < datetime.timedelta(seconds=5)
        short = add_lease(tx, "short", -0.001)
        alive = sa.select(models.Lease.owner).where(models.Lease.expires_at > UtcNow())
        assert tx.scalars(alive).all() == ["o"]
        tx.execute(
            sa.update(models.Lease)
            .where(models.Lease.epoch == short.epoch)
            .values(expires_at=utcnow_plus(5))
            .execution_options(synchronize_session=False)
        )
        assert sorted(tx.scalars(alive)) == ["o", "short"]
        exact = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)
        row.expires_at = exact
        tx.flush()
        tx.expire(row)
        assert row.expires_at == exact


def test_epochs_are_never_given_twice(engine):
    seen = []
    for _ in range(3):
        with orm.Session(engine) as tx:
            row = add_lease(tx)
            seen.append(row.epoch)
            tx.delete(row)
            tx.commit()
    assert seen == sorted(set(seen))


def test_plans_of_thousands_of_actions_can_be_explained(engine):
    document = {"actions": [{"reason": "x" * 90}] * 2000}
    with orm.Session(engine) as tx:
        row = models.Explanation(audit_uuid="u", document=document)
        tx.add(row)
        tx.flush()
        tx.expire(row)
        assert row.document == document
