"""What callers hear about a database that was not upgraded."""

import pytest
import sqlalchemy as sa

import watcher.conf
from watcher import exception
from watcher.db import session


@pytest.mark.parametrize("engine", ["mysql_url", "postgresql_url"])
def test_a_missing_table_names_the_command(engine, request):
    overrides = {("database", "connection"): request.getfixturevalue(engine)}
    conf = watcher.conf.load("test", default_config_files=[], overrides=overrides)
    db = session.Database(conf)
    with pytest.raises(exception.DatabaseUnavailable, match="watcher-db-manage"):
        db.read(lambda tx: tx.scalar(sa.text("SELECT COUNT(*) FROM goals")))
    db.dispose()
