"""Indicators keep fractions

Revision ID: 15f7375ca737
Revises: 609bec748f2a
"""

import sqlalchemy as sa

from watcher.db.alembic import steps

revision = "15f7375ca737"
down_revision = "609bec748f2a"


def upgrade() -> None:
    steps.add_columns(
        "efficacy_indicators", sa.Column("data", sa.Float(), nullable=True)
    )


def downgrade() -> None:
    # The older column is written along, so only fractions are lost (on MariaDB).
    steps.drop_columns("efficacy_indicators", "data")
