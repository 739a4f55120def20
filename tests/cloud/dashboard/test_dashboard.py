"""The way that every user of the dashboard goes, from the login to a plan that ran."""

from tests.cloud.dashboard import journey


def test_goals_and_strategies_are_listed(desk, daemons):
    client = daemons.client()
    desk.open("goals")
    assert [row[:3] for row in desk.rows("goals")] == [
        [goal.uuid, goal.name, goal.display_name] for goal in client.goal.list()
    ]
    desk.open("strategies")
    assert [row[:4] for row in desk.rows("strategies")] == [
        [each.uuid, each.name, each.display_name, each.goal_name]
        for each in client.strategy.list()
    ]


def test_from_a_template_to_a_plan_that_ran(desk, daemons, traffic):
    template, audit = journey.name("nightly"), journey.name("tonight")
    told = journey.template(desk, template, "Dummy goal", "Dummy strategy")
    assert told == "Success: Audit Template was successfully created."
    assert [template, "dummy", "dummy"] in [
        row[1:4] for row in desk.rows("audit_templates")
    ]

    told = journey.audit(
        desk, template, audit, parameters='{"para1": 1.2, "para2": "good night"}'
    )
    assert told == "Success: Audit was successfully created."
    plan = journey.plan_of(desk, daemons.client().audit.get(audit).uuid)
    assert desk.fact("Parameters") == "para1: 1.2\npara2: good night"

    actions = journey.actions_of(desk, plan)
    assert {kind: len(each) for kind, each in actions.items()} == {"Nop": 2, "Sleep": 1}
    skipped = actions["Nop"][0][0]
    form = desk.form("Skip Action", skipped)
    form.get_by_label("Reason for skipping").fill("not tonight")
    desk.picture("actions-skip-form")
    assert desk.send(form) == "Success: Action was successfully skipped."
    desk.detail("actions", skipped)
    assert desk.fact("State") == "SKIPPED"
    assert desk.fact("Skip Reason") == "Action skipped by user. Reason: not tonight"

    desk.open("action_plans")
    assert (
        desk.press(plan, "Start Action Plan") == f"Success: Action Plan started: {plan}"
    )
    desk.detail("action_plans", plan)
    desk.await_fact("State", "SUCCEEDED")
    desk.picture("action_plans-detail-succeeded")
    states = [
        state for each in journey.actions_of(desk, plan).values() for _, state in each
    ]
    assert sorted(states) == ["Skipped", "Succeeded", "Succeeded"]
    # Nothing was answered with an error, not even one that the pages swallow.
    assert [r for r in traffic.requests() if r[2] >= 400] == []
