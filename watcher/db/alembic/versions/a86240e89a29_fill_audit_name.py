"""Audits without a name get one

The names are filled in by the first revision of our own, because every database that the
reference brought beyond this one still has NULL there.

Revision ID: a86240e89a29
Revises: 3cfc94cecf4e
"""

revision = "a86240e89a29"
down_revision = "3cfc94cecf4e"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
