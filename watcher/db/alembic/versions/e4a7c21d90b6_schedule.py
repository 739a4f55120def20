"""Failures in a row, audits that wait for a while, what is due, scopes that miss something

Revision ID: e4a7c21d90b6
Revises: 8e2d94c0b7f3
"""

import sqlalchemy as sa

from watcher.db import types
from watcher.db.alembic import steps

revision = "e4a7c21d90b6"
down_revision = "8e2d94c0b7f3"

INDEXES = {
    "ix_audits_due": ("audit_type", "state", "next_run_time"),
    "ix_audits_end": ("audit_type", "state", "end_time"),
}


def upgrade() -> None:
    steps.add_columns(
        "audits",
        sa.Column("failures", sa.Integer(), nullable=True),
        sa.Column("not_before", types.PreciseDateTime, nullable=True),
    )
    for name, columns in INDEXES.items():
        steps.create_index(name, "audits", *columns)
    steps.create_table(
        "scope_findings",
        sa.Column("id", types.BigId, primary_key=True, autoincrement=True),
        sa.Column("resource", sa.String(20), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("missing", types.JsonList(long=True), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("found_at", types.PreciseDateTime, nullable=False),
        sa.UniqueConstraint(
            "resource", "uuid", name="uniq_scope_findings0resource0uuid"
        ),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    steps.refuse_while_in_use()
    steps.drop_table("scope_findings")
    for name in INDEXES:
        steps.drop_index(name, "audits")
    steps.drop_columns("audits", "failures", "not_before")
