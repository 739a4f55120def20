"""JSON schemas of what is sent and answered, made from the nouns' declarations."""

from collections.abc import Mapping
from typing import Any

import jsonschema
from jsonschema import exceptions

from watcher.api import microversion, patch
from watcher.api.expose import SINCE_KEY
from watcher.api.noun import (
    ABSENT,
    OPTIONAL,
    READ_ONLY,
    REQUIRED,
    UNKNOWN,
    Field,
    Noun,
)

Schema = dict[str, Any]

# What a path below a field is: the content of scopes and parameters is patched in parts.
_INSIDE = r"(/[A-Za-z0-9_-]+)+"
TEXT: Schema = {"type": "string"}
LINKS: Schema = {
    "type": "array",
    "description": "The row's own address, and the same without a version",
    "minItems": 2,
    "maxItems": 2,
    "items": {
        "type": "object",
        "properties": {
            "href": {"type": "string", "format": "uri"},
            "rel": {"type": "string", "enum": ["self", "bookmark"]},
        },
        "required": ["href", "rel"],
        "additionalProperties": False,
    },
}
ERROR: Schema = {
    "type": "object",
    "description": (
        "What went wrong. Clients of old decode error_message, which is always text, as "
        "JSON and show its faultstring; when no method was found it is plain text."
    ),
    "properties": {
        "error_message": {
            **TEXT,
            "description": (
                "JSON of an object with faultcode (Client or Server), faultstring and "
                "debuginfo (always null); or plain text"
            ),
        },
        "code": {"type": "integer", "minimum": 400, "maximum": 599},
        "title": {**TEXT, "description": "What HTTP calls this code"},
        "request_id": {
            "type": ["string", "null"],
            "description": "What the log knows the request by",
        },
    },
    "required": ["error_message", "code", "title", "request_id"],
    "additionalProperties": False,
}
# The token check is a library's: its body is of another kind.
UNAUTHORIZED: Schema = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "integer"},
                "title": TEXT,
                "message": TEXT,
            },
            "required": ["code", "title", "message"],
            "additionalProperties": False,
        }
    },
    "required": ["error"],
    "additionalProperties": False,
}
HEALTH: Schema = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["OK", "UNAVAILABLE"]},
        "reasons": {"type": "array", "items": TEXT},
    },
    "required": ["status", "reasons"],
    "additionalProperties": False,
}


def closed(properties: Mapping[str, Any], *required: str) -> Schema:
    """Return the schema of an object that has no other keys than ``properties``"""
    schema: Schema = {"type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = list(required)
    schema["additionalProperties"] = False
    return schema


def version(minor: int) -> str:
    """Return a microversion as it is written"""
    return f"{microversion.MAJOR}.{minor}"


def row(noun: Noun, view: int) -> Schema:
    """Return the schema of a row in ``view``; what later versions add is not required"""
    properties: Schema = {}
    required = []
    for field in noun.fields:
        if not field.show or field.show < view:
            continue
        properties[field.name] = _shown(field)
        if not field.since or field.below is not ABSENT:
            required.append(field.name)
    properties["links"] = {"$ref": "#/components/schemas/Links"}
    return closed(properties, *required, "links")


def _shown(field: Field) -> Schema:
    schema = dict(field.type.schema)
    if _may_be_null(field):
        schema = nullable(schema)
    note = ""
    if field.since and field.below is not ABSENT:
        note = f"; always {field.below!r} below {version(field.since)}".lower()
    schema["description"] = field.help + note
    return _dated(schema, field)


def _may_be_null(field: Field) -> bool:
    sure = field.always or field.mandatory or field.create == REQUIRED
    # Types that make a list, a dictionary or a boolean of nothing.
    made = field.type.schema.get("type") in ("array", "object", "boolean", "integer")
    return not sure and not made


def _dated(schema: Schema, field: Field) -> Schema:
    if field.since:
        schema[SINCE_KEY] = version(field.since)
    return schema


def nullable(schema: Mapping[str, Any]) -> Schema:
    """Return ``schema`` with null allowed too"""
    kind = schema.get("type")
    if kind == "null":
        return dict(schema)
    if isinstance(kind, str):
        found = {**schema, "type": [kind, "null"]}
        if "enum" in schema:
            found["enum"] = [*schema["enum"], None]
        return found
    return {"anyOf": [dict(schema), {"type": "null"}]}


def page(noun: Noun, component: str) -> Schema:
    """Return the schema of a page of rows that ``component`` describes"""
    return closed(
        {
            noun.plural: {
                "type": "array",
                "items": {"$ref": f"#/components/schemas/{component}"},
            },
            "next": {
                "type": "string",
                "format": "uri",
                "description": "The next page; only when this one is full",
            },
        },
        noun.plural,
    )


def new(noun: Noun) -> Schema:
    """Return the schema of the body that creates a row"""
    properties: Schema = {}
    required = []
    for field in noun.fields:
        if field.create in (UNKNOWN, READ_ONLY):
            continue
        schema = _taken(field, null=field.nullable)
        if field.create == OPTIONAL:
            schema["default"] = field.empty()
        else:
            required.append(field.name)
        properties[field.name] = schema
    return {**closed(properties, *required), **noun.together}


def _taken(field: Field, *, null: bool) -> Schema:
    schema = dict(field.type.taken)
    if null:
        schema = nullable(schema)
    schema["description"] = field.help
    return _dated(schema, field)


def changes(noun: Noun) -> Schema:
    """Return the schema of the JSON patches that rows take"""
    kinds: list[Schema] = []
    for field in noun.fields:
        if field.patch:
            kinds += _operations(noun, field)
    return {
        "type": "array",
        "description": "Operations, applied in their order, all or none of them",
        "maxItems": patch.MOST,
        "items": {"anyOf": kinds},
    }


def _operations(noun: Noun, field: Field) -> list[Schema]:
    path: Schema = {"const": f"/{field.name}"}
    given = {"op": {"enum": [patch.ADD, patch.REPLACE]}, "path": path}
    given["value"] = _taken(field, null=not field.mandatory)
    found = [closed(given, "op", "path", "value")]
    if field.removable and not field.mandatory:
        gone = {"op": {"const": patch.REMOVE}, "path": path, "value": {}}
        found.append(closed(gone, "op", "path"))
    if field.name in noun.json_fields:
        inside: Schema = {"type": "string", "pattern": f"^/{field.name}{_INSIDE}$"}
        given = {"op": {"enum": [patch.ADD, patch.REPLACE]}, "path": inside}
        found.append(closed({**given, "value": {}}, "op", "path", "value"))
        gone = {"op": {"const": patch.REMOVE}, "path": inside}
        found.append(closed({**gone, "value": {}}, "op", "path"))
    return found


def scope(models: Mapping[str, Mapping[str, Any]]) -> Schema:
    """Return the schema of a scope document whose rules are those of ``models``"""
    rules = {name: _embedded(schema) for name, schema in sorted(models.items())}
    whole = {
        "type": "array",
        "items": {**closed(rules), "minProperties": 1},
    }
    kinds = [whole, closed({})]
    compute = rules.get("compute", {}).get("items")
    if compute:
        kinds.append(
            {"type": "array", "items": compute, "contains": {"minProperties": 1}}
        )
    return {
        "description": (
            "What is looked at, by model; empty is the whole cluster. Rules for compute "
            "alone may be given without saying so, there with singular keys as well."
        ),
        "anyOf": kinds,
    }


def _embedded(schema: Mapping[str, Any]) -> Schema:
    """Return a handler's schema as it may stand in the document

    Handlers are written against draft 4; where references or keywords of that would mean
    something else here, no more is told than that it is a list.
    """
    foreign = {"$ref", "id", "$schema", "definitions"} & set(_words(schema))
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except exceptions.SchemaError:
        return {"type": "array"}
    return {"type": "array"} if foreign else dict(schema)


def _words(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        # A property may be called "id"; the keyword's value is text.
        found = [word for word in value if word != "id" or isinstance(value[word], str)]
        return found + [word for child in value.values() for word in _words(child)]
    if isinstance(value, list | tuple):
        return [word for child in value for word in _words(child)]
    return []
