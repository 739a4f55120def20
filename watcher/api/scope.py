"""The scope document of audits and templates: its shape, and what is wrong with one."""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema import exceptions

from watcher._i18n import _
from watcher.api import errors

COMPUTE = "compute"
LONGEST = 300


def _named(key: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {key: {"type": "string"}},
            "additionalProperties": False,
        },
    }


def _rules(**keys: Any) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {
            "type": "object",
            "properties": keys,
            "additionalProperties": False,
        },
    }


# Models whose scope handler need not be installed for their scopes to be kept.
PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "storage": _rules(
        availability_zones=_named("name"),
        volume_types=_named("name"),
        exclude=_rules(
            storage_pools=_named("name"),
            volumes=_named("uuid"),
            projects=_named("uuid"),
        ),
    ),
    "baremetal": _rules(exclude=_rules(ironic_nodes=_named("uuid"))),
}


class Scopes:
    """Knows the scope documents that the installed models understand"""

    def __init__(self, plugins: Any) -> None:
        self._plugins = plugins
        self._found: dict[str, Any] | None = None

    def checked(self, document: Any) -> list[Any]:
        """Return ``document`` in its present form

        :raises InvalidInput: no model would understand it; the text has the path
        """
        if document in (None, [], {}):
            return []
        if not isinstance(document, list):
            raise errors.InvalidInput("scope", document, _("Value is not a valid list"))
        document = self._wrapped(document)
        for error in self._errors(document):
            raise errors.InvalidInput("scope", document, error)
        return document

    def _wrapped(self, document: list[Any]) -> list[Any]:
        first = document[0]
        if not isinstance(first, dict) or not first:
            raise errors.InvalidInput(
                "scope", document, _("0: an object with rules is expected")
            )
        # The form of long ago knew compute rules alone, without saying so.
        known = {COMPUTE, *self._validators}
        return document if next(iter(first)) in known else [{COMPUTE: document}]

    def _errors(self, document: list[Any]) -> Iterator[str]:
        for position, element in enumerate(document):
            if not isinstance(element, dict) or not element:
                yield _("%d: an object with rules is expected") % position
                continue
            for key, rules in element.items():
                validator = self._validators.get(key)
                if validator is None:
                    known = ", ".join(sorted(self._validators))
                    yield _("%(at)d: unknown model %(key)s; known are: %(known)s") % {
                        "at": position,
                        "key": key,
                        "known": known,
                    }
                    continue
                error = exceptions.best_match(validator.iter_errors(rules))
                if error is not None:
                    path = [position, key, *error.absolute_path]
                    where = "/".join(str(part) for part in path)
                    yield f"{where}: {error.message[:LONGEST]}"
        if _includes(document) and _excludes(document):
            yield _("host_aggregates can't be included and excluded together")

    @property
    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the schemas of the rules, by the model that they are about"""
        return {name: found.schema for name, found in self._validators.items()}

    @property
    def _validators(self) -> dict[str, Any]:
        # Handlers are code of others: loaded when the first scope is checked.
        if self._found is None:
            schemas = dict(PUBLISHED)
            if self._plugins is not None:
                for name, handler in self._plugins.classes(
                    "watcher_scope_handlers"
                ).items():
                    if getattr(handler, "SCHEMA", None):
                        schemas[name] = handler.SCHEMA
            self._found = {
                name: jsonschema.Draft4Validator(schema)
                for name, schema in schemas.items()
            }
        return self._found


def _compute_rules(document: list[Any]) -> Iterator[dict[str, Any]]:
    for element in document:
        rules = element.get(COMPUTE) if isinstance(element, dict) else None
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, dict):
                yield rule


def _includes(document: list[Any]) -> bool:
    return any("host_aggregates" in rule for rule in _compute_rules(document))


def _excludes(document: list[Any]) -> bool:
    return any(
        isinstance(item, dict) and "host_aggregates" in item
        for rule in _compute_rules(document)
        if isinstance(rule.get("exclude"), list)
        for item in rule["exclude"]
    )
