"""Validation of a scope document against the schemas of the installed handlers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jsonschema
from jsonschema.exceptions import best_match
from oslo_config import cfg

from watcher import exception
from watcher.cluster.scope.base import BaseScope
from watcher.cluster.scope.schemas import PUBLISHED
from watcher.domain import scope as documents
from watcher.plugins import COLLECTORS, SCOPE_HANDLERS, Plugins

# Characters of what the validator says; it repeats the value that it refuses.
LONGEST = 300


class Checker:
    """Schemas of all models, compiled once

    :param schemas: model key -> JSON schema of its rules, beside the published ones
    :param handlers: model key -> scope handler, asked for conflicts between rules
    """

    def __init__(
        self,
        schemas: Mapping[str, Mapping[str, Any]],
        handlers: Mapping[str, type[BaseScope]] | None = None,
    ) -> None:
        self.schemas = {**PUBLISHED, **schemas}
        self.models = tuple(sorted({*documents.MODELS, *self.schemas}))
        self._handlers = dict(handlers or {})
        self._validator = jsonschema.Draft4Validator(
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        key: dict(schema) for key, schema in self.schemas.items()
                    },
                    "additionalProperties": False,
                    "minProperties": 1,
                },
            }
        )

    @classmethod
    def of(cls, plugins: Plugins) -> "Checker":
        """Take the schemas from the installed scope handlers and collectors"""
        schemas: dict[str, Mapping[str, Any]] = {}
        handlers = plugins.classes(SCOPE_HANDLERS)
        for found in (plugins.classes(COLLECTORS), handlers):
            for name, plugin in found.items():
                if schema := getattr(plugin, "SCHEMA", None):
                    schemas[name] = schema
        return cls(schemas, handlers)

    def check(self, document: Any) -> list[dict[str, Any]]:
        """Return the document in its normal form or raise Invalid

        The error has ``field`` ("scope") and ``path``, a JSON pointer into the document as
        it was given, in ``kwargs``.
        """
        flat = documents.is_flat(document, self.models)
        normal = documents.normalise(document, self.models)
        error = best_match(self._validator.iter_errors(normal))
        if error is not None:
            raise _invalid(_path(error.absolute_path, flat), error.message[:LONGEST])
        for key, handler in self._handlers.items():
            conflict = getattr(handler, "conflict", None)
            rules = documents.section(normal, key)
            if conflict and (reason := conflict(rules)):
                raise _invalid(_path(() if flat else _first(normal, key), flat), reason)
        return list(normal)


def check(
    document: Any,
    schemas: Mapping[str, Mapping[str, Any]] = PUBLISHED,
    handlers: Mapping[str, type[BaseScope]] | None = None,
) -> list[dict[str, Any]]:
    """Check one document; ``Checker`` is for many"""
    return Checker(schemas, handlers).check(document)


def default_scope_of(conf: cfg.ConfigOpts, plugins: Plugins) -> list[Any]:
    """Return what audits with an empty scope look at

    :raises ConfigInvalid: it is no scope
    """
    document = conf.watcher_decision_engine.default_scope
    try:
        return Checker.of(plugins).check(document)
    except exception.Invalid as error:
        raise exception.ConfigInvalid(
            group="watcher_decision_engine", option="default_scope", reason=str(error)
        ) from None


def _first(document: Sequence[Mapping[str, Any]], key: str) -> tuple[int | str, ...]:
    return next(((i, key) for i, item in enumerate(document) if key in item), ())


def _path(steps: Iterable[int | str], flat: bool) -> str:
    steps = list(steps)
    if flat:
        steps = steps[2:]  # the object and the key that wrapping added
    return "".join(f"/{step}" for step in ("scope", *steps))


def _invalid(path: str, reason: str) -> exception.Invalid:
    return exception.Invalid(f"{path}: {reason}", field="scope", path=path)
