"""Timetable of the reference's scheduler

Revision ID: 0f6042416884
Revises: 001
"""

import sqlalchemy as sa

from watcher.db.alembic import steps

revision = "0f6042416884"
down_revision = "001"


def upgrade() -> None:
    steps.create_table(
        "apscheduler_jobs",
        sa.Column("id", sa.String(191), nullable=False),
        sa.Column("next_run_time", sa.Float(25), nullable=True),
        sa.Column("job_state", sa.LargeBinary(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    steps.create_index(
        "ix_apscheduler_jobs_next_run_time", "apscheduler_jobs", "next_run_time"
    )


def downgrade() -> None:
    steps.drop_table("apscheduler_jobs")
