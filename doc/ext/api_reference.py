"""Sphinx directives that write the API reference out of the API's own description."""

import http
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from described import block, document, operations, table
from docutils import nodes
from docutils.statemachine import StringList
from schema_text import Words, plain
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles

from watcher import policies
from watcher.api.expose import SINCE_KEY
from watcher.api.openapi import POLICY_KEY
from watcher.domain import states

SAMPLES = pathlib.Path(__file__).parents[1] / "source/api/samples"


class Reference(SphinxDirective):
    """A directive whose content is made of lines of reStructuredText"""

    optional_arguments = 1

    def lines(self) -> list[str]:
        """Return the lines"""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Return the nodes that the lines stand for"""
        root = nodes.section()
        root.document = self.state.document
        made = StringList(self.lines(), source=self.name)
        nested_parse_with_titles(self.state, made, root)
        return root.children


class Resource(Reference):
    """``api-resource:: audits``: every method of a resource"""

    def lines(self) -> list[str]:
        self._words, self._told = Words(document()), dict[str, str]()
        tag = self.arguments[0]
        found = [one for one in operations() if tag in one[2]["tags"]]
        if not found:
            raise self.error(f"there is no resource {tag}")
        return [line for one in found for line in self._operation(*one)]

    def _operation(
        self, path: str, method: str, operation: Mapping[str, Any]
    ) -> Iterator[str]:
        title = f"{method} {path}"
        yield from ("", title, "-" * len(title), "", plain(operation["summary"]) + ".")
        yield from ("", *operation.get("description", "").split("\n"), "")
        facts = []
        if SINCE_KEY in operation:
            facts.append(f"From microversion {operation[SINCE_KEY]}.")
        if POLICY_KEY in operation:
            facts.append(f"Rule of the policy: ``{operation[POLICY_KEY]}``.")
        elif operation.get("security") == []:
            facts.append("No token is needed.")
        yield from (" ".join(facts), "")
        yield from self._arguments(operation)
        yield from self._body(title, operation)
        yield from self._answers(title, operation)

    def _arguments(self, operation: Mapping[str, Any]) -> Iterator[str]:
        found = map(self._words.resolve, operation.get("parameters", ()))
        yield from table(
            ("Argument", "In", "Type", "Meaning"),
            (
                (
                    f"``{each['name']}``",
                    each["in"],
                    self._words.kind(each["schema"]),
                    plain(each.get("description", "")),
                )
                for each in found
                if each["in"] != "header"
            ),
            "18 8 34 40",
        )

    def _body(self, title: str, operation: Mapping[str, Any]) -> Iterator[str]:
        if "requestBody" not in operation:
            return
        content = operation["requestBody"]["content"]["application/json"]
        schema = self._words.resolve(content["schema"])
        if schema.get("type") == "array":
            yield from self._patch(schema)
        elif "properties" in schema:
            required = schema.get("required", ())
            yield from self._fields("Field of the request", schema, required)
        for name, example in content["examples"].items():
            yield from (f"Request ({name}):", *block(example["value"]))
            sample = SAMPLES / f"{operation['operationId']}-{name}-response.json"
            if sample.exists():
                yield from ("Its answer:", *block(json.loads(sample.read_text())))

    def _patch(self, schema: Mapping[str, Any]) -> Iterator[str]:
        yield from table(
            ("Path", "Operations", "Value", "Meaning"),
            (
                (
                    f"``{_path(each['path'])}``",
                    ", ".join(each["op"].get("enum", [each["op"].get("const")])),
                    self._words.kind(each["value"])
                    if "value" in kind["required"]
                    else "",
                    plain(each["value"].get("description", "")) + _since(each["value"]),
                )
                for kind in schema["items"]["anyOf"]
                for each in [kind["properties"]]
            ),
            "24 14 30 32",
        )

    def _fields(
        self, what: str, schema: Mapping[str, Any], required: Sequence[str] = ()
    ) -> Iterator[str]:
        yield from table(
            (what, "Type", "Meaning"),
            (
                (
                    f"``{name}``" + (" (required)" if name in required else ""),
                    self._words.kind(found),
                    (plain(found.get("description", "")) + _since(found)).strip(),
                )
                for name, found in self._words.fields(schema)
            ),
            "26 34 40",
        )

    def _answers(self, title: str, operation: Mapping[str, Any]) -> Iterator[str]:
        codes = []
        for status, answer in operation["responses"].items():
            found = self._words.resolve(answer)
            codes.append((status, plain(found["description"])))
            if int(status) < 300 and "content" in found:
                yield from self._answer(title, found["content"]["application/json"])
        if "requestBody" not in operation:
            sample = SAMPLES / f"{operation['operationId']}-response.json"
            if sample.exists():
                yield from ("Answer:", *block(json.loads(sample.read_text())))
        yield from table(("Code", "When"), codes, "10 90")

    def _answer(self, title: str, content: Mapping[str, Any]) -> Iterator[str]:
        schema = content["schema"]
        page = self._words.resolve(schema).get("properties", {})
        for found in page.values():
            # What a page holds is told, not that it holds it.
            if "next" in page and found.get("type") == "array":
                schema = found["items"]
        name = schema.get("$ref", "")
        if name and name in self._told:
            yield from (f"The answer has the fields of {self._told[name]}.", "")
            return
        self._told[name] = f"``{title}``"
        yield from self._fields("Field of the answer", schema)


def _path(schema: Mapping[str, Any]) -> str:
    if "const" in schema:
        return str(schema["const"])
    return str(schema["pattern"]).lstrip("^").partition("(")[0] + "/..."


def _since(schema: Mapping[str, Any]) -> str:
    return f" (from {schema[SINCE_KEY]})" if SINCE_KEY in schema else ""


class Microversions(Reference):
    """``api-microversions::``: what each version brought"""

    def lines(self) -> list[str]:
        found = document()["x-openstack-microversions"].items()
        rows = ((version, plain(text)) for version, text in found)
        return table(("Version", "What it brought"), rows, "12 88")


class Errors(Reference):
    """``api-errors::``: every code of an error"""

    def lines(self) -> list[str]:
        found = document()["components"]["responses"].items()
        return table(
            ("Code", "Name", "When"),
            (
                (
                    code[-3:],
                    http.HTTPStatus(int(code[-3:])).phrase,
                    plain(told["description"]),
                )
                for code, told in found
            ),
            "8 24 68",
        )


class Listing(Reference):
    """``api-listing::``: what each collection is sorted and filtered by"""

    def lines(self) -> list[str]:
        common = {"limit", "marker", "sort_key", "sort_dir"}
        rows = []
        for path, method, operation in operations():
            found = {
                each["name"]: each["schema"]
                for each in operation.get("parameters", ())
                if each.get("in") == "query"
            }
            if method == "GET" and "sort_key" in found and not path.endswith("detail"):
                keys = ", ".join(f"``{key}``" for key in found["sort_key"]["enum"])
                filters = ", ".join(f"``{key}``" for key in found if key not in common)
                rows.append((f"``{path}``", keys, filters or "none"))
        return table(("Collection", "Sort keys", "Filters"), rows, "24 54 22")


class Policies(Reference):
    """``api-policies::``: the rule of each method, and who it lets in"""

    def lines(self) -> list[str]:
        checks = {rule.name: rule.check_str for rule in policies.list_rules()}
        return table(
            ("Method", "Rule", "Default"),
            (
                (
                    f"``{method} {path}``",
                    f"``{operation[POLICY_KEY]}``",
                    f"``{checks[operation[POLICY_KEY]]}``",
                )
                for path, method, operation in operations()
                if POLICY_KEY in operation
            ),
            "45 22 33",
        )


class Steps(Reference):
    """``api-steps:: AUDIT_API``: the changes of state that clients may ask for"""

    def lines(self) -> list[str]:
        steps: states.Table = getattr(states, self.arguments[0])
        return table(
            ("From", "To"),
            (
                (f"``{old}``", ", ".join(f"``{x}``" for x in sorted(new)) or "nothing")
                for old, new in steps.items()
            ),
            "30 70",
        )


def setup(sphinx: Any) -> dict[str, Any]:
    """Register the directives"""
    for name, kind in (
        ("api-resource", Resource),
        ("api-microversions", Microversions),
        ("api-errors", Errors),
        ("api-listing", Listing),
        ("api-policies", Policies),
        ("api-steps", Steps),
    ):
        sphinx.add_directive(name, kind)
    return {"parallel_read_safe": True}
