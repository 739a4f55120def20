"""Discovery: what this service is, which versions and resources it has."""

from collections.abc import Sequence
from typing import Any

from watcher.api import microversion
from watcher.api.call import Call
from watcher.api.expose import SINCE_KEY, Resource, expose


def _links_schema(form: str) -> dict[str, Any]:
    return {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "properties": {
                "href": {"type": "string", "format": form},
                "rel": {"enum": ["self", "bookmark", "describedby"]},
                "type": {"type": "string"},
            },
            "required": ["href", "rel"],
            "additionalProperties": False,
        },
    }


_LINKS = _links_schema("uri")
_VERSION = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "status": {"type": "string"},
        "min_version": {"type": "string", "pattern": "^[0-9]+\\.[0-9]+$"},
        "max_version": {"type": "string", "pattern": "^[0-9]+\\.[0-9]+$"},
        "links": _LINKS,
    },
    "required": ["id", "status", "min_version", "max_version", "links"],
    "additionalProperties": False,
}
VERSIONS = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "versions": {"type": "array", "items": _VERSION},
        "default_version": _VERSION,
    },
    "required": ["name", "description", "versions", "default_version"],
    "additionalProperties": False,
}
DOCUMENTATION = "https://docs.openstack.org/api-ref/resource-optimization/"
MEDIA_TYPES = [
    {
        "base": "application/json",
        "type": "application/vnd.openstack.watcher.v1+json",
    }
]
# Resources of the published document, and the microversion they appeared in.
PUBLISHED = {
    "audit_templates": 0,
    "audits": 0,
    "actions": 0,
    "action_plans": 0,
    "scoring_engines": 0,
    "services": 0,
    "goals": 0,
    "strategies": 0,
    "data_model": 3,
    "webhooks": 4,
}


RESOURCES = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "media_types": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"base": {"type": "string"}, "type": {"type": "string"}},
                "required": ["base", "type"],
                "additionalProperties": False,
            },
        },
        "links": _LINKS,
        **{
            name: {**_LINKS, **({SINCE_KEY: f"1.{since}"} if since else {})}
            for name, since in PUBLISHED.items()
        },
        "extensions": {
            "type": "array",
            "description": "Paths beside the published ones, at every microversion",
            "items": {
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "links": _links_schema("uri-template"),
                },
                "required": ["path", "links"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["id", "media_types", "links", "extensions"],
    "additionalProperties": False,
}


class Service(Resource):
    """GET /: the versions of the API"""

    name = ""

    @expose("GET", rule=None, answers=VERSIONS)
    def get(self, call: Call) -> Any:
        """Tell which versions there are"""
        version = {
            "id": "v1",
            "status": "CURRENT",
            "min_version": f"{microversion.MAJOR}.{microversion.MIN}",
            "max_version": f"{microversion.MAJOR}.{microversion.MAX}",
            "links": [{"href": f"{call.app_url}/v1/", "rel": "self"}],
        }
        return {
            "name": "OpenStack Watcher API",
            "description": (
                "Watcher keeps an OpenStack cloud well arranged: it audits the use of "
                "its resources and recommends, or carries out, changes."
            ),
            "versions": [version],
            "default_version": version,
        }


class Version(Resource):
    """GET /v1: the resources of version 1"""

    name = "v1"

    def __init__(
        self, parts: Any, present: Sequence[str], extensions: Sequence[str]
    ) -> None:
        super().__init__(parts)
        self._present = present
        self._extensions = extensions

    @expose("GET", rule=None, answers=RESOURCES)
    def get(self, call: Call) -> Any:
        """Tell which resources there are"""
        base = call.app_url
        document: dict[str, Any] = {
            "id": "v1",
            "media_types": MEDIA_TYPES,
            "links": [
                {"href": f"{base}/v1/", "rel": "self"},
                {"href": DOCUMENTATION, "rel": "describedby", "type": "text/html"},
            ],
        }
        for name, since in PUBLISHED.items():
            if since <= call.minor and name in self._present:
                document[name] = _links(base, name)
        document["extensions"] = [
            {"path": path, "links": [{"href": base + path, "rel": "self"}]}
            for path in self._extensions
        ]
        return document


def _links(base: str, name: str) -> list[dict[str, str]]:
    return [
        {"href": f"{base}/v1/{name}/", "rel": "self"},
        {"href": f"{base}/{name}/", "rel": "bookmark"},
    ]
