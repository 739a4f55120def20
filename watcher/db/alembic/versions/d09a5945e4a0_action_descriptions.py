"""What each action type does, in words

Revision ID: d09a5945e4a0
Revises: d098df6021e2
"""

import sqlalchemy as sa

from watcher.db.alembic import steps

revision = "d09a5945e4a0"
down_revision = "d098df6021e2"


def upgrade() -> None:
    steps.create_table(
        "action_descriptions",
        *steps.bookkeeping(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("action_type", sa.String(255), nullable=False),
        sa.Column("description", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("action_type", name="uniq_action_description0action_type"),
    )


def downgrade() -> None:
    steps.drop_table("action_descriptions")
