"""Payload objects, their versions and complete field lists, as published."""

import dataclasses
import datetime
import threading

import pytest

import watcher.conf
from watcher import bus
from watcher.context import RequestContext
from watcher.domain import records
from watcher.notifications import emit, envelope

AT = datetime.datetime(2026, 8, 1, 10, 0, 0, 123456)
TIMES = "created_at updated_at deleted_at"
TERSE_AUDIT = (
    "uuid name audit_type state parameters interval scope goal_uuid strategy_uuid "
    f"auto_trigger next_run_time status_message {TIMES}"
)
AUDIT = f"{TERSE_AUDIT} goal strategy"
TERSE_PLAN = (
    f"uuid state global_efficacy audit_uuid strategy_uuid status_message {TIMES}"
)
PLAN = f"{TERSE_PLAN} audit strategy"
ACTION = f"uuid action_type input_parameters state parents status_message action_plan {TIMES}"

GOAL = records.Goal(
    id=1, uuid="g-1", name="dummy", display_name="Dummy", created_at=AT,
    efficacy_specification=({"name": "x"},),
)  # fmt: skip
STRATEGY = records.Strategy(
    id=2, uuid="s-1", name="dummy", display_name="Dummy", goal_id=1, created_at=AT
)
AUDIT_ROW = records.Audit(
    id=3, uuid="a-1", name="nightly", audit_type="ONESHOT", state="PENDING", goal_id=1,
    goal_uuid="g-1", strategy_id=2, strategy_uuid="s-1", created_at=AT, hostname="h",
    scope=({"compute": []},), parameters={"n": 1},
)  # fmt: skip
PLAN_ROW = records.ActionPlan(
    id=4, uuid="p-1", audit_id=3, audit_uuid="a-1", strategy_id=2, strategy_uuid="s-1",
    state="RECOMMENDED", created_at=AT, global_efficacy=({"name": "e", "value": 1.5},),
)  # fmt: skip
ACTION_ROW = records.Action(
    id=5, uuid="c-1", action_plan_id=4, action_plan_uuid="p-1", action_type="nop",
    input_parameters={"m": "x"}, state="PENDING", parents=("c-0",), created_at=AT,
)  # fmt: skip
SERVICE = records.Service(id=6, name="watcher-applier", host="h1", last_seen_up=AT)


class Related:
    def __init__(self, audit=AUDIT_ROW):
        self._audit = audit

    def goal(self, tx, ident):
        return GOAL if ident == 1 else None

    def strategy(self, tx, ident):
        return STRATEGY if ident == 2 else None

    def audit(self, tx, ident):
        return self._audit

    def plan(self, tx, ident):
        return PLAN_ROW


class Tx:
    def __init__(self, observer):
        self.info = {"observer": observer}


@dataclasses.dataclass
class Change:
    kind: str
    verb: str
    old: object
    new: object


@pytest.fixture
def written():
    return []


@pytest.fixture
def observer(written):
    def add(tx, event_type, priority, payload, context):
        written.append((event_type, priority, payload, context))

    return emit.Observer("infra-optim:api1", "info", add, Related())


def check(payload, name, version, fields):
    assert payload["watcher_object.namespace"] == "watcher"
    assert payload["watcher_object.name"] == name
    assert payload["watcher_object.version"] == version
    assert set(payload) == {
        f"watcher_object.{key}" for key in ("namespace", "name", "version", "data")
    }
    data = payload["watcher_object.data"]
    assert set(data) == set(fields.split())
    return data


OF_ROWS = [
    ("audit", AUDIT_ROW, "create", "AuditCreatePayload", "1.2", AUDIT),
    ("audit", AUDIT_ROW, "update", "AuditUpdatePayload", "1.2", f"{AUDIT} state_update"),
    ("audit", AUDIT_ROW, "delete", "AuditDeletePayload", "1.2", AUDIT),
    ("action_plan", PLAN_ROW, "create", "ActionPlanCreatePayload", "1.2", PLAN),
    ("action_plan", PLAN_ROW, "update", "ActionPlanUpdatePayload", "1.2",
     f"{PLAN} state_update"),
    ("action_plan", PLAN_ROW, "delete", "ActionPlanDeletePayload", "1.2", PLAN),
    ("action", ACTION_ROW, "create", "ActionCreatePayload", "1.1", ACTION),
    ("action", ACTION_ROW, "update", "ActionUpdatePayload", "1.1",
     f"{ACTION} state_update"),
    ("action", ACTION_ROW, "delete", "ActionDeletePayload", "1.1", ACTION),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "row", "verb", "name", "version", "fields"), OF_ROWS)
def test_events_of_rows(observer, written, kind, row, verb, name, version, fields):
    observer(Tx(observer), Change(kind, verb, None if verb == "create" else row, row))
    [(event_type, priority, payload, context)] = written
    assert (event_type, priority) == (f"{kind}.{verb}", "info")
    assert context["publisher_id"] == "infra-optim:api1"
    data = check(payload, name, version, fields)
    assert data["created_at"] == "2026-08-01T10:00:00Z" and data["deleted_at"] is None


OF_PHASES = [
    *(("audit", AUDIT_ROW, f"audit.{what}.{phase}", "AuditActionPayload", "1.2", AUDIT)
      for what in ("strategy", "planner") for phase in ("start", "end", "error")),
    *(("action_plan", PLAN_ROW, f"action_plan.{what}.{phase}", name, "1.2", PLAN)
      for what, name in (("execution", "ActionPlanActionPayload"),
                         ("cancel", "ActionPlanCancelPayload"))
      for phase in ("start", "end", "error")),
    *(("action", ACTION_ROW, f"action.{what}.{phase}", name, "1.1", ACTION)
      for what, name in (("execution", "ActionExecutionPayload"),
                         ("cancel", "ActionCancelPayload"))
      for phase in ("start", "end", "error")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "row", "event", "name", "version", "fields"), OF_PHASES
)
def test_events_of_phases(observer, written, kind, row, event, name, version, fields):
    emit.phase(Tx(observer), event, row)
    [(event_type, priority, payload, _)] = written
    assert event_type == event
    assert priority == ("error" if event.endswith(".error") else "info")
    assert check(payload, name, version, f"{fields} fault")["fault"] is None


def test_objects_inside_of_payloads(observer, written):
    observer(Tx(observer), Change("action_plan", "create", None, PLAN_ROW))
    observer(Tx(observer), Change("action", "create", None, ACTION_ROW))
    data = written[0][2]["watcher_object.data"]
    assert data["strategy_uuid"] == "s-1"
    assert data["global_efficacy"] == [{"name": "e", "value": 1.5}]
    audit = check(data["audit"], "TerseAuditPayload", "1.3", TERSE_AUDIT)
    assert audit["strategy_uuid"] is None and audit["goal_uuid"] == "g-1"
    check(
        data["strategy"], "StrategyPayload", "1.0",
        f"uuid name display_name parameters_spec {TIMES}",
    )  # fmt: skip
    data = written[1][2]["watcher_object.data"]
    plan = check(data["action_plan"], "TerseActionPlanPayload", "1.2", TERSE_PLAN)
    assert plan["strategy_uuid"] == "s-1"
    assert data["parents"] == ["c-0"] and "action_plan_uuid" not in data


def test_goal_and_missing_strategy_of_an_audit(observer, written):
    row = dataclasses.replace(AUDIT_ROW, strategy_id=None, strategy_uuid=None)
    observer(Tx(observer), Change("audit", "create", None, row))
    data = written[0][2]["watcher_object.data"]
    assert data["strategy"] is None and data["strategy_uuid"] is None
    goal = check(
        data["goal"], "GoalPayload", "1.0",
        f"uuid name display_name efficacy_specification {TIMES}",
    )  # fmt: skip
    assert goal["efficacy_specification"] == [{"name": "x"}]
    assert data["scope"] == [{"compute": []}] and data["parameters"] == {"n": 1}


def test_a_plan_of_an_open_audit_has_no_strategy_inside_of_actions(written):
    audit = dataclasses.replace(AUDIT_ROW, strategy_uuid=None)
    add = lambda *args: written.append(args)  # noqa: E731
    observer = emit.Observer("p", "info", add, Related(audit))
    observer(Tx(observer), Change("action", "create", None, ACTION_ROW))
    data = written[0][3]["watcher_object.data"]
    assert data["action_plan"]["watcher_object.data"]["strategy_uuid"] is None


@pytest.mark.parametrize(
    ("kind", "row", "name"),
    [
        ("audit", AUDIT_ROW, "AuditStateUpdatePayload"),
        ("action_plan", PLAN_ROW, "ActionPlanStateUpdatePayload"),
        ("action", ACTION_ROW, "ActionStateUpdatePayload"),
    ],
)
def test_state_update_tells_the_step_and_nothing_when_there_was_none(
    observer, written, kind, row, name
):
    new = dataclasses.replace(row, state="CANCELLED", status_message="why")
    observer(Tx(observer), Change(kind, "update", row, new))
    same = dataclasses.replace(new, updated_at=AT)
    observer(Tx(observer), Change(kind, "update", new, same))
    updates = [item[2]["watcher_object.data"]["state_update"] for item in written]
    fields = "old_state state status_message"
    assert check(updates[0], name, "1.1", fields) == {
        "old_state": row.state, "state": "CANCELLED", "status_message": "why",
    }  # fmt: skip
    assert set(check(updates[1], name, "1.1", fields).values()) == {None}


def test_deleting_an_audit_first_tells_the_step_to_deleted(observer, written):
    gone = dataclasses.replace(AUDIT_ROW, state="DELETED", deleted_at=AT)
    old = dataclasses.replace(AUDIT_ROW, state="SUCCEEDED")
    observer(Tx(observer), Change("audit", "delete", old, gone))
    assert [item[0] for item in written] == ["audit.update", "audit.delete"]
    step = written[0][2]["watcher_object.data"]["state_update"]["watcher_object.data"]
    assert (step["old_state"], step["state"]) == ("SUCCEEDED", "DELETED")


@pytest.mark.parametrize(
    ("kind", "row"), [("action_plan", PLAN_ROW), ("action", ACTION_ROW)]
)
def test_deleting_a_plan_tells_each_step_to_deleted(observer, written, kind, row):
    gone = dataclasses.replace(row, state="DELETED", deleted_at=AT)
    observer(Tx(observer), Change(kind, "delete", row, gone))
    assert [item[0] for item in written] == [f"{kind}.update", f"{kind}.delete"]
    step = written[0][2]["watcher_object.data"]["state_update"]["watcher_object.data"]
    assert (step["old_state"], step["state"]) == (row.state, "DELETED")


def test_a_plan_of_a_deleted_audit_still_names_it(observer, written):
    orphan = dataclasses.replace(PLAN_ROW, audit_uuid=None)
    observer(Tx(observer), Change("action_plan", "create", None, orphan))
    assert written[0][2]["watcher_object.data"]["audit_uuid"] == AUDIT_ROW.uuid


def test_a_fault_names_the_innermost_function_of_the_real_failure(observer, written):
    def deep():
        raise IndexError("the real one")

    try:
        deep()
    except IndexError as error:
        emit.phase(Tx(observer), "action_plan.execution.error", PLAN_ROW, fault=error)
    fault = written[0][2]["watcher_object.data"]["fault"]
    fields = "module_name function_name exception exception_message"
    assert check(fault, "ExceptionPayload", "1.0", fields) == {
        "module_name": __name__, "function_name": "deep", "exception": "IndexError",
        "exception_message": "the real one",
    }  # fmt: skip


def test_a_failure_that_was_never_raised_here_is_told_all_the_same():
    data = envelope.fault(ValueError("from a row"))["watcher_object.data"]
    assert data["exception"] == "ValueError" and data["function_name"] == ""


def test_services(observer, written):
    emit.service_changed(Tx(observer), SERVICE, "ACTIVE", "FAILED")
    emit.service_changed(Tx(observer), SERVICE, "FAILED", "ACTIVE")
    assert [item[:2] for item in written] == [
        ("service.update", "warning"), ("service.update", "info"),
    ]  # fmt: skip
    fields = "sevice_host name last_seen_up status_update"
    data = check(written[0][2], "ServiceUpdatePayload", "1.0", fields)
    assert data["sevice_host"] == "h1"
    assert data["last_seen_up"] == "2026-08-01T10:00:00Z"
    step = check(
        data["status_update"], "ServiceStatusUpdatePayload", "1.0", "old_state state"
    )
    assert step == {"old_state": "ACTIVE", "state": "FAILED"}


def configured(level, *drivers):
    conf = watcher.conf.load("test", default_config_files=[], default_config_dirs=[])
    bus.register(conf)
    conf.set_override("notification_level", level)
    conf.set_override("driver", list(drivers), "oslo_messaging_notifications")
    return conf


@pytest.mark.parametrize(
    ("level", "drivers", "told"),
    [
        ("info", ["messagingv2"], ["audit.create", "audit.strategy.error"]),
        ("debug", ["messagingv2"], ["audit.create", "audit.strategy.error"]),
        ("warning", ["messagingv2"], ["audit.strategy.error"]),
        ("error", ["messagingv2"], ["audit.strategy.error"]),
        ("critical", ["messagingv2"], []),
        ("", ["messagingv2"], None),
        ("info", [], None),
        ("info", ["noop"], None),
    ],
)
def test_levels_and_drivers(level, drivers, told):
    events = []
    observer = emit.observer(
        configured(level, *drivers),
        outbox=lambda tx, event_type, *rest: events.append(event_type),
        related=Related(),
    )
    if told is None:
        assert observer is None
        emit.phase(Tx(None), "audit.strategy.error", AUDIT_ROW)
        return
    tx = Tx(observer)
    observer(tx, Change("audit", "create", None, AUDIT_ROW))
    emit.phase(tx, "audit.strategy.error", AUDIT_ROW)
    assert events == told


def test_the_request_is_told_without_its_token(observer, written):
    def request():
        # The context belongs to the thread that serves the request.
        RequestContext(auth_token="secret", user_id="u1").update_store()
        observer(Tx(observer), Change("audit", "create", None, AUDIT_ROW))

    thread = threading.Thread(target=request)
    thread.start()
    thread.join()
    assert written[0][3]["request"]["user"] == "u1"
    assert "secret" not in str(written)


def test_events_about_scopes(observer, written):
    """audit.scope.*: of ours, in the published envelope; for audits and templates"""
    template = records.AuditTemplate(
        id=7, uuid="t-1", name="t", goal_id=1, goal_uuid="g-1", goal_name="dummy",
        scope=({"compute": []},), created_at=AT,
    )  # fmt: skip
    missing = [{"path": "/0/compute/0", "what": "zone", "name": "z"}]
    names = (
        "resource uuid name scope goal_uuid goal_name strategy_uuid strategy_name "
        f"missing reason {TIMES}"
    )
    tx = Tx(observer)
    emit.scope(tx, "audit.scope.invalid", AUDIT_ROW, missing=missing)
    emit.scope(tx, "audit.scope.valid", template)
    emit.scope(tx, "audit.scope.unchecked", template, reason="nobody answered")
    emit.scope(Tx(None), "audit.scope.valid", template)
    told = [(event, priority, payload) for event, priority, payload, _ctx in written]
    assert [(event, priority) for event, priority, _payload in told] == [
        ("audit.scope.invalid", "warning"),
        ("audit.scope.valid", "info"),
        ("audit.scope.unchecked", "warning"),
    ]
    for _event, _priority, payload in told:
        assert payload["watcher_object.name"] == "AuditScopePayload"
        assert payload["watcher_object.version"] == "1.0"
        assert set(payload["watcher_object.data"]) == set(names.split())
    first, second, third = (payload["watcher_object.data"] for *_, payload in told)
    assert first["resource"] == "audit" and first["missing"] == missing
    assert second["resource"] == "audit_template" and second["scope"] == [
        {"compute": []}
    ]
    assert third["reason"] == "nobody answered"
