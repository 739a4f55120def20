"""Why a row is in its state

Revision ID: 7150a7d8f228
Revises: 15f7375ca737
"""

import sqlalchemy as sa

from watcher.db.alembic import steps

revision = "7150a7d8f228"
down_revision = "15f7375ca737"

TABLES = ("audits", "action_plans", "actions")


def upgrade() -> None:
    for table in TABLES:
        steps.add_columns(
            table, sa.Column("status_message", sa.String(255), nullable=True)
        )


def downgrade() -> None:
    for table in TABLES:
        steps.drop_columns(table, "status_message")
