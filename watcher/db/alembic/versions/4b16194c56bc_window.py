"""Window of a continuous audit

Revision ID: 4b16194c56bc
Revises: 52804f2498c4
"""

import sqlalchemy as sa

from watcher.db.alembic import steps

revision = "4b16194c56bc"
down_revision = "52804f2498c4"


def upgrade() -> None:
    steps.add_columns(
        "audits",
        sa.Column("start_time", sa.DateTime(), nullable=True),
        sa.Column("end_time", sa.DateTime(), nullable=True),
    )


def downgrade() -> None:
    steps.drop_columns("audits", "start_time", "end_time")
