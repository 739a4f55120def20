"""Alembic's way in; ``watcher.db.migration`` hands over an open connection."""

from alembic import context

from watcher.db import models


def run() -> None:
    """Run the asked migrations on the connection that came with the configuration"""
    given = context.config.attributes
    connection = given["connection"]
    context.configure(
        connection=connection,
        target_metadata=models.Base.metadata,
        compare_type=True,
        render_as_batch=True,
        # The caller holds a transaction on SQLite and PostgreSQL; MariaDB has none
        # around DDL, there every statement is committed by itself.
        transactional_ddl=connection.dialect.name in ("sqlite", "postgresql"),
        mysql_engine=given.get("mysql_engine", "InnoDB"),
    )
    with context.begin_transaction():
        context.run_migrations()


run()
