"""Parameters of strategies against their JSON schema, with defaults filled in.

Two rules come on top of JSON schema draft 4, at every level that declares properties: a
key that is not declared is refused, and a missing key that has a default gets it.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema import exceptions

from watcher import exception
from watcher._i18n import _

LONGEST = 500
STRICT = "strict"


def _properties(
    validator: Any, properties: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[exceptions.ValidationError]:
    if isinstance(instance, dict):
        for name, declared in properties.items():
            if isinstance(declared, Mapping) and "default" in declared:
                instance.setdefault(name, copy.deepcopy(declared["default"]))
        # An empty table declares nothing: the object is free (actions of ``actuator``).
        for name in instance:
            if properties and name not in properties:
                yield exceptions.ValidationError(name, validator=STRICT)
    published = jsonschema.Draft4Validator.VALIDATORS["properties"]
    yield from published(validator, properties, instance, schema)


Filling = jsonschema.validators.extend(
    jsonschema.Draft4Validator, {"properties": _properties}
)


def filled(
    parameters: Mapping[str, Any],
    spec: Mapping[str, Any],
    subject: str = "parameters",
) -> dict[str, Any]:
    """Return ``parameters`` with the defaults of ``spec``

    :raises AuditParameterNotAllowed: a key is not declared
    :raises Invalid: a value is refused; the text names it
    """
    result = copy.deepcopy(dict(parameters))
    if result and spec.get("properties") == {}:
        # Only inside of a value does an empty table leave everything free.
        raise exception.AuditParameterNotAllowed(parameter=next(iter(result))[:LONGEST])
    try:
        # "required" is judged after defaults are in: properties are walked first.
        errors = list(Filling(_properties_first(spec)).iter_errors(result))
    except (exceptions.SchemaError, exceptions.UnknownType) as error:
        raise exception.Invalid(
            _("The strategy's parameters_spec cannot be used: %s")
            % str(error)[:LONGEST]
        ) from None
    for found in errors:
        if found.validator == STRICT:
            raise exception.AuditParameterNotAllowed(parameter=found.message[:LONGEST])
    if errors:
        raise exception.Invalid(
            _("Invalid %(subject)s for strategy: %(reason)s")
            % {"subject": subject, "reason": _reason(exceptions.best_match(errors))}
        )
    return result


def _reason(error: exceptions.ValidationError) -> str:
    path = "/".join(str(part) for part in error.absolute_path)
    text = error.message[:LONGEST]
    return f"{text} (at {path})" if path else text


def _properties_first(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``spec`` with the keyword that fills defaults in front, at every level"""

    def ordered(value: Any) -> Any:
        if isinstance(value, Mapping):
            keys = sorted(value, key=lambda key: key != "properties")
            return {key: ordered(value[key]) for key in keys}
        if isinstance(value, list | tuple):
            return [ordered(item) for item in value]
        return value

    result: dict[str, Any] = ordered(spec)
    return result
