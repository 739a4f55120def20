"""Strategies: the algorithms that pursue goals."""

from typing import Any

from watcher import exception
from watcher.api import noun, types
from watcher.api.call import Call
from watcher.api.collection import Collection
from watcher.api.expose import expose
from watcher.api.noun import LISTED, Field, Noun
from watcher.db import strategies

STRATEGY = Noun(
    name="strategy",
    plural="strategies",
    kind="Strategy",
    fields=(
        Field(
            name="uuid",
            type=types.UUID,
            show=LISTED,
            always=True,
            help="Stays with the strategy",
        ),
        Field(
            name="name",
            type=types.NAME,
            show=LISTED,
            always=True,
            help="Name for programs",
        ),
        Field(name="display_name", type=types.NAME, show=LISTED, help="Name to read"),
        Field(name="goal_uuid", type=types.UUID, show=LISTED, help="The goal pursued"),
        Field(name="goal_name", type=types.NAME, show=LISTED, help="Name of that goal"),
        Field(
            name="parameters_spec",
            type=types.OBJECT,
            help="JSON schema (draft 4) of the parameters",
        ),
    ),
    sort_keys=(
        *noun.STORED_KEYS,
        *("name", "display_name", "goal_id", "parameters_spec"),
        *("goal_uuid", "goal_name"),
    ),
    marker=types.TEXT,
    filters={"goal": types.TEXT.but(help="UUID or name of their goal")},
)


STATE = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "type": {
                "type": "string",
                "description": "Datasource, Metrics, CDM or Name",
            },
            "state": {
                "type": ["string", "array"],
                "items": {"type": "object", "additionalProperties": {"type": "string"}},
                "description": "A text, or what is there of several",
            },
            "mandatory": {"type": ["boolean", "string"]},
            "comment": {"type": "string"},
        },
        "required": ["type", "state", "mandatory", "comment"],
        "additionalProperties": False,
    },
}


class Strategies(Collection):
    """/v1/strategies"""

    name = "strategies"
    noun = STRATEGY
    table = strategies
    not_found = exception.StrategyNotFound

    @expose("GET", "{id}/state", rule="state", answers=STATE)
    def state(self, call: Call, ident: str) -> Any:
        """Tell whether what the strategy needs is there, as a decision engine sees it"""
        found = self.find(call, ident)
        known = self.parts.rpc.decision_engine.get_strategy_info(call.ctx, found.name)
        own = {"type": "Name", "state": found.name, "mandatory": "", "comment": ""}
        return [*known, own]
