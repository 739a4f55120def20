"""Cron expressions as interval, time of the next run

Revision ID: d098df6021e2
Revises: 0f6042416884
"""

import sqlalchemy as sa

from watcher.db.alembic import steps

revision = "d098df6021e2"
down_revision = "0f6042416884"


def upgrade() -> None:
    steps.interval_to_text()
    steps.add_columns(
        "audits", sa.Column("next_run_time", sa.DateTime(), nullable=True)
    )


def downgrade() -> None:
    steps.interval_to_number()
    steps.drop_columns("audits", "next_run_time")
