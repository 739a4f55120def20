"""Is there what a scope names, and does a strategy look at it?

Models answer, nobody asks the cloud for a name. One that does not follow what happens is read
again before, which takes a few requests.
"""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oslo_log import log

from watcher import exception
from watcher.cluster.scope.base import Missing
from watcher.domain import scope as documents
from watcher.plugins import SCOPE_HANDLERS, STRATEGIES, Plugins

LOG = log.getLogger(__name__)

# A name that is missing may be newer than the model: it is read again when it is older
# than that, in seconds, which takes a few requests.
YOUNG_S = 2.0
# How old a model that follows no events may be when all scopes are judged, in seconds.
OLD_S = 60.0
NEVER_READ = "it has not been read yet"
NOT_KEPT = "it is not in [collector] collector_plugins"


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with a scope as far as can be told

    Paths are JSON pointers into the normal form of the document. ``unused`` are sections
    of models that no strategy in question looks at, ``unknown`` says for each model that
    could not be asked why. ``age_s`` is how old the oldest model is that was asked.
    """

    missing: Sequence[Missing] = ()
    unused: Sequence[str] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)
    age_s: float = 0.0


class Existence:
    """Asks the models of this process"""

    def __init__(self, plugins: Plugins, models: Any) -> None:
        self._plugins = plugins
        self._models = models

    def of(self, document: Any, goal: str, strategy: str | None = None) -> Findings:
        """Judge a scope as somebody writes it down, with models read a moment ago

        :param strategy: the only one in question; None: all of the goal
        """
        return self._findings(document, self._looked_at(goal, strategy), fresh=True)

    def renew(self) -> None:
        """Let models that do not follow events be read again, at most once in a while"""
        for name, kept in self._models.kept.items():
            if not kept.current or kept.followed:
                continue
            try:
                kept.get(OLD_S)
            except exception.WatcherException as error:
                LOG.info("Scopes are judged by an older %s model: %s", name, error)

    def now(self, document: Any) -> Findings:
        """Judge a scope that was valid once, with the models that are there"""
        return self._findings(document, None, fresh=False)

    def _findings(
        self, document: Any, used: Collection[str] | None, fresh: bool
    ) -> Findings:
        missing: list[Missing] = []
        unused: list[str] = []
        unknown: dict[str, str] = {}
        ages: list[float] = []
        installed = self._plugins.classes(SCOPE_HANDLERS)
        known = {*documents.MODELS, *installed, *self._models.kept}
        for name in documents.spoken_of(document, known):
            places = documents.places(document, name)
            if used is not None and name not in used:
                unused.append(places[0].rpartition("/")[0])
                continue
            try:
                found = self._missing(name, documents.section(document, name), fresh)
            except _Unknown as reason:
                unknown[name] = str(reason)
                continue
            missing += [_moved(item, places) for item in found]
            ages.append(self._models.kept[name].age_s or 0.0)
        return Findings(missing, unused, unknown, max(ages, default=0.0))

    def _missing(
        self, name: str, rules: Sequence[Mapping[str, Any]], fresh: bool
    ) -> Sequence[Missing]:
        kept = self._models.kept.get(name)
        if kept is None:
            raise _Unknown(NOT_KEPT)
        model = kept.current
        if not model:
            raise _Unknown(kept.absent or kept.error or NEVER_READ)
        try:
            handler = self._handler(name, kept, rules)
            ask = getattr(handler, "missing", None)
            if ask is None:
                return ()
            old = fresh and kept.age_s > YOUNG_S
            if old and not kept.followed:
                # What is named may be gone since.
                model, old = kept.get(YOUNG_S), False
            # It is no copy: events go on changing it.
            with getattr(model, "lock", contextlib.nullcontext()):
                found: Sequence[Missing] = ask(model)
            if found and old:
                # What is missing may have come since.
                found = ask(kept.get(YOUNG_S))
        except exception.WatcherException as error:
            raise _Unknown(error.format_message()) from None
        except Exception as error:
            # A handler of another package may fail in any way.
            LOG.exception("The scope handler of the %s model failed", name)
            raise _Unknown(f"its scope handler failed: {error!r}") from None
        return found

    def _handler(self, name: str, kept: Any, rules: Sequence[Mapping[str, Any]]) -> Any:
        kind: Any = self._plugins.classes(SCOPE_HANDLERS).get(name)
        if kind is not None:
            return kind(rules, self._plugins.conf)
        return kept.collector.get_audit_scope_handler(audit_scope=rules)

    def _looked_at(self, goal: str, strategy: str | None) -> Collection[str] | None:
        """Return the models that the strategies in question look at; None: perhaps all"""
        installed: Mapping[str, Any] = self._plugins.classes(STRATEGIES)
        if strategy is not None:
            found = [installed[strategy]] if strategy in installed else []
        else:
            found = [c for c in installed.values() if c.get_goal_name() == goal]
        declared = [getattr(kind, "MODELS", None) for kind in found]
        if not declared or None in declared:
            return None
        return {name for names in declared for name in names or ()}


class _Unknown(Exception):
    """Nobody here can tell"""


def _moved(item: Missing, places: Sequence[str]) -> Missing:
    """Return what a handler says of its own rules, pointing into the document"""
    number, slash, rest = item.path.lstrip("/").partition("/")
    return Missing(f"{places[int(number)]}{slash}{rest}", item.what, item.name)
