"""The API's description of itself: OpenAPI 3.1, made from what serves the requests."""

import http
import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from watcher.api import components, microversion, noun, ready, schemas
from watcher.api.call import Call, Parts
from watcher.api.components import pascal, ref
from watcher.api.expose import DOCUMENT, EMPTY, ITEM, SINCE_KEY, Resource, Route, expose
from watcher.api.render import JSON, XML, Answer

PATH = "/v1/openapi.json"
POLICY_KEY = "x-openstack-policy"
SELF: Mapping[str, Any] = {"type": "object", "description": "An OpenAPI 3.1 document"}
ABOUT = """\
Requests and answers of version 1 at every microversion: `x-openstack-since` tells which one
something is from. What is older than the version that a request asks for neither takes nor
shows it.

* Every path below `/v1` is found without `/v1` too, and with a slash at its end.
* HEAD is answered wherever GET is.
* Answers are JSON, or XML for clients that name it in `Accept` or end the path in `.xml`.
* Methods name their rule of the policy in `x-openstack-policy`; administrators may do
  everything, the role `infra_optim_reader` may read everything, others nothing.
"""


class Description(Resource):
    """GET /v1/openapi.json

    :param served: every other resource by its path
    """

    name = "openapi.json"

    def __init__(self, parts: Parts, served: Mapping[str, Resource]) -> None:
        super().__init__(parts)
        self._served = {**served, PATH: self}
        self._made: dict[str, Any] | None = None

    @expose("GET", rule=None, answers=SELF)
    def get(self, call: Call) -> Any:
        """Tell everything that can be asked and answered"""
        if self._made is None:
            self._made = document(self._served, self.parts)
        return Answer(body={**self._made, "servers": [{"url": call.app_url}]})


def document(served: Mapping[str, Resource], parts: Parts) -> dict[str, Any]:
    """Return the description of the resources ``served``, but for where they are"""
    paths: dict[str, Any] = {}
    for base, resource in served.items():
        for route in resource.declared:
            operation = _operation(base, resource, route, parts)
            where = base + _suffix(resource, route)
            paths.setdefault(where, {})[route.method.lower()] = operation
    for where, operation in _doors():
        paths[where] = {"get": operation}
    _link(paths, served)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Watcher",
            "summary": "Optimization of OpenStack clouds",
            "description": ABOUT,
            "version": schemas.version(microversion.MAX),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "x-openstack-microversions": {
            schemas.version(minor): text for minor, text in microversion.HISTORY.items()
        },
        "tags": [
            {"name": resource.name, "description": _about(resource)}
            for resource in served.values()
            if resource.name
        ],
        "security": [{"token": []}]
        + ([] if parts.conf.enable_authentication else [{}]),
        "paths": paths,
        "components": components.build(served.values(), parts),
    }


def _suffix(resource: Resource, route: Route) -> str:
    path = route.path.replace(ITEM, f"{{{item(resource)}}}")
    return f"/{path}" if path else ""


def item(resource: Resource) -> str:
    """Return what an identifier in the paths of ``resource`` stands for"""
    return resource.item or (resource.noun.name if hasattr(resource, "noun") else "id")


def _about(resource: Resource) -> str:
    text = inspect.getdoc(sys.modules[type(resource).__module__]) or ""
    return text.splitlines()[0]


def operation_id(resource: Resource, route: Route) -> str:
    """Return the name of a method that no other has"""
    name = re.sub(r"\W", "_", resource.name) or "root"
    return f"{name}_{route.run.__name__}"


def _operation(
    base: str, resource: Resource, route: Route, parts: Parts
) -> dict[str, Any]:
    summary, _blank, more = route.about.partition("\n")
    open_to_all = base == "/" or (
        resource.name == "webhooks" and not parts.conf.api.enable_webhooks_auth
    )
    rule = None if open_to_all else resource.rule(route)
    found: dict[str, Any] = {
        "operationId": operation_id(resource, route),
        "summary": summary,
        "tags": [resource.name or "discovery"],
        "parameters": list(_parameters(base, resource, route)),
        "responses": _responses(base, resource, route, open_to_all),
    }
    if more.strip():
        found["description"] = more.strip()
    if rule:
        found[POLICY_KEY] = rule
    if route.since:
        found[SINCE_KEY] = schemas.version(route.since)
    if open_to_all:
        found["security"] = []
    body = _body(resource, route)
    if body:
        found["requestBody"] = body
    return found


def _parameters(
    base: str, resource: Resource, route: Route
) -> Iterator[dict[str, Any]]:
    if ITEM in route.path:
        yield {
            "name": item(resource),
            "in": "path",
            "required": True,
            **_ident(resource),
        }
    for name, kind in resource.arguments(route).items():
        found = {"name": name, "in": "query", "schema": dict(kind.schema)}
        yield {**found, "description": kind.help} if kind.help else found
    if base != "/":
        yield ref("parameters", "Microversion")
    if route.method == "GET" and hasattr(resource, "noun"):
        yield ref("parameters", "ShowDeleted")


def _ident(resource: Resource) -> dict[str, Any]:
    found = getattr(resource, "noun", None)
    kind: dict[str, Any] = {"type": "string", "minLength": 1}
    if found is None or (found.named and found.key == "uuid"):
        return {"description": "UUID or name", "schema": kind}
    if found.named:
        return {"description": f"{found.key} or name", "schema": kind}
    return {"description": "UUID", "schema": {"type": "string", "format": "uuid"}}


def _body(resource: Resource, route: Route) -> dict[str, Any] | None:
    if route.body not in (DOCUMENT, EMPTY):
        return None
    schema: Any = {}
    if route.body == EMPTY:
        schema = {"type": "object", "maxProperties": 0}
    elif route.takes is not None:
        schema = route.takes
    elif route.argument == "patch":
        schema = ref("schemas", f"{pascal(resource.noun)}Patch")
    elif hasattr(resource, "noun") and route.argument == resource.noun.name:
        schema = ref("schemas", f"New{pascal(resource.noun)}")
    content: dict[str, Any] = {"schema": schema}
    if route.examples:
        content["examples"] = {
            name: {"value": value} for name, value in route.examples.items()
        }
    return {"required": route.body == DOCUMENT, "content": {JSON: content}}


def _responses(
    base: str, resource: Resource, route: Route, open_to_all: bool
) -> dict[str, Any]:
    phrase = http.HTTPStatus(route.status).phrase
    good: dict[str, Any] = {"description": phrase, "headers": _headers(base, route)}
    schema = _answer(resource, route)
    if schema is not None:
        good["content"] = {JSON: {"schema": schema}, XML: {"schema": {}}}
    found = {str(route.status): good}
    for status in refusals(base, resource, route, open_to_all):
        found[str(status)] = ref("responses", f"Error{status}")
    return found


def _headers(base: str, route: Route) -> dict[str, Any]:
    names = ["x-openstack-request-id"]
    if base != "/":
        names += [microversion.HEADER, *(name for name, _value in microversion.RANGE)]
    if route.status == http.HTTPStatus.CREATED:
        names.append("Location")
    return {name: ref("headers", name) for name in names}


def _answer(resource: Resource, route: Route) -> Any:
    if route.answers is None:
        return None
    if isinstance(route.answers, Mapping):
        return route.answers
    name = pascal(resource.noun) + ("Brief" if route.answers == noun.LISTED else "")
    return ref("schemas", f"{name}Page" if route.listing else name)


def refusals(
    base: str, resource: Resource, route: Route, open_to_all: bool
) -> Sequence[int]:
    """Return the codes of the errors that a method can end in"""
    found = {400, 406, 500, 503, *route.refuses}
    if not open_to_all:
        found |= {401, 403} if resource.rule(route) else {401}
    if ITEM in route.path or route.listing:
        # A page may be asked for after a row that is not there.
        found.add(404)
    if route.body is not None:
        found |= {411, 413}
    if route.body == DOCUMENT:
        found.add(415)
    if route.since and route.early.code:
        found.add(route.early.code)
    return sorted(found)


def _link(paths: Mapping[str, Any], served: Mapping[str, Resource]) -> None:
    """Tell which answers hold what other paths are asked for"""
    for base, resource in served.items():
        described = getattr(resource, "noun", None)
        if described is None:
            continue
        uses = {
            (operation["operationId"], method)
            for where, methods in paths.items()
            if where.startswith(f"{base}/{{")
            for method, operation in methods.items()
        }
        sources = {"post": f"$response.body#/{described.key}"}
        sources["get"] = f"$response.body#/{described.plural}/0/{described.key}"
        for method, source in sources.items():
            if method not in paths[base]:
                continue
            good = next(iter(paths[base][method]["responses"].values()))
            good["links"] = {
                name: {"operationId": name, "parameters": {item(resource): source}}
                for name, _method in sorted(uses)
            }


def _doors() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, check in ready.CHECKS.items():
        content = {JSON: {"schema": ref("schemas", "Health")}}
        responses = {"200": {"description": "Yes", "content": content}}
        if path == ready.READY:
            responses["503"] = {"description": "No, and why", "content": content}
        yield (
            path,
            {
                "operationId": path.strip("/"),
                "summary": (inspect.getdoc(check) or "").splitlines()[0],
                "tags": ["health"],
                "security": [],
                "responses": responses,
            },
        )
