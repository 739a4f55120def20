"""Audits that do not wait for a running plan

Revision ID: 609bec748f2a
Revises: 4b16194c56bc
"""

import sqlalchemy as sa

from watcher.db.alembic import steps

revision = "609bec748f2a"
down_revision = "4b16194c56bc"


def upgrade() -> None:
    steps.add_columns("audits", sa.Column("force", sa.Boolean(), nullable=True))


def downgrade() -> None:
    steps.drop_columns("audits", "force")
