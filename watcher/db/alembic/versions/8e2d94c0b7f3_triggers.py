"""Where an audit came from, triggers that wait, the age of the model

Revision ID: 8e2d94c0b7f3
Revises: c41f7b02d8e6
"""

import sqlalchemy as sa

from watcher.db import types
from watcher.db.alembic import steps

revision = "8e2d94c0b7f3"
down_revision = "c41f7b02d8e6"

INDEXED = ("audit_template_uuid", "triggered_at")


def upgrade() -> None:
    steps.add_columns(
        "audits",
        # No foreign key: the template may be deleted, and purged, before the audit.
        sa.Column("audit_template_uuid", sa.String(36), nullable=True),
        sa.Column("triggered_at", types.PreciseDateTime, nullable=True),
    )
    for name in INDEXED:
        steps.create_index(f"ix_audits_{name}", "audits", name)
    steps.add_columns(
        "services", sa.Column("model_read_at", types.PreciseDateTime, nullable=True)
    )


def downgrade() -> None:
    steps.refuse_while_in_use()
    steps.drop_columns("audits", "audit_template_uuid", "triggered_at")
    steps.drop_columns("services", "model_read_at")
