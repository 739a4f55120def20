"""JSON columns and the database's clock, on the engine that needs no server."""

import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import mysql, postgresql

from watcher.db import models
from watcher.db.types import JsonDict, JsonList, UtcNow, WrongJsonKind, utcnow_plus


@pytest.fixture
def tx():
    engine = sa.create_engine("sqlite://")
    models.Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        yield session


def audit(tx, **values):
    row = models.Audit(goal_id=1, name="a", **values)
    tx.add(row)
    tx.flush()
    tx.expire(row)
    return row


def raw(tx, column):
    return tx.scalar(sa.text(f"SELECT {column} FROM audits"))


def test_json_comes_back_as_it_was_written(tx):
    row = audit(tx, parameters={"a": [1, "é🚀"]}, scope=[{"compute": []}])
    assert row.parameters == {"a": [1, "é🚀"]}
    assert row.scope == [{"compute": []}]
    # Databases with three-byte characters take it too.
    assert raw(tx, "parameters").isascii()


def test_none_is_written_as_empty(tx):
    row = audit(tx, parameters=None, scope=None)
    assert (raw(tx, "parameters"), raw(tx, "scope")) == ("{}", "[]")
    assert (row.parameters, row.scope) == ({}, [])


@pytest.mark.parametrize(
    "text, as_dict, as_list",
    [
        (None, {}, []),
        ("", {}, []),
        ("{broken", {}, []),
        ("null", {}, []),
        ("17", {}, []),
        ("{}", {}, []),
        ('{"a": 1}', {"a": 1}, [{"a": 1}]),
        ('[{"a": 1}]', {}, [{"a": 1}]),
    ],
)
def test_old_text_reads_as_something(text, as_dict, as_list):
    assert JsonDict().process_result_value(text, None) == as_dict
    assert JsonList().process_result_value(text, None) == as_list


@pytest.mark.parametrize("values", [{"scope": {}}, {"parameters": []}, {"scope": "[]"}])
def test_the_wrong_kind_is_rejected(tx, values):
    with pytest.raises(WrongJsonKind):
        audit(tx, **values)


def test_the_clock_has_six_digits_and_can_be_moved(tx):
    now, later, sooner = tx.execute(
        sa.select(UtcNow(), utcnow_plus(20.5), utcnow_plus(-3600))
    ).one()
    text = tx.scalar(sa.select(sa.type_coerce(UtcNow(), sa.String)))
    assert len(text) == len("2026-01-01 00:00:00.000000")
    assert abs(now - models.utcnow()) < datetime.timedelta(seconds=5)
    assert later - now == datetime.timedelta(seconds=20.5)
    assert now - sooner == datetime.timedelta(hours=1)


def test_the_clock_of_the_servers_is_utc_and_precise():
    on_mysql = str(sa.select(UtcNow()).compile(dialect=mysql.dialect()))
    assert "UTC_TIMESTAMP(6)" in on_mysql
    on_postgresql = str(sa.select(UtcNow()).compile(dialect=postgresql.dialect()))
    assert "timezone('UTC', statement_timestamp())" in on_postgresql


def test_epochs_are_never_given_twice(tx):
    def acquire():
        row = models.Lease(
            owner="o", service="s", host="h", acquired_at=models.utcnow(),
            renewed_at=models.utcnow(), expires_at=models.utcnow(),
        )  # fmt: skip
        tx.add(row)
        tx.flush()
        epoch = row.epoch
        tx.delete(row)
        tx.flush()
        return epoch

    assert acquire() < acquire() < acquire()
