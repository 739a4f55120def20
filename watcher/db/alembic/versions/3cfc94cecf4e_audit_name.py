"""Audits have a name

Revision ID: 3cfc94cecf4e
Revises: d09a5945e4a0
"""

import sqlalchemy as sa

from watcher.db.alembic import steps

revision = "3cfc94cecf4e"
down_revision = "d09a5945e4a0"


def upgrade() -> None:
    steps.add_columns("audits", sa.Column("name", sa.String(63), nullable=True))


def downgrade() -> None:
    steps.drop_columns("audits", "name")
