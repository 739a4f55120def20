"""The named parts of the API's description: schemas, headers, parameters, errors."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from watcher.api import microversion, noun, schemas
from watcher.api.call import Parts
from watcher.api.expose import DOCUMENT, Resource
from watcher.api.render import JSON, XML
from watcher.api.scope import Scopes

ERRORS: Mapping[int, str] = {
    400: "Something in the request is missing, unknown, or of the wrong kind or value",
    401: "No valid token",
    403: "The policy does not let the caller do this",
    404: "There is no such row, or no such path",
    406: "The microversion is not there or too old for this, or no known type is accepted",
    409: "It exists already, or its state does not let this happen",
    411: "The body came without its length, in chunks that the server does not pass on",
    413: "The body is longer than [api] max_body_bytes",
    415: "The body is not application/json",
    500: "A failure of the service; its log has the details under the request id",
    503: "Something that the service needs does not answer now",
}
HEADERS: Mapping[str, Any] = {
    "x-openstack-request-id": {
        "description": "What the log knows the request by",
        "schema": {"type": "string", "pattern": "^req-"},
    },
    microversion.HEADER: {
        "description": "The microversion of the answer; not when it was refused",
        "schema": {
            "type": "string",
            "pattern": rf"^{microversion.SERVICE_TYPE} [0-9]+\.[0-9]+$",
        },
    },
    **{
        name: {
            "description": "The range of microversions",
            "schema": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+$"},
        }
        for name, _value in microversion.RANGE
    },
    "Location": {
        "description": "Where the new row is",
        "schema": {"type": "string", "format": "uri"},
    },
}
PARAMETERS: Mapping[str, Any] = {
    "Microversion": {
        "name": microversion.HEADER,
        "in": "header",
        "description": "The microversion that is asked for; the oldest when left out",
        "schema": {
            "type": "string",
            "enum": [
                *(
                    f"{microversion.SERVICE_TYPE} {schemas.version(minor)}"
                    for minor in microversion.HISTORY
                ),
                f"{microversion.SERVICE_TYPE} latest",
            ],
        },
    },
    "ShowDeleted": {
        "name": "X-Show-Deleted",
        "in": "header",
        "description": "True: deleted rows are shown too",
        "schema": {"type": "string", "enum": ["true", "false"], "default": "false"},
    },
}


def ref(kind: str, name: str) -> dict[str, str]:
    """Return a reference to a component"""
    return {"$ref": f"#/components/{kind}/{name}"}


def pascal(found: noun.Noun) -> str:
    """Return a noun's name as the names of its schemas begin"""
    return "".join(word.capitalize() for word in found.name.split("_"))


def build(resources: Iterable[Resource], parts: Parts) -> dict[str, Any]:
    """Return all components of the description"""
    found: dict[str, Any] = {
        "Error": schemas.ERROR,
        "Unauthorized": schemas.UNAUTHORIZED,
        "Health": schemas.HEALTH,
        "Links": schemas.LINKS,
        "Scope": schemas.scope(Scopes(parts.plugins).schemas),
    }
    for resource in resources:
        if hasattr(resource, "noun"):
            found.update(_of_noun(resource))
    return {
        "schemas": found,
        "parameters": dict(PARAMETERS),
        "headers": dict(HEADERS),
        "responses": {f"Error{code}": _error(code) for code in ERRORS},
        "securitySchemes": {
            "token": {
                "type": "apiKey",
                "in": "header",
                "name": "X-Auth-Token",
                "description": "A token of Keystone",
            }
        },
    }


def _of_noun(resource: Resource) -> Iterator[tuple[str, Any]]:
    described, name = resource.noun, pascal(resource.noun)
    for view, suffix in ((noun.DETAIL, ""), (noun.LISTED, "Brief")):
        yield name + suffix, schemas.row(described, view)
        yield f"{name}{suffix}Page", schemas.page(described, name + suffix)
    for route in resource.declared:
        if route.argument == "patch":
            yield f"{name}Patch", schemas.changes(described)
        elif route.body == DOCUMENT and route.argument == described.name:
            yield f"New{name}", schemas.new(described)


def _error(code: int) -> dict[str, Any]:
    schema = ref("schemas", "Unauthorized" if code == 401 else "Error")
    found: dict[str, Any] = {
        "description": ERRORS[code],
        "content": {JSON: {"schema": schema}, XML: {"schema": {}}},
        "headers": {"x-openstack-request-id": ref("headers", "x-openstack-request-id")},
    }
    if code == 401:
        found["headers"]["WWW-Authenticate"] = {
            "description": "Where Keystone is",
            "schema": {"type": "string"},
        }
    return found
