"""Parameters of strategies, declared once: schema, defaults and help are the same lines.

The schema is published as it is; it is draft 4 with two extensions that the API and the
engine share: missing properties are filled from ``default``, and a key that a non-empty
``properties`` does not list is refused.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jsonschema

from watcher import exception
from watcher.plugins import Options

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name, its part of the schema, and whether it must be given"""

    name: str
    schema: Schema
    required: bool = False


@dataclass(frozen=True)
class Params:
    """All parameters of a strategy"""

    parameters: Sequence[Parameter]
    extra: Schema = field(default_factory=dict)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """JSON schema, as ``parameters_spec`` of the API shows it"""
        properties = {p.name: dict(p.schema) for p in self.parameters}
        schema: dict[str, Any] = {**self.extra, "properties": properties}
        if required := [p.name for p in self.parameters if p.required]:
            schema["required"] = required
        return schema


def of(*parameters: Parameter, extra: Schema | None = None) -> Params:
    """Put parameters together; ``extra`` holds further keys of the schema's top level"""
    return Params(parameters, extra or {})


def _declare(
    name: str, kind: str, default: Any, help: str, required: bool, **more: Any
) -> Parameter:
    schema: dict[str, Any] = {"description": help, "type": kind}
    if default is not None:
        schema["default"] = default
    schema.update({key: value for key, value in more.items() if value is not None})
    return Parameter(name, schema, required)


def number(
    name: str,
    default: float | None = None,
    *,
    low: float | None = None,
    high: float | None = None,
    help: str,
    required: bool = False,
) -> Parameter:
    """Declare a number; both bounds are allowed values"""
    return _declare(name, "number", default, help, required, minimum=low, maximum=high)


def integer(
    name: str,
    default: int | None = None,
    *,
    low: int | None = None,
    high: int | None = None,
    help: str,
    required: bool = False,
) -> Parameter:
    """Declare a whole number; both bounds are allowed values"""
    return _declare(name, "integer", default, help, required, minimum=low, maximum=high)


def string(
    name: str,
    default: str | None = None,
    *,
    choices: Sequence[str] | None = None,
    help: str,
    required: bool = False,
) -> Parameter:
    """Declare a text, free or one of ``choices``"""
    enum = list(choices) if choices is not None else None
    return _declare(name, "string", default, help, required, enum=enum)


def boolean(name: str, default: bool, *, help: str) -> Parameter:
    """Declare a yes or no"""
    return _declare(name, "boolean", default, help, False)


def array(
    name: str,
    items: Schema,
    default: Sequence[Any] | None = None,
    *,
    help: str,
    required: bool = False,
) -> Parameter:
    """Declare a list whose items have the schema ``items``"""
    return _declare(name, "array", default, help, required, items=items)


def _complete(schema: Schema, value: Any, path: str) -> Any:
    """Return ``value`` with defaults filled in, recursively"""
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return [
            _complete(schema["items"], item, f"{path}[{index}]")
            for index, item in enumerate(value)
        ]
    properties = schema.get("properties")
    if not properties or not isinstance(value, Mapping):
        return value
    if unknown := sorted(set(value) - set(properties)):
        names = ", ".join(f"{path}.{name}".lstrip(".") for name in unknown)
        raise exception.AuditParameterNotAllowed(parameter=names)
    filled: dict[str, Any] = {}
    for name, part in properties.items():
        if name in value:
            given = value[name]
        elif "default" in part:
            given = copy.deepcopy(part["default"])
        else:
            continue
        filled[name] = _complete(part, given, f"{path}.{name}".lstrip("."))
    return filled


def resolve(schema: Schema, given: Mapping[str, Any]) -> Options:
    """Return the parameters of a run: what was given, completed and judged

    :raises AuditParameterNotAllowed: a key that the schema does not have
    :raises Invalid: a value that the schema forbids, or a required one is missing
    """
    filled = _complete(schema, dict(given), "")
    judge = jsonschema.Draft4Validator(schema)
    if error := jsonschema.exceptions.best_match(judge.iter_errors(filled)):
        where = ".".join(str(step) for step in error.absolute_path)
        what = f"parameter '{where}': " if where else ""
        raise exception.Invalid(f"Invalid parameters: {what}{error.message}")
    return Options(filled)
