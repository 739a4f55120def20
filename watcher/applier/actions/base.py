"""What every action is: the contract that outside plugins are built on.

An action may be written in the published form (``execute`` returns True) or in ours
(``run`` raises when it fails). It is skipped by raising ``exception.ActionSkipped`` in
``pre_condition``, and fails with a readable text by raising any other of our exceptions.
"""

import abc
from collections.abc import Mapping
from typing import Any, ClassVar

import jsonschema
from oslo_config import cfg

from watcher import exception
from watcher.applier.actions.steps import DirectSights, Sights, Steps, drive
from watcher.applier.actions.targets import NoTargets, Targets
from watcher.applier.journal import Journal, LooseJournal

UUID_PATTERN = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class BaseAction(abc.ABC):
    """One step of a plan; an instance lives for one execution"""

    RESOURCE_ID = "resource_id"
    ABORT_TRUE = ("Sleep", "Nop")

    # Writes an intent before each changing call, and can find out what became of it.
    journalled: ClassVar[bool] = False
    # May be done again from the start without harm.
    idempotent: ClassVar[bool] = False
    # May be left in the middle and begun again by another process.
    interruptible: ClassVar[bool] = False

    def __init__(self, config: Any, osc: Any = None) -> None:
        self.config = config
        self.osc = osc
        self.journal: Journal = LooseJournal()
        self.sights: Sights = DirectSights(osc)
        self.targets: Targets = NoTargets()
        # What to say of an action that succeeded, if there is something to say.
        self.remark: str | None = None
        self._input_parameters: dict[str, Any] = {}

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Return the options of the group ``watcher_actions.<name>``"""
        return []

    @property
    def input_parameters(self) -> dict[str, Any]:
        """What this step is to do, as the plan says"""
        return self._input_parameters

    @input_parameters.setter
    def input_parameters(self, values: Mapping[str, Any]) -> None:
        self._input_parameters = dict(values)

    @property
    def resource_id(self) -> Any:
        """What the step is done to; KeyError when the plan does not say"""
        return self.input_parameters[self.RESOURCE_ID]

    @property
    @abc.abstractmethod
    def schema(self) -> Mapping[str, Any]:
        """JSON schema of the parameters"""

    @abc.abstractmethod
    def get_description(self) -> str:
        """Return one sentence for operators, at most 255 characters"""

    def validate_parameters(self) -> bool:
        """Check the parameters against ``schema``

        :raises InvalidParameter: naming the parameter and what is wrong with it
        """
        kind = jsonschema.validators.validator_for(
            self.schema, default=jsonschema.Draft4Validator
        )
        error = jsonschema.exceptions.best_match(
            kind(self.schema).iter_errors(self.input_parameters)
        )
        if error is not None:
            where = ".".join(str(part) for part in error.absolute_path)
            raise exception.InvalidParameter(
                f"parameter {where}: {error.message}" if where else error.message
            )
        return True

    def pre_condition(self) -> None:  # noqa: B027 (looking is optional)
        """Look before acting: raise ActionSkipped, or another error to fail"""

    def execute(self) -> bool:
        """Act; only True is success"""
        self.run()
        return True

    def run(self) -> None:
        """Act, or raise; what actions of this program define instead of execute"""
        drive(self.steps(), self.journal.signals)

    def steps(self) -> Steps:
        """Act like ``run``, handing the thread back at each pause

        Actions that wait define this, so that thousands of them can be under way.
        """
        raise exception.UnsupportedError(
            f"{type(self).__name__} defines none of steps(), run() and execute()"
        )

    @classmethod
    def hands_back(cls) -> bool:
        """Tell whether actions of this class wait in ``steps``, without a thread"""
        own = cls.run is BaseAction.run and cls.execute is BaseAction.execute
        return own and cls.steps is not BaseAction.steps

    def post_condition(self) -> None:  # noqa: B027 (looking is optional)
        """Look after acting: raise when the result is not what it should be"""

    def revert(self) -> Any:
        """Undo what execute did"""
        raise exception.UnsupportedError(f"{type(self).__name__} cannot be undone")

    def abort(self) -> bool:
        """Interrupt a running execute: True when interrupted, False when it finished"""
        return False

    def check_abort(self) -> bool:
        """Tell whether ``abort`` makes sense"""
        return type(self).__name__ in self.ABORT_TRUE
