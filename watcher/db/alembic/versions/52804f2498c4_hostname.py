"""Who runs an audit or a plan

Revision ID: 52804f2498c4
Revises: a86240e89a29
"""

import sqlalchemy as sa

from watcher.db.alembic import steps

revision = "52804f2498c4"
down_revision = "a86240e89a29"


def upgrade() -> None:
    for table in ("audits", "action_plans"):
        steps.add_columns(table, sa.Column("hostname", sa.String(255), nullable=True))


def downgrade() -> None:
    for table in ("audits", "action_plans"):
        steps.drop_columns(table, "hostname")
