"""Goals: what audits can be asked to pursue."""

from watcher import exception
from watcher.api import noun, types
from watcher.api.collection import Collection
from watcher.api.noun import LISTED, Field, Noun
from watcher.db import goals

_SPECIFICATION = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "description": {"type": ["string", "null"]},
            "unit": {"type": ["string", "null"]},
            "schema": {
                "type": ["string", "null"],
                "description": "JSON schema of the value, as text",
            },
        },
        "required": ["name"],
    },
}
GOAL = Noun(
    name="goal",
    plural="goals",
    kind="Goal",
    fields=(
        Field(
            name="uuid",
            type=types.UUID,
            show=LISTED,
            always=True,
            help="Stays with the goal",
        ),
        Field(
            name="name",
            type=types.NAME,
            show=LISTED,
            always=True,
            help="Name for programs",
        ),
        Field(name="display_name", type=types.NAME, show=LISTED, help="Name to read"),
        Field(
            name="efficacy_specification",
            type=types.LIST.but(schema=_SPECIFICATION),
            show=LISTED,
            help="The indicators that plans for this goal are measured by",
        ),
        *noun.STAMPS,
    ),
    sort_keys=(*noun.STORED_KEYS, "name", "display_name", "efficacy_specification"),
    marker=types.TEXT,
)


class Goals(Collection):
    """/v1/goals"""

    name = "goals"
    noun = GOAL
    table = goals
    not_found = exception.GoalNotFound
