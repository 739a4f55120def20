"""Builds the plugin of an action row, ready to run."""

from collections.abc import Callable
from typing import Any

from watcher import exception
from watcher import plugins as registry
from watcher.applier.actions.base import BaseAction
from watcher.applier.actions.steps import Sights
from watcher.applier.actions.targets import Targets
from watcher.applier.journal import Journal
from watcher.applier.signals import Signals
from watcher.domain.records import Action


class ActionFactory:
    """Makes actions, as plans' rows describe them"""

    def __init__(
        self, plugins: registry.Plugins, clients: Any = None,
        journal: Callable[[Action], Journal] | None = None,
        sights: Callable[[], Sights] | None = None,
    ) -> None:  # fmt: skip
        self._plugins = plugins
        self._clients = clients
        self._journal = journal
        self._sights = sights
        # Who chooses another target for a move that failed.
        self.targets: Callable[[Action, Signals], Targets] | None = None

    def make_action(self, object_action: Action, osc: Any = None) -> Any:
        """Return the action with checked parameters

        :raises LoadingError: there is no such plugin here
        :raises InvalidParameter: its schema refuses the parameters
        """
        action = self._plugins.load(
            registry.ACTIONS, object_action.action_type, osc=osc or self._clients
        )
        action.input_parameters = dict(object_action.input_parameters)
        if self._journal is not None and isinstance(action, BaseAction):
            action.journal = self._journal(object_action)
            if self.targets is not None:
                action.targets = self.targets(object_action, action.journal.signals)
        if self._sights is not None and self.hands_back(object_action):
            action.sights = self._sights()
        action.validate_parameters()
        return action

    def hands_back(self, action: Action) -> bool:
        """Tell whether the action waits without a thread, see ``BaseAction.steps``"""
        cls = self._plugins.classes(registry.ACTIONS).get(action.action_type)
        return (
            isinstance(cls, type) and issubclass(cls, BaseAction) and cls.hands_back()
        )

    def check(self, action: Action) -> exception.WatcherException | None:
        """Return why the row cannot be carried out, or None; asks no other service"""
        try:
            self.make_action(action)
        except exception.WatcherException as error:
            return error
        except Exception as error:  # code written elsewhere may raise anything
            return exception.ActionExecutionFailure(type(error).__name__)
        return None
