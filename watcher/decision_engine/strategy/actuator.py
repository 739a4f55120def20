"""A strategy that decides nothing: the plan is given with the audit."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from oslo_config import cfg

from watcher import exception
from watcher._i18n import _
from watcher.cluster.model.simulate import View
from watcher.decision_engine import solution
from watcher.decision_engine.strategy import base, params
from watcher.decision_engine.strategy.steps import Step

ALLOWED = (
    "nop",
    "sleep",
    "migrate",
    "change_nova_service_state",
    "volume_migrate",
)
ACTION = {
    "type": "object",
    "properties": {
        "action_type": {"type": "string"},
        "resource_id": {"type": "string"},
        "input_parameters": {"type": "object", "additionalProperties": True},
    },
    "required": ["action_type", "input_parameters"],
    "additionalProperties": False,
}


class Actuator(base.UnclassifiedStrategy):
    """Puts the given actions into the plan"""

    PARAMS = params.of(
        params.array(
            "actions", ACTION, help="actions that the plan shall hold", required=True
        ),
        extra={
            "$schema": "http://json-schema.org/draft-04/schema#",
            "type": "object",
        },
    )

    @classmethod
    def get_name(cls) -> str:
        """Return the strategy's name"""
        return "actuator"

    @classmethod
    def get_display_name(cls) -> str:
        """Return the label in the reader's language"""
        return _("Actuator")

    @classmethod
    def get_translatable_display_name(cls) -> str:
        """Return the English label"""
        return "Actuator"

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Return the options of group ``watcher_strategies.actuator``"""
        return [
            cfg.ListOpt(
                "allowed_actions",
                default=list(ALLOWED),
                help="Types of actions that audits may hand to this strategy. Types that "
                "interrupt or destroy servers, such as stop, resize, shelve, delete, "
                "change_node_power_state and fence_node, have to be added by name.",
            )
        ]

    @classmethod
    def get_parameters_spec(cls, config: Any) -> Mapping[str, Any]:
        """Return the schema with the allowed types, so that the API refuses the others"""
        schema = copy.deepcopy(cls.PARAMS.schema)
        kind = schema["properties"]["actions"]["items"]["properties"]["action_type"]
        kind["enum"] = sorted(_allowed(config))
        return schema

    def solve(self, view: View, p: Any) -> Iterator[Step]:
        """Yield the given actions, once all of them are known to be allowed

        :raises Invalid: an action's type is not among the allowed ones
        :raises ReservedWord: parameters bring their own resource id
        """
        self._check(p.actions)
        for number, action in enumerate(p.actions, start=1):
            yield Step(
                action_type=action["action_type"],
                resource_id=action.get("resource_id"),
                parameters=action["input_parameters"],
                reason=f"action {number} of those given with the audit",
            )

    def _check(self, actions: list[dict[str, Any]]) -> None:
        for action in actions:
            solution.reject_reserved(action["input_parameters"])
        allowed = _allowed(self.config)
        refused = sorted({action["action_type"] for action in actions} - allowed)
        if refused:
            raise exception.Invalid(
                f"The actuator may not use {', '.join(refused)}; allowed are "
                f"{', '.join(sorted(allowed))}. To allow more, list them in "
                "[watcher_strategies.actuator] allowed_actions"
            )


def _allowed(config: Any) -> set[str]:
    return set(getattr(config, "allowed_actions", None) or ALLOWED)
