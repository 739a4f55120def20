"""Slots of running actions, plans that pause, what they achieved and undo, rules of execution

Revision ID: b3d91f5c6e27
Revises: e4a7c21d90b6
"""

import sqlalchemy as sa

from watcher.db import types
from watcher.db.alembic import steps

revision = "b3d91f5c6e27"
down_revision = "e4a7c21d90b6"


def upgrade() -> None:
    steps.add_columns(
        "action_plans",
        sa.Column("paused", sa.Boolean(), nullable=True),
        sa.Column("achieved_efficacy", types.JsonDict(long=True), nullable=True),
        sa.Column("undoes", sa.String(36), nullable=True),
    )
    steps.create_index("ix_action_plans_undoes", "action_plans", "undoes")
    steps.create_table(
        "slots",
        sa.Column("id", types.BigId, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("resource", sa.String(191), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("plan_uuid", sa.String(36), nullable=False),
        sa.Column("action_uuid", sa.String(36), nullable=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("owner_epoch", types.BigId, nullable=False),
        sa.Column("taken_at", types.PreciseDateTime, nullable=False),
        sa.UniqueConstraint(
            "kind", "resource", "number", name="uniq_slots0kind0resource0number"
        ),
        sqlite_autoincrement=True,
    )
    steps.create_index("ix_slots_plan_uuid", "slots", "plan_uuid")
    steps.create_table(
        "execution_rules",
        sa.Column("id", types.BigId, primary_key=True, autoincrement=True),
        sa.Column("resource", sa.String(20), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("document", types.JsonDict(long=True), nullable=False),
        sa.UniqueConstraint(
            "resource", "uuid", name="uniq_execution_rules0resource0uuid"
        ),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    steps.refuse_while_in_use()
    steps.drop_table("execution_rules")
    steps.drop_table("slots")
    steps.drop_index("ix_action_plans_undoes", "action_plans")
    steps.drop_columns("action_plans", "paused", "achieved_efficacy", "undoes")
