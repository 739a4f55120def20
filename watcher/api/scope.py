"""The scope document of audits and templates, checked before it is stored."""

from collections.abc import Mapping
from typing import Any

from watcher import exception
from watcher.api import errors
from watcher.cluster.scope.document import Checker


class Scopes:
    """Knows the scope documents that the installed models understand"""

    def __init__(self, plugins: Any) -> None:
        self._plugins = plugins
        self._checker: Checker | None = None

    def checked(self, document: Any) -> list[Any]:
        """Return ``document`` in its normal form

        :raises InvalidInput: no model would understand it; the text has the path
        """
        try:
            return self._known().check(document)
        except exception.Invalid as error:
            raise errors.InvalidInput("scope", document, str(error)) from None

    @property
    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the schemas of the rules, by the model that they are about"""
        return self._known().schemas

    def _known(self) -> Checker:
        if self._checker is None:
            # Handlers are code of others: loaded when the first scope is checked.
            self._checker = Checker.of(self._plugins) if self._plugins else Checker({})
        return self._checker
