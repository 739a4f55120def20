"""Compares answers with what the API's description says of them."""

import json
import re

import jsonschema
import referencing
from jsonschema import Draft202012Validator
from referencing import jsonschema as dialects

from watcher.api import errors, microversion
from watcher.api.expose import SINCE_KEY

BASE = "urn:openapi"


class Described:
    """An OpenAPI document, and a judge of answers by it"""

    def __init__(self, document):
        self.document = document
        self._validators = {}
        self.paths = {
            re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + r"/?\Z"): path
            for path in sorted(document["paths"], key=lambda path: path.count("{"))
        }

    def operation(self, method, path):
        """Return the operation that serves a request; None when there is none"""
        path = path.partition("?")[0]
        method = "get" if method == "HEAD" else method.lower()
        for pattern, found in self.paths.items():
            if pattern.match(path):
                return self.document["paths"][found].get(method)
        return None

    def resolve(self, value):
        """Return what a reference stands for"""
        while "$ref" in value:
            found = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            value = found
        return value

    def check(self, request, answer):
        """Fail unless an answer is one of those that are described

        Fields of later microversions must be missing, those of this one be there.
        """
        try:
            minor = microversion.asked(request.headers.get(microversion.HEADER))
        except errors.VersionRefused:
            minor = microversion.MAX
        self.compare(request.method, request.environ["PATH_INFO"], answer, minor)

    def compare(self, method, path, answer, minor):
        """Fail unless an answer is what is described for a microversion"""
        operation = self.operation(method, path)
        if operation is None or answer.headers.get("Content-Type") == "application/xml":
            return
        where = f"{method} {path} at 1.{minor}: {answer.status}"
        responses = operation["responses"]
        assert str(answer.status) in responses, f"{where} is not described"
        told = self.resolve(responses[str(answer.status)])
        for name, header in told.get("headers", {}).items():
            self._check_header(where, name, self.resolve(header), answer)
        if "content" not in told:
            assert answer.raw == b"" and "Content-Type" not in answer.headers, where
        elif method != "HEAD":
            assert answer.headers["Content-Type"] == "application/json", where
            schema = told["content"]["application/json"]["schema"]
            error = jsonschema.exceptions.best_match(
                self.validator(json.dumps(schema), minor).iter_errors(answer.json)
            )
            assert error is None, f"{where}: {error}"

    def _check_header(self, where, name, header, answer):
        found = answer.headers.get(name)
        optional = answer.status >= 400
        assert found is not None or optional, f"{where} lacks {name}"
        if found is not None:
            pattern = header["schema"].get("pattern", "")
            assert re.search(pattern, found), f"{where}: {name} is {found}"

    def validator(self, schema, minor):
        """Return the validator of a schema (JSON text) at a microversion"""
        found = self._validators.get((schema, minor))
        if found is None:
            found = self._validators[schema, minor] = self._compile(schema, minor)
        return found

    def _compile(self, schema, minor):
        schema = json.loads(schema.replace('"#/', f'"{BASE}#/'))
        document = at({"components": self.document["components"]}, minor)
        resource = dialects.DRAFT202012.create_resource(document)
        return Draft202012Validator(
            at(schema, minor),
            registry=referencing.Registry().with_resource(BASE, resource),
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )


def at(value, minor):
    """Return a schema as it is at a microversion: later properties are gone, and where
    some are required, those of this version that have no default are too
    """
    if isinstance(value, list):
        return [at(item, minor) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: at(item, minor) for key, item in value.items()}
    required = set(value.get("required", ()))
    for name, item in value.get("properties", {}).items():
        since = int(item.get(SINCE_KEY, "1.0").partition(".")[2])
        if since > minor and name not in required:
            del found["properties"][name]
        elif since and since <= minor and "required" in value and "default" not in item:
            found["required"] = sorted({*found["required"], name})
    return found
