"""Steps of the walk that several tests take."""

import uuid

from tests.cloud.dashboard.desk import Desk


def name(what: str) -> str:
    """Return a name that no other run uses"""
    return f"{what}-{uuid.uuid4().hex[:8]}"


def template(desk: Desk, title: str, goal: str, strategy: str = "", **fields) -> str:
    """Create an audit template by the form; return what the page tells"""
    desk.open("audit_templates")
    form = desk.form("Create Template")
    form.get_by_label("Name").fill(title)
    form.get_by_label("Goal").select_option(label=goal)
    if strategy:
        form.get_by_label("Strategy").select_option(label=strategy)
    for label, value in fields.items():
        form.get_by_label(label).fill(value)
    desk.picture("audit_templates-form")
    return desk.send(form)


def audit(
    desk: Desk, template: str, title: str, kind: str = "ONESHOT", **fields
) -> str:
    """Create an audit by the form; return what the page tells

    ``fields`` are names of the form's inputs, as parameters or start_time; True ticks.
    """
    desk.open("audits")
    form = desk.form("Create Audit")
    form.get_by_label("Audit Template").select_option(label=template)
    # The form asks what the strategy can be told and shows it.
    form.locator("#strategy-info").wait_for()
    form.get_by_label("Name").fill(title)
    form.get_by_label("Audit Type").select_option(label=kind)
    for field, value in fields.items():
        if value is True:
            form.locator(f".themable-checkbox label[for=id_{field}]").first.click()
        else:
            form.locator(f"[name={field}]").fill(value)
    desk.picture(f"audits-form-{kind.lower()}")
    return desk.send(form)


def plan_of(desk: Desk, audit: str) -> str:
    """Wait on the audit's page for its end; return the UUID of its plan"""
    desk.detail("audits", audit)
    desk.await_fact("State", "SUCCEEDED")
    desk.picture("audits-detail")
    [row] = desk.rows("related_action_plans")
    return row[0]


def actions_of(desk: Desk, plan: str) -> dict[str, list[tuple[str, str]]]:
    """Return UUID and state of the plan's actions by type, as its page shows them"""
    desk.detail("action_plans", plan)
    found: dict[str, list[tuple[str, str]]] = {}
    for ident, kind, state, *_ in desk.rows("related_wactions"):
        found.setdefault(kind, []).append((ident, state))
    return found
