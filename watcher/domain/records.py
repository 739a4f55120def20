"""The nouns of the database as frozen values; times are naive UTC."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What every row carries; ``deleted_at`` alone decides whether it is visible"""

    id: int
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
    deleted_at: datetime.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal(Row):
    """An aim that audits can be asked to pursue"""

    uuid: str
    name: str
    display_name: str
    efficacy_specification: Sequence[Mapping[str, Json]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy(Row):
    """An algorithm that pursues one goal"""

    uuid: str
    name: str
    display_name: str
    goal_id: int
    goal_uuid: str | None = None
    goal_name: str | None = None
    parameters_spec: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditTemplate(Row):
    """Goal, strategy, scope and default parameters under a name"""

    uuid: str
    name: str
    description: str | None = None
    goal_id: int
    goal_uuid: str | None = None
    goal_name: str | None = None
    strategy_id: int | None = None
    strategy_uuid: str | None = None
    strategy_name: str | None = None
    scope: Sequence[Json] = ()
    default_parameters: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit(Row):
    """A request to look at the cluster; its row is the queue entry of the engine"""

    uuid: str
    name: str
    audit_type: str
    state: str
    goal_id: int
    goal_uuid: str | None = None
    goal_name: str | None = None
    strategy_id: int | None = None
    strategy_uuid: str | None = None
    strategy_name: str | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict)
    interval: str | None = None
    scope: Sequence[Json] = ()
    auto_trigger: bool = False
    next_run_time: datetime.datetime | None = None
    hostname: str | None = None
    start_time: datetime.datetime | None = None
    end_time: datetime.datetime | None = None
    force: bool = False
    status_message: str | None = None
    owner: str | None = None
    owner_epoch: int | None = None
    triggered_at: datetime.datetime | None = None
    failures: int = 0
    not_before: datetime.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EfficacyIndicator:
    """One number that tells what a plan is worth"""

    name: str
    description: str | None = None
    unit: str | None = None
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPlan(Row):
    """Ordered actions that an audit recommends"""

    uuid: str
    audit_id: int
    audit_uuid: str | None = None
    strategy_id: int
    strategy_uuid: str | None = None
    strategy_name: str | None = None
    state: str
    global_efficacy: Sequence[Mapping[str, Json]] = ()
    efficacy_indicators: Sequence[EfficacyIndicator] = ()
    hostname: str | None = None
    status_message: str | None = None
    owner: str | None = None
    owner_epoch: int | None = None
    # An ONGOING plan that begins nothing more until somebody lets it go on.
    paused: bool = False
    # What its indicators were when they were measured again; empty: not measured.
    achieved_efficacy: Mapping[str, Json] = field(default_factory=dict)
    # UUID of the plan that this one takes back.
    undoes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Row):
    """One step of a plan"""

    uuid: str
    action_plan_id: int
    action_plan_uuid: str | None = None
    action_type: str
    description: str = ""
    input_parameters: Mapping[str, Json] = field(default_factory=dict)
    state: str
    parents: Sequence[str] = ()
    status_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringEngine(Row):
    """A scoring plugin that strategies may call"""

    uuid: str
    name: str
    description: str | None = None
    metainfo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Row):
    """A daemon on a host, as its heartbeats show it; ``runtime`` marks our own"""

    name: str
    host: str
    last_seen_up: datetime.datetime | None = None
    runtime: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Who may write: a process' lease, its epoch being the fencing number"""

    owner: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Place:
    """What an action takes while it runs: one of ``limit``; None: counted, without limit"""

    kind: str
    resource: str
    limit: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What it is one of"""
        return self.kind, self.resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An intent to change the cloud, written down before the call is made"""

    id: int
    action_uuid: str
    kind: str
    owner: str
    owner_epoch: int
    request_id: str
    remote_id: str | None = None
    outcome: str | None = None
    detail: Mapping[str, Json] = field(default_factory=dict)
    created_at: datetime.datetime | None = None
    sent_at: datetime.datetime | None = None
    ended_at: datetime.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAction:
    """An action of a plan that is about to be stored"""

    uuid: str
    action_type: str
    input_parameters: Mapping[str, Json]
    parents: Sequence[str] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlan:
    """A whole plan that is stored in one transaction or not at all"""

    uuid: str
    audit_uuid: str
    strategy_name: str
    state: str
    actions: Sequence[NewAction] = ()
    global_efficacy: Sequence[Mapping[str, Json]] = ()
    efficacy_indicators: Sequence[EfficacyIndicator] = ()
    explanation: Mapping[str, Json] = field(default_factory=dict)
