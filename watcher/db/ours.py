"""Tables of our own as SQLAlchemy classes.

They have no foreign keys to the published ones: rows that the reference purges must not be
held back by rows it does not know.
"""

import datetime
from typing import Any

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from watcher.db.base import Base, utcnow
from watcher.db.types import BigId, JsonDict, JsonList, PreciseDateTime


class Lease(Base):
    """A living process; ``epoch`` is its fencing number and is never given twice"""

    __tablename__ = "leases"
    __table_args__ = (
        UniqueConstraint("owner", name="uniq_leases0owner"),
        Index("ix_leases_expires_at", "expires_at"),
        {"sqlite_autoincrement": True},
    )

    epoch: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    owner: Mapped[str] = mapped_column(String(255))
    service: Mapped[str] = mapped_column(String(255))
    host: Mapped[str] = mapped_column(String(255))
    acquired_at: Mapped[datetime.datetime] = mapped_column(PreciseDateTime)
    renewed_at: Mapped[datetime.datetime] = mapped_column(PreciseDateTime)
    expires_at: Mapped[datetime.datetime] = mapped_column(PreciseDateTime)


class Operation(Base):
    """An intent to change the cloud, written down before the call is made"""

    __tablename__ = "operations"
    __table_args__ = (
        Index("ix_operations_action_uuid", "action_uuid"),
        Index("ix_operations_plan_uuid", "plan_uuid"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    action_uuid: Mapped[str] = mapped_column(String(36))
    plan_uuid: Mapped[str] = mapped_column(String(36))
    kind: Mapped[str] = mapped_column(String(63))
    owner: Mapped[str] = mapped_column(String(255))
    owner_epoch: Mapped[int] = mapped_column(BigId)
    request_id: Mapped[str] = mapped_column(String(64))
    remote_id: Mapped[str | None] = mapped_column(String(255))
    outcome: Mapped[str | None] = mapped_column(String(20))
    detail: Mapped[dict[str, Any]] = mapped_column(JsonDict(long=True), default=dict)
    created_at: Mapped[datetime.datetime] = mapped_column(PreciseDateTime)
    sent_at: Mapped[datetime.datetime | None] = mapped_column(PreciseDateTime)
    ended_at: Mapped[datetime.datetime | None] = mapped_column(PreciseDateTime)


class History(Base):
    """One step of state of one row: when, by whom, why"""

    __tablename__ = "history"
    __table_args__ = (
        Index("ix_history_resource_uuid", "resource", "uuid"),
        Index("ix_history_at", "at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    resource: Mapped[str] = mapped_column(String(20))
    uuid: Mapped[str] = mapped_column(String(36))
    at: Mapped[datetime.datetime] = mapped_column(PreciseDateTime, default=utcnow)
    actor: Mapped[str | None] = mapped_column(String(255))
    old: Mapped[str | None] = mapped_column(String(20))
    new: Mapped[str | None] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(Text)


class Outbox(Base):
    """A notification that is committed with its cause and sent afterwards"""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_not_before", "not_before"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    event_type: Mapped[str] = mapped_column(String(255))
    priority: Mapped[str] = mapped_column(String(20))
    payload: Mapped[dict[str, Any]] = mapped_column(JsonDict(long=True), default=dict)
    context: Mapped[dict[str, Any]] = mapped_column(
        JsonDict(long=True), default=dict, nullable=True
    )
    created_at: Mapped[datetime.datetime] = mapped_column(
        PreciseDateTime, default=utcnow
    )
    attempts: Mapped[int] = mapped_column(default=0)
    # NULL = at once; later after a failed attempt.
    not_before: Mapped[datetime.datetime | None] = mapped_column(PreciseDateTime)
    owner: Mapped[str | None] = mapped_column(String(255))
    owner_epoch: Mapped[int | None] = mapped_column(BigId)


class Explanation(Base):
    """Why a plan holds what it holds, or why there is none"""

    __tablename__ = "explanations"
    __table_args__ = (
        Index("ix_explanations_audit_uuid", "audit_uuid"),
        Index("ix_explanations_plan_uuid", "plan_uuid"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    audit_uuid: Mapped[str] = mapped_column(String(36))
    plan_uuid: Mapped[str | None] = mapped_column(String(36))
    document: Mapped[dict[str, Any]] = mapped_column(JsonDict(long=True), default=dict)
    created_at: Mapped[datetime.datetime] = mapped_column(
        PreciseDateTime, default=utcnow
    )


class ScopeFinding(Base):
    """A scope that names what is not there, as it was last told; no row: all is well"""

    __tablename__ = "scope_findings"
    __table_args__ = (
        UniqueConstraint("resource", "uuid", name="uniq_scope_findings0resource0uuid"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    resource: Mapped[str] = mapped_column(String(20))
    uuid: Mapped[str] = mapped_column(String(36))
    missing: Mapped[list[Any]] = mapped_column(JsonList(long=True), default=list)
    # What compare-and-set compares.
    digest: Mapped[str] = mapped_column(String(64))
    found_at: Mapped[datetime.datetime] = mapped_column(PreciseDateTime, default=utcnow)


class Slot(Base):
    """A place that one running action, or one plan, takes of what there are only some of"""

    __tablename__ = "slots"
    __table_args__ = (
        UniqueConstraint(
            "kind", "resource", "number", name="uniq_slots0kind0resource0number"
        ),
        Index("ix_slots_plan_uuid", "plan_uuid"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(40))
    resource: Mapped[str] = mapped_column(String(191))
    number: Mapped[int]
    plan_uuid: Mapped[str] = mapped_column(String(36))
    # NULL: the plan holds it from its start to its end.
    action_uuid: Mapped[str | None] = mapped_column(String(36))
    owner: Mapped[str] = mapped_column(String(255))
    owner_epoch: Mapped[int] = mapped_column(BigId)
    taken_at: Mapped[datetime.datetime] = mapped_column(PreciseDateTime, default=utcnow)


class ExecutionRules(Base):
    """What an operator says of carrying plans out: of a template, an audit or a plan"""

    __tablename__ = "execution_rules"
    __table_args__ = (
        UniqueConstraint("resource", "uuid", name="uniq_execution_rules0resource0uuid"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    resource: Mapped[str] = mapped_column(String(20))
    uuid: Mapped[str] = mapped_column(String(36))
    document: Mapped[dict[str, Any]] = mapped_column(JsonDict(long=True), default=dict)
