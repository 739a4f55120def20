"""What the published persistent objects are here: values that collect.

Planners in the classic style "create" a plan, its actions and indicators one by one.
Nothing is written while they do: the plan gathers what belongs to it, and the engine
stores all of it at once with the end of the audit.
"""

import itertools
import uuid as uuids
import weakref
from typing import Any, ClassVar

from watcher import exception

_numbers = itertools.count(1)
# Classic planners connect an action with its plan by a number alone.
_plans: weakref.WeakValueDictionary[int, "Collected"] = weakref.WeakValueDictionary()


class Collected:
    """An object with the fields that its row has"""

    fields: ClassVar[dict[str, Any]] = {}

    def __init__(self, context: Any = None, **given: Any) -> None:
        unknown = set(given) - set(self.fields) - {"id", "uuid"}
        if unknown:
            raise exception.InvalidParameter(
                f"{type(self).__name__} has no field {', '.join(sorted(unknown))}"
            )
        self._context = context
        self.id: int | None = given.pop("id", None)
        self.uuid: str = given.pop("uuid", None) or str(uuids.uuid4())
        for name, default in self.fields.items():
            value = given.get(name)
            setattr(self, name, _fresh(default) if value is None else value)

    def create(self) -> None:
        """Give the object its number; what belongs to a plan is added to it"""
        self.id = next(_numbers)

    def save(self) -> None:
        """Nothing to do: the fields are read when the plan is stored"""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields"""
        return {"id": self.id, "uuid": self.uuid} | {
            name: getattr(self, name) for name in self.fields
        }


def _fresh(default: Any) -> Any:
    """Return a value of its own for each object"""
    return type(default)(default) if isinstance(default, list | dict) else default


def remember(plan: Collected) -> None:
    """Let actions and indicators find ``plan`` by its number"""
    if plan.id is not None:
        _plans[plan.id] = plan


def plan_of(number: Any) -> Any:
    """Return the plan with that number

    :raises ActionPlanNotFound: nobody made such a plan in this run
    """
    try:
        return _plans[number]
    except KeyError:
        raise exception.ActionPlanNotFound(action_plan=number) from None
