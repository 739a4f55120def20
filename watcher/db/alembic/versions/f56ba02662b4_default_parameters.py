"""Templates carry default parameters

Revision ID: f56ba02662b4
Revises: 7150a7d8f228
"""

import sqlalchemy as sa

from watcher.db.alembic import steps

revision = "f56ba02662b4"
down_revision = "7150a7d8f228"


def upgrade() -> None:
    steps.add_columns(
        "audit_templates", sa.Column("default_parameters", sa.Text(), nullable=True)
    )


def downgrade() -> None:
    steps.drop_columns("audit_templates", "default_parameters")
