"""Tables as SQLAlchemy classes: those of the published schema, then our own.

The published tables keep names, lengths and nullability, because the reference must be
able to go on with the same database. Our own tables have no foreign keys to them: rows
that the reference purges must not be held back by rows it does not know.
"""

import datetime
import uuid as uuids
from typing import Any, ClassVar

from sqlalchemy import (
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.schema import MetaData

from watcher.db.types import BigId, DoubleFloat, JsonDict, JsonList, PreciseDateTime


def utcnow() -> datetime.datetime:
    """This process' clock as the columns keep time: UTC without a zone"""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def new_uuid() -> str:
    """A random UUID as text"""
    return str(uuids.uuid4())


class Base(DeclarativeBase):
    """Root of the mapped classes; ``Base.metadata`` is the expected schema"""

    metadata: ClassVar[MetaData] = MetaData()
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime.datetime: DateTime()}


class Bookkeeping:
    """Columns of every published table; ``deleted_at`` alone decides visibility"""

    created_at: Mapped[datetime.datetime | None] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime.datetime | None] = mapped_column(onupdate=utcnow)
    deleted_at: Mapped[datetime.datetime | None]
    # The row's own id once it is deleted, so that (name, deleted) stays unique.
    deleted: Mapped[int | None] = mapped_column(default=0)


class Goal(Bookkeeping, Base):
    """An aim that audits pursue"""

    __tablename__ = "goals"
    __table_args__ = (
        UniqueConstraint("uuid", name="uniq_goals0uuid"),
        UniqueConstraint("name", "deleted", name="uniq_goals0name"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str | None] = mapped_column(String(36), default=new_uuid)
    name: Mapped[str] = mapped_column(String(63))
    display_name: Mapped[str] = mapped_column(String(63))
    efficacy_specification: Mapped[list[Any]] = mapped_column(JsonList, default=list)


class Strategy(Bookkeeping, Base):
    """An algorithm that pursues one goal"""

    __tablename__ = "strategies"
    __table_args__ = (
        UniqueConstraint("uuid", name="uniq_strategies0uuid"),
        UniqueConstraint("name", "deleted", name="uniq_strategies0name"),
        Index("ix_strategies_goal_id", "goal_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str | None] = mapped_column(String(36), default=new_uuid)
    name: Mapped[str] = mapped_column(String(63))
    display_name: Mapped[str] = mapped_column(String(63))
    goal_id: Mapped[int] = mapped_column(ForeignKey("goals.id"))
    parameters_spec: Mapped[dict[str, Any]] = mapped_column(
        JsonDict, default=dict, nullable=True
    )


class AuditTemplate(Bookkeeping, Base):
    """Goal, strategy, scope and default parameters under a name"""

    __tablename__ = "audit_templates"
    __table_args__ = (
        UniqueConstraint("uuid", name="uniq_audit_templates0uuid"),
        UniqueConstraint("name", "deleted", name="uniq_audit_templates0name"),
        Index("ix_audit_templates_goal_id", "goal_id"),
        Index("ix_audit_templates_strategy_id", "strategy_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str | None] = mapped_column(String(36), default=new_uuid)
    name: Mapped[str | None] = mapped_column(String(63))
    description: Mapped[str | None] = mapped_column(String(255))
    goal_id: Mapped[int] = mapped_column(ForeignKey("goals.id"))
    strategy_id: Mapped[int | None] = mapped_column(ForeignKey("strategies.id"))
    scope: Mapped[list[Any]] = mapped_column(JsonList, default=list, nullable=True)
    default_parameters: Mapped[dict[str, Any]] = mapped_column(
        JsonDict, default=dict, nullable=True
    )


class Audit(Bookkeeping, Base):
    """A request to look at the cluster"""

    __tablename__ = "audits"
    __table_args__ = (
        UniqueConstraint("uuid", name="uniq_audits0uuid"),
        UniqueConstraint("name", "deleted", name="uniq_audits0name"),
        Index("ix_audits_goal_id", "goal_id"),
        Index("ix_audits_strategy_id", "strategy_id"),
        Index("ix_audits_state_owner", "state", "owner"),
        Index("ix_audits_next_run_time", "next_run_time"),
        Index("ix_audits_audit_template_uuid", "audit_template_uuid"),
        Index("ix_audits_triggered_at", "triggered_at"),
        # What engines look for each second, however many audits sleep.
        Index("ix_audits_due", "audit_type", "state", "next_run_time"),
        Index("ix_audits_end", "audit_type", "state", "end_time"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str | None] = mapped_column(String(36), default=new_uuid)
    name: Mapped[str | None] = mapped_column(String(63))
    audit_type: Mapped[str | None] = mapped_column(String(20))
    state: Mapped[str | None] = mapped_column(String(20))
    parameters: Mapped[dict[str, Any]] = mapped_column(
        JsonDict, default=dict, nullable=True
    )
    interval: Mapped[str | None] = mapped_column(String(36))
    goal_id: Mapped[int] = mapped_column(ForeignKey("goals.id"))
    strategy_id: Mapped[int | None] = mapped_column(ForeignKey("strategies.id"))
    scope: Mapped[list[Any]] = mapped_column(JsonList, default=list, nullable=True)
    auto_trigger: Mapped[bool] = mapped_column(default=False)
    next_run_time: Mapped[datetime.datetime | None]
    hostname: Mapped[str | None] = mapped_column(String(255))
    start_time: Mapped[datetime.datetime | None]
    end_time: Mapped[datetime.datetime | None]
    force: Mapped[bool | None] = mapped_column(default=False)
    status_message: Mapped[str | None] = mapped_column(String(255))
    owner: Mapped[str | None] = mapped_column(String(255))
    owner_epoch: Mapped[int | None] = mapped_column(BigId)
    # Where it came from; the template may be gone.
    audit_template_uuid: Mapped[str | None] = mapped_column(String(36))
    # When an EVENT audit was triggered; NULL again as soon as a run begins.
    triggered_at: Mapped[datetime.datetime | None] = mapped_column(PreciseDateTime)
    # How many runs of a CONTINUOUS audit failed since the last one that did not.
    failures: Mapped[int | None] = mapped_column(default=0)
    # Until when an EVENT audit lets a plan have its way before it looks again.
    not_before: Mapped[datetime.datetime | None] = mapped_column(PreciseDateTime)


class ActionPlan(Bookkeeping, Base):
    """Ordered actions that an audit recommends"""

    __tablename__ = "action_plans"
    __table_args__ = (
        UniqueConstraint("uuid", name="uniq_action_plans0uuid"),
        Index("ix_action_plans_audit_id", "audit_id"),
        Index("ix_action_plans_strategy_id", "strategy_id"),
        Index("ix_action_plans_state_owner", "state", "owner"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str | None] = mapped_column(String(36), default=new_uuid)
    audit_id: Mapped[int] = mapped_column(ForeignKey("audits.id"))
    strategy_id: Mapped[int] = mapped_column(ForeignKey("strategies.id"))
    state: Mapped[str | None] = mapped_column(String(20))
    global_efficacy: Mapped[list[Any]] = mapped_column(
        JsonList, default=list, nullable=True
    )
    hostname: Mapped[str | None] = mapped_column(String(255))
    status_message: Mapped[str | None] = mapped_column(String(255))
    owner: Mapped[str | None] = mapped_column(String(255))
    owner_epoch: Mapped[int | None] = mapped_column(BigId)


class Action(Bookkeeping, Base):
    """One step of a plan"""

    __tablename__ = "actions"
    __table_args__ = (
        UniqueConstraint("uuid", name="uniq_actions0uuid"),
        Index("ix_actions_action_plan_id", "action_plan_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), default=new_uuid)
    action_plan_id: Mapped[int] = mapped_column(ForeignKey("action_plans.id"))
    action_type: Mapped[str] = mapped_column(String(255))
    input_parameters: Mapped[dict[str, Any]] = mapped_column(
        JsonDict, default=dict, nullable=True
    )
    state: Mapped[str | None] = mapped_column(String(20))
    parents: Mapped[list[Any]] = mapped_column(JsonList, default=list, nullable=True)
    status_message: Mapped[str | None] = mapped_column(String(255))


class EfficacyIndicator(Bookkeeping, Base):
    """One number of a plan; ``data`` counts, ``value`` is kept for old readers"""

    __tablename__ = "efficacy_indicators"
    __table_args__ = (
        UniqueConstraint("uuid", name="uniq_efficacy_indicators0uuid"),
        Index("ix_efficacy_indicators_action_plan_id", "action_plan_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str | None] = mapped_column(String(36), default=new_uuid)
    name: Mapped[str | None] = mapped_column(String(63))
    description: Mapped[str | None] = mapped_column(String(255))
    unit: Mapped[str | None] = mapped_column(String(63))
    value: Mapped[float | None] = mapped_column(Numeric(asdecimal=False))
    data: Mapped[float | None] = mapped_column(DoubleFloat)
    action_plan_id: Mapped[int] = mapped_column(ForeignKey("action_plans.id"))


class ScoringEngine(Bookkeeping, Base):
    """A scoring plugin that strategies may call"""

    __tablename__ = "scoring_engines"
    __table_args__ = (
        UniqueConstraint("uuid", name="uniq_scoring_engines0uuid"),
        UniqueConstraint("name", "deleted", name="uniq_scoring_engines0name"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), default=new_uuid)
    name: Mapped[str] = mapped_column(String(63))
    description: Mapped[str | None] = mapped_column(String(255))
    metainfo: Mapped[str | None] = mapped_column(Text)


class Service(Bookkeeping, Base):
    """A daemon on a host; ``runtime`` is NULL in rows of the reference"""

    __tablename__ = "services"
    __table_args__ = (
        UniqueConstraint(
            "host", "name", "deleted", name="uniq_services0host0name0deleted"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    host: Mapped[str] = mapped_column(String(255))
    last_seen_up: Mapped[datetime.datetime | None]
    runtime: Mapped[str | None] = mapped_column(String(63))
    # When a decision engine last had everything of its compute model read.
    model_read_at: Mapped[datetime.datetime | None] = mapped_column(PreciseDateTime)


class ActionDescription(Bookkeeping, Base):
    """What an action type does, in words"""

    __tablename__ = "action_descriptions"
    __table_args__ = (
        UniqueConstraint("action_type", name="uniq_action_description0action_type"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    action_type: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(String(255))


class SchedulerJob(Bookkeeping, Base):
    """Timetable of the reference, kept for a way back; ``job_state`` is never read"""

    __tablename__ = "apscheduler_jobs"
    __table_args__ = (
        Index("ix_apscheduler_jobs_next_run_time", "next_run_time"),
        Index("ix_apscheduler_jobs_service_id", "service_id"),
    )

    id: Mapped[str] = mapped_column(String(191), primary_key=True)
    next_run_time: Mapped[float | None] = mapped_column(DoubleFloat)
    job_state: Mapped[bytes] = mapped_column(LargeBinary)
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"))
    tag: Mapped[dict[str, Any]] = mapped_column(JsonDict, default=dict, nullable=True)


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
