"""One schema, whichever way and release made it; rows that every release can read

Revision ID: 5d0c3a9e71b4
Revises: f56ba02662b4
"""

from watcher.db.alembic import repairs, steps

revision = "5d0c3a9e71b4"
down_revision = "f56ba02662b4"


def upgrade() -> None:
    steps.interval_to_text()
    steps.allow_null("audits", "force")
    repairs.give_uuids()
    repairs.settle_flags()
    repairs.name_audits()
    repairs.tell_apart()
    steps.create_unique("uniq_audits0name", "audits", "name", "deleted")
    repairs.widen_indicators()
    steps.add_columns("apscheduler_jobs", *steps.bookkeeping())
    steps.drop_unique("uniq_apscheduler_jobs0id", "apscheduler_jobs")


def downgrade() -> None:
    """The repairs stay: the reference made databases of this very shape itself"""
