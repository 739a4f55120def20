"""Tables as SQLAlchemy classes: those of the published schema here, our own in ``ours``.

The published tables keep names, lengths and nullability, because the reference must be
able to go on with the same database.
"""

import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from watcher.db.base import Base as Base
from watcher.db.base import Bookkeeping
from watcher.db.base import new_uuid as new_uuid
from watcher.db.base import utcnow as utcnow
from watcher.db.ours import ExecutionRules as ExecutionRules
from watcher.db.ours import Explanation as Explanation
from watcher.db.ours import History as History
from watcher.db.ours import Lease as Lease
from watcher.db.ours import Operation as Operation
from watcher.db.ours import Outbox as Outbox
from watcher.db.ours import ScopeFinding as ScopeFinding
from watcher.db.ours import Slot as Slot
from watcher.db.types import BigId, DoubleFloat, JsonDict, JsonList, PreciseDateTime


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
        Index("ix_action_plans_undoes", "undoes"),
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
    # An ONGOING plan that begins nothing more until somebody lets it go on.
    paused: Mapped[bool | None] = mapped_column(default=None)
    # What its indicators were when they were measured again after its end.
    achieved_efficacy: Mapped[dict[str, Any] | None] = mapped_column(
        JsonDict(long=True), nullable=True
    )
    # The plan that this one takes back.
    undoes: Mapped[str | None] = mapped_column(String(36))


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
