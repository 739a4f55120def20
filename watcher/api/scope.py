"""The scope document of audits and templates, checked before it is stored.

Its form is judged here; whether there is what it names is asked from a decision engine,
which has the models. No answer in time is no reason to refuse.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from oslo_log import log

from watcher import exception
from watcher._i18n import _
from watcher.api import errors
from watcher.api.call import Call
from watcher.cluster.scope.document import Checker
from watcher.domain import scope as documents
from watcher.domain.records import Strategy
from watcher.notifications import emit, scopes

LOG = log.getLogger(__name__)
T = TypeVar("T")

# Each further question is about what somebody else changed since the one before.
QUESTIONS = 5
SHOWN = 5


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

    def says_something(self, scope: Sequence[Any]) -> bool:
        """Tell whether a scope has any rule"""
        return bool(documents.spoken_of(scope, self._known().models))

    def path(self, pointer: str, sent: Any) -> str:
        """Return where something of the normal form is in the document that was sent"""
        if documents.is_flat(sent, self._known().models):
            # Without the object and the key that the normal form adds.
            return "/scope/" + pointer.split("/", 3)[-1]
        return f"/scope{pointer}"

    @property
    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the schemas of the rules, by the model that they are about"""
        return self._known().schemas

    def _known(self) -> Checker:
        if self._checker is None:
            # Handlers are code of others: loaded when the first scope is checked.
            self._checker = Checker.of(self._plugins) if self._plugins else Checker({})
        return self._checker


class _Unasked(Exception):
    """A transaction needs an answer that only an engine has"""

    def __init__(self, key: str, question: tuple[Any, ...]) -> None:
        super().__init__(key)
        self.key, self.question = key, question


class Vetting:
    """What an engine says about the scopes of one request

    Rows say what has to be asked, and nobody waits for an engine inside a transaction. So
    one that lacks an answer ends, and is run again with it.
    """

    def __init__(self, scopes: Scopes, call: Call) -> None:
        self._scopes = scopes
        self._call = call
        self._told: dict[str, str | None] = {}

    def during(self, change: Callable[[], T]) -> T:
        """Return ``change()``, whose transaction asks ``vet``

        :raises InvalidInput: the scope names what is not there
        """
        for _round in range(QUESTIONS):
            try:
                return change()
            except _Unasked as unasked:
                key, question = unasked.key, unasked.question
            self._told[key] = self._ask(*question)
        raise exception.Conflict(
            _("Others change goal, strategy or scope all the time")
        )

    def vet(
        self, sent: Any, scope: Sequence[Any], goal: str, strategy: Strategy | None
    ) -> str | None:
        """Return why nobody could check the scope, or None when it is valid

        :param sent: the document as the client wrote it, for paths in errors
        :param goal: its name; all of its strategies are in question when none is given
        """
        if not self._scopes.says_something(scope):
            return None
        name = None if strategy is None else strategy.name
        key = json.dumps([scope, goal, name], sort_keys=True)
        if key not in self._told:
            raise _Unasked(key, (sent, scope, goal, name))
        return self._told[key]

    def _ask(
        self, sent: Any, scope: Sequence[Any], goal: str, strategy: str | None
    ) -> str | None:
        engine = self._call.parts.rpc.decision_engine
        try:
            found = engine.check_scope(self._call.ctx, scope, goal, strategy)
        except exception.WatcherException as error:
            return _("no decision engine could tell: %s") % error.format_message()
        if not isinstance(found, Mapping):
            return _("the decision engine's answer is not understood")
        wrong = [
            *self._unused(sent, found, goal, strategy),
            *self._missing(sent, found),
        ]
        if wrong:
            shown = "; ".join(wrong[:SHOWN])
            if len(wrong) > SHOWN:
                shown += _("; and %d more") % (len(wrong) - SHOWN)
            raise errors.InvalidInput("scope", sent, shown)
        unknown = (found.get("unknown") or {}).items()
        return "; ".join(f"{name} model: {why}" for name, why in unknown) or None

    def _unused(
        self, sent: Any, found: Mapping[str, Any], goal: str, strategy: str | None
    ) -> Iterator[str]:
        if strategy is None:
            who = _("no strategy of the goal '%s' looks") % goal
        else:
            who = _("the strategy '%s' does not look") % strategy
        for pointer in found.get("unused") or ():
            name = pointer.rpartition("/")[-1]
            yield _("%(path)s: %(who)s at the %(name)s model") % {
                "path": self._scopes.path(pointer, sent),
                "who": who,
                "name": name,
            }

    def _missing(self, sent: Any, found: Mapping[str, Any]) -> Iterator[str]:
        for item in found.get("missing") or ():
            yield _("%(path)s: there is no %(what)s '%(name)s'") % {
                **item,
                "path": self._scopes.path(item["path"], sent),
            }


def tell_unchecked(tx: Any, record: Any, reason: str | None) -> None:
    """Warn of a scope that is stored although nobody could check it"""
    if reason is not None:
        LOG.warning("The scope of %s is not checked: %s", record.name, reason)
        emit.scope(tx, scopes.UNCHECKED, record, reason=reason)
