"""Tables of the Ocata release

Revision ID: 001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from watcher.db.alembic import steps

revision = "001"
down_revision = None

TABLES = (
    "efficacy_indicators",
    "actions",
    "action_plans",
    "audits",
    "audit_templates",
    "strategies",
    "services",
    "scoring_engines",
    "goals",
)


def upgrade() -> None:
    _plugins()
    _requests()
    _results()


def downgrade() -> None:
    for table in ("audits", "action_plans", "audit_templates"):
        found = op.get_bind().scalar(sa.text(f"SELECT COUNT(*) FROM {table}"))
        if found:
            steps.refuse(
                f"Going below revision 001 would destroy {found} rows of {table};"
                " drop the database itself if that is meant"
            )
    for table in TABLES:
        steps.drop_table(table)


def _plugins() -> None:
    steps.create_table(
        "goals",
        *steps.bookkeeping(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=True),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("display_name", sa.String(63), nullable=False),
        sa.Column("efficacy_specification", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "deleted", name="uniq_goals0name"),
        sa.UniqueConstraint("uuid", name="uniq_goals0uuid"),
    )
    steps.create_table(
        "scoring_engines",
        *steps.bookkeeping(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("description", sa.String(255), nullable=True),
        sa.Column("metainfo", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "deleted", name="uniq_scoring_engines0name"),
        sa.UniqueConstraint("uuid", name="uniq_scoring_engines0uuid"),
    )
    steps.create_table(
        "services",
        *steps.bookkeeping(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("last_seen_up", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "host", "name", "deleted", name="uniq_services0host0name0deleted"
        ),
    )
    steps.create_table(
        "strategies",
        *steps.bookkeeping(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=True),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("display_name", sa.String(63), nullable=False),
        sa.Column("goal_id", sa.Integer(), nullable=False),
        sa.Column("parameters_spec", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["goal_id"], ["goals.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "deleted", name="uniq_strategies0name"),
        sa.UniqueConstraint("uuid", name="uniq_strategies0uuid"),
    )


def _requests() -> None:
    steps.create_table(
        "audit_templates",
        *steps.bookkeeping(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=True),
        sa.Column("name", sa.String(63), nullable=True),
        sa.Column("description", sa.String(255), nullable=True),
        sa.Column("goal_id", sa.Integer(), nullable=False),
        sa.Column("strategy_id", sa.Integer(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["goal_id"], ["goals.id"]),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "deleted", name="uniq_audit_templates0name"),
        sa.UniqueConstraint("uuid", name="uniq_audit_templates0uuid"),
    )
    steps.create_table(
        "audits",
        *steps.bookkeeping(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=True),
        sa.Column("audit_type", sa.String(20), nullable=True),
        sa.Column("state", sa.String(20), nullable=True),
        sa.Column("parameters", sa.Text(), nullable=True),
        sa.Column("interval", sa.Integer(), nullable=True),
        sa.Column("goal_id", sa.Integer(), nullable=False),
        sa.Column("strategy_id", sa.Integer(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("auto_trigger", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["goal_id"], ["goals.id"]),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid", name="uniq_audits0uuid"),
    )


def _results() -> None:
    steps.create_table(
        "action_plans",
        *steps.bookkeeping(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=True),
        sa.Column("audit_id", sa.Integer(), nullable=False),
        sa.Column("strategy_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(20), nullable=True),
        sa.Column("global_efficacy", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["audit_id"], ["audits.id"]),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid", name="uniq_action_plans0uuid"),
    )
    steps.create_table(
        "actions",
        *steps.bookkeeping(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("action_plan_id", sa.Integer(), nullable=False),
        sa.Column("action_type", sa.String(255), nullable=False),
        sa.Column("input_parameters", sa.Text(), nullable=True),
        sa.Column("state", sa.String(20), nullable=True),
        sa.Column("parents", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["action_plan_id"], ["action_plans.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid", name="uniq_actions0uuid"),
    )
    steps.create_table(
        "efficacy_indicators",
        *steps.bookkeeping(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=True),
        sa.Column("name", sa.String(63), nullable=True),
        sa.Column("description", sa.String(255), nullable=True),
        sa.Column("unit", sa.String(63), nullable=True),
        sa.Column("value", sa.Numeric(), nullable=True),
        sa.Column("action_plan_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["action_plan_id"], ["action_plans.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid", name="uniq_efficacy_indicators0uuid"),
    )
