"""JSON schemas in a few words, for tables that people read."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_FORMATS = {"uuid": "UUID", "date-time": "time", "date": "date", "uri": "address"}
_NAMES = {"string": "text", "array": "list", "object": "object", "null": "null"}
_SPECIAL = re.compile(r"([\\*`|_<>])")


def plain(text: str) -> str:
    """Return text that means nothing but itself to reStructuredText"""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


class Words:
    """Tells what the schemas of one OpenAPI document say"""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def resolve(self, schema: Any) -> Mapping[str, Any]:
        """Return what a reference stands for"""
        while "$ref" in schema:
            found: Any = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def kind(self, schema: Any) -> str:
        """Return the type of a value, with what it must be"""
        if name := schema.get("$ref", "").rpartition("/")[2]:
            return {"Links": "list of links", "Scope": "scope"}.get(name, name)
        found = list(dict.fromkeys(self._kinds(schema)))
        if found[-1:] != ["null"] and "null" in found:
            found.remove("null")
            found.append("null")
        text = " or ".join(found) or "any JSON"
        if "default" in schema:
            text += f"; default {_shown(schema['default'])}"
        return text

    def _kinds(self, schema: Any) -> Iterator[str]:
        if "title" in schema:
            yield schema["title"]
            if "null" in schema.get("type", ()):
                yield "null"
            return
        if "const" in schema:
            yield _shown(schema["const"])
            return
        if "enum" in schema:
            yield ", ".join(_shown(value) for value in schema["enum"])
            return
        for choice in schema.get("anyOf", ()):
            if "$ref" in choice:
                yield self.kind(choice)
            else:
                yield from self._kinds(choice)
        kinds = schema.get("type", ())
        for kind in [kinds] if isinstance(kinds, str) else kinds:
            yield self._one(kind, schema)

    def _one(self, kind: str, schema: Any) -> str:
        text = _NAMES.get(kind, kind)
        if kind == "string":
            text = _FORMATS.get(schema.get("format"), text)
            if "maxLength" in schema:
                text += f" of at most {schema['maxLength']} characters"
        elif kind == "integer" and "minimum" in schema:
            text += f" from {schema['minimum']}"
        elif kind == "array" and "items" in schema:
            inside = self.resolve(schema["items"])
            if "properties" in inside:
                names = ", ".join(f"``{name}``" for name in inside["properties"])
                return f"list of objects with {names}"
            return f"list of {self.kind(schema['items'])}"
        return text

    def fields(self, schema: Any) -> Iterator[tuple[str, Any]]:
        """Return the properties of an object, or of the objects that a list is of"""
        schema = self.resolve(schema)
        if schema.get("type") == "array":
            yield from self.fields(schema.get("items", {}))
        yield from schema.get("properties", {}).items()


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"``{value}``" if value.strip() else "empty text"
    return f"``{value}``"
