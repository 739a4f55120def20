"""A planner that creates rows one by one, each action after the one before it."""

from watcher import objects
from watcher.common import utils
from watcher.decision_engine.planner import base


class InRows(base.BasePlanner):
    def schedule(self, context, audit_id, solution):
        strategy = objects.Strategy.get_by_name(context, solution.strategy.name)
        plan = objects.ActionPlan(
            context,
            uuid=utils.generate_uuid(),
            audit_id=audit_id,
            strategy_id=strategy.id,
            state=objects.action_plan.State.RECOMMENDED,
            global_efficacy=solution.global_efficacy,
        )
        plan.create()
        for indicator in solution.efficacy_indicators:
            objects.EfficacyIndicator(
                context, action_plan_id=plan.id, **indicator
            ).create()
        parents = []
        for wanted in solution.actions:
            action = objects.Action(
                context,
                uuid=utils.generate_uuid(),
                action_plan_id=plan.id,
                action_type=wanted["action_type"],
                input_parameters=wanted["input_parameters"],
                state=objects.action.State.PENDING,
                parents=parents,
            )
            action.create()
            parents = [action.uuid]
        if not solution.actions:
            plan.state = objects.action_plan.State.SUCCEEDED
            plan.save()
        return plan
