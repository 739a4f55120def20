"""Leases and claims, intents, history, outgoing notifications, explanations, indexes

Revision ID: c41f7b02d8e6
Revises: 5d0c3a9e71b4
"""

import sqlalchemy as sa

from watcher.db import types
from watcher.db.alembic import steps

revision = "c41f7b02d8e6"
down_revision = "5d0c3a9e71b4"

OWNED = ("audits", "action_plans")
TABLES = ("explanations", "outbox", "history", "operations", "leases")
# Name, table, columns. MariaDB indexes foreign keys by itself; the others do not.
INDEXES = (
    ("ix_strategies_goal_id", "strategies", "goal_id"),
    ("ix_audit_templates_goal_id", "audit_templates", "goal_id"),
    ("ix_audit_templates_strategy_id", "audit_templates", "strategy_id"),
    ("ix_audits_goal_id", "audits", "goal_id"),
    ("ix_audits_strategy_id", "audits", "strategy_id"),
    ("ix_audits_state_owner", "audits", "state", "owner"),
    ("ix_audits_next_run_time", "audits", "next_run_time"),
    ("ix_action_plans_audit_id", "action_plans", "audit_id"),
    ("ix_action_plans_strategy_id", "action_plans", "strategy_id"),
    ("ix_action_plans_state_owner", "action_plans", "state", "owner"),
    ("ix_actions_action_plan_id", "actions", "action_plan_id"),
    ("ix_efficacy_indicators_action_plan_id", "efficacy_indicators", "action_plan_id"),
    ("ix_apscheduler_jobs_service_id", "apscheduler_jobs", "service_id"),
)


def upgrade() -> None:
    for table in OWNED:
        steps.add_columns(
            table,
            sa.Column("owner", sa.String(255), nullable=True),
            sa.Column("owner_epoch", types.BigId, nullable=True),
        )
    steps.add_columns("services", sa.Column("runtime", sa.String(63), nullable=True))
    for name, table, *names in INDEXES:
        steps.create_index(name, table, *names)
    _leases()
    _operations()
    _history()
    _outbox()
    _explanations()


def downgrade() -> None:
    steps.refuse_while_in_use()
    for table in TABLES:
        steps.drop_table(table)
    for table in OWNED:
        steps.drop_columns(table, "owner", "owner_epoch")
    steps.drop_columns("services", "runtime")
    for name, table, *_names in INDEXES:
        steps.drop_index(name, table)


def _leases() -> None:
    steps.create_table(
        "leases",
        sa.Column("epoch", types.BigId, nullable=False, autoincrement=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("service", sa.String(255), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("acquired_at", types.PreciseDateTime, nullable=False),
        sa.Column("renewed_at", types.PreciseDateTime, nullable=False),
        sa.Column("expires_at", types.PreciseDateTime, nullable=False),
        sa.PrimaryKeyConstraint("epoch"),
        sa.UniqueConstraint("owner", name="uniq_leases0owner"),
        sqlite_autoincrement=True,
    )
    steps.create_index("ix_leases_expires_at", "leases", "expires_at")


def _operations() -> None:
    steps.create_table(
        "operations",
        sa.Column("id", types.BigId, nullable=False, autoincrement=True),
        sa.Column("action_uuid", sa.String(36), nullable=False),
        sa.Column("plan_uuid", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(63), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("owner_epoch", types.BigId, nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("remote_id", sa.String(255), nullable=True),
        sa.Column("outcome", sa.String(20), nullable=True),
        sa.Column("detail", types.LongText, nullable=False),
        sa.Column("created_at", types.PreciseDateTime, nullable=False),
        sa.Column("sent_at", types.PreciseDateTime, nullable=True),
        sa.Column("ended_at", types.PreciseDateTime, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    steps.create_index("ix_operations_action_uuid", "operations", "action_uuid")
    steps.create_index("ix_operations_plan_uuid", "operations", "plan_uuid")


def _history() -> None:
    steps.create_table(
        "history",
        sa.Column("id", types.BigId, nullable=False, autoincrement=True),
        sa.Column("resource", sa.String(20), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("at", types.PreciseDateTime, nullable=False),
        sa.Column("actor", sa.String(255), nullable=True),
        sa.Column("old", sa.String(20), nullable=True),
        sa.Column("new", sa.String(20), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    steps.create_index("ix_history_resource_uuid", "history", "resource", "uuid")
    steps.create_index("ix_history_at", "history", "at")


def _outbox() -> None:
    steps.create_table(
        "outbox",
        sa.Column("id", types.BigId, nullable=False, autoincrement=True),
        sa.Column("event_type", sa.String(255), nullable=False),
        sa.Column("priority", sa.String(20), nullable=False),
        sa.Column("payload", types.LongText, nullable=False),
        sa.Column("context", types.LongText, nullable=True),
        sa.Column("created_at", types.PreciseDateTime, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", types.PreciseDateTime, nullable=True),
        sa.Column("owner", sa.String(255), nullable=True),
        sa.Column("owner_epoch", types.BigId, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    steps.create_index("ix_outbox_not_before", "outbox", "not_before")


def _explanations() -> None:
    steps.create_table(
        "explanations",
        sa.Column("id", types.BigId, nullable=False, autoincrement=True),
        sa.Column("audit_uuid", sa.String(36), nullable=False),
        sa.Column("plan_uuid", sa.String(36), nullable=True),
        sa.Column("document", types.LongText, nullable=False),
        sa.Column("created_at", types.PreciseDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    steps.create_index("ix_explanations_audit_uuid", "explanations", "audit_uuid")
    steps.create_index("ix_explanations_plan_uuid", "explanations", "plan_uuid")
