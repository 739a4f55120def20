"""A database server that takes connections and says nothing, and one that talks."""

import socket
import time

import pytest
import sqlalchemy as sa

import watcher.conf
from watcher import exception
from watcher.db import engine, session


def configuration(url):
    overrides = {("database", "connection"): url}
    return watcher.conf.load("test", default_config_files=[], overrides=overrides)


def test_a_silent_server_is_given_up(monkeypatch):
    monkeypatch.setattr(engine, "CONNECT_TIMEOUT_S", 1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        db = session.Database(configuration(f"mysql+pymysql://a:b@127.0.0.1:{port}/x"))
        start = time.monotonic()
        with pytest.raises(exception.DatabaseUnavailable):
            db.ping()
        assert time.monotonic() - start < 10
        db.dispose()


def test_a_statement_may_take_longer_than_the_greeting(mysql_url, monkeypatch):
    monkeypatch.setattr(engine, "CONNECT_TIMEOUT_S", 1)
    db = session.Database(configuration(mysql_url))
    assert db.read(lambda tx: tx.scalar(sa.text("SELECT SLEEP(2)"))) == 0
    db.dispose()
