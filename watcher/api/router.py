"""The Pecan controller: finds a handler, asks the policy, checks the request, answers.

Pecan is the application and calls ``_route`` and ``handle``. Its own guessing of formats
and arguments is switched off, since declared methods say what they take.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pecan
from oslo_utils import strutils
from pecan import core
from webob.multidict import NestedMultiDict

from watcher import exception
from watcher.api import body, edge, errors, microversion, render
from watcher.api.call import Call, Parts
from watcher.api.expose import DOCUMENT, EMPTY, ITEM, Resource, Route, run
from watcher.context import RequestContext

FOUND = "watcher.found"
# Rules that are asked once more about the very row, by ``Call.judged``.
ROW_RULES = (
    "get",
    "update",
    "delete",
    "start",
    "rollback",
    "execution",
    "pause",
    "resume",
)


class Request(core.Request):
    """A request whose arguments Pecan does not see; handlers get them by declaration"""

    @property
    def GET(self) -> Any:
        """Return nothing: see ``body.query``"""
        return NestedMultiDict()

    @property
    def params(self) -> Any:
        """Return nothing: see ``body.query`` and ``body.document``"""
        return NestedMultiDict()

    @property
    def json(self) -> Any:
        """Return nothing: see ``body.document``"""
        return {}


@dataclass(frozen=True, slots=True)
class Found:
    """A route and the identifiers of its path"""

    resource: Resource
    route: Route
    idents: Sequence[str]


class Root:
    """All paths of the API"""

    def __init__(
        self,
        parts: Parts,
        root: Resource,
        version: Resource,
        resources: Mapping[str, Resource],
    ) -> None:
        self._parts = parts
        self._root = root
        self._version = version
        self._resources = resources

    @pecan.expose()
    def _route(self, args: list[str], request: Any) -> tuple[Any, list[str]]:
        # Where a name holds a slash the path cannot be split at every one.
        resource, rest = self._resource(request.environ.get(edge.SEGMENTS, args))
        route, idents = resource.match(request.method, rest)
        form = request.environ.get(edge.FORMAT)
        if form is None:
            form = render.media_type(request.environ.get("HTTP_ACCEPT"))
            request.environ[edge.FORMAT] = form
        request.environ[FOUND] = Found(resource, route, idents)
        request.pecan["content_type"] = form
        return self.handle, []

    def _resource(self, args: Sequence[str]) -> tuple[Resource, Sequence[str]]:
        rest = _without_empty(args)
        if not rest:
            return self._root, ()
        if rest[0] == "v1":
            inside = rest[1:]
            rest = _without_empty(inside)
            if not rest:
                return self._version, ()
            if len(rest) < len(inside) and len(rest) > 1 and rest[1] != "detail":
                raise errors.RouteNotFound
        resource = self._resources.get(rest[0])
        rest = rest[1:]
        if rest and not rest[-1]:
            rest = rest[:-1]
        if resource is None or "" in rest:
            raise errors.RouteNotFound
        return resource, rest

    @pecan.expose(content_type=render.JSON)
    @pecan.expose(content_type=render.XML)
    def handle(self, req: Any, resp: Any) -> pecan.Response:
        """Answer a request that has a route"""
        found: Found = req.environ[FOUND]
        route = found.route
        call = self._call(req, found)
        # Before anything is looked up: a refusal must not tell what exists.
        decided = self._judge(call, route)
        if call.minor < route.since:
            raise route.early(since=f"{microversion.MAJOR}.{route.since}")
        call = _read(call, req, found)
        try:
            answer = run(found.resource, route, call, _idents(call, req.environ, found))
        except exception.ResourceNotFound:
            if not decided:
                raise exception.PolicyNotAuthorized(action=call.rule) from None
            raise
        return render.response(
            answer,
            route.status,
            req.environ[edge.FORMAT],
            found.resource.json_fields,
        )

    def _judge(self, call: Call, route: Route) -> bool:
        """Ask the policy; False: the row decides, and its absence must not be told"""
        if call.rule is None:
            return True
        if route.rule in ROW_RULES:
            return self._parts.enforcer.foresee(call.ctx, call.rule)
        self._parts.enforcer.check(call.ctx, call.rule)
        return True

    def _call(self, req: Any, found: Found) -> Call:
        minor = 0
        if found.resource is not self._root:
            minor = microversion.asked(req.environ.get("HTTP_OPENSTACK_API_VERSION"))
        ctx = RequestContext.from_environ(
            req.environ,
            show_deleted=strutils.bool_from_string(
                req.environ.get("HTTP_X_SHOW_DELETED") or "false", default=True
            ),
        )
        # Log lines of this thread carry the request id from now on.
        ctx.update_store()
        return Call(
            parts=self._parts,
            ctx=ctx,
            rule=found.resource.rule(found.route),
            minor=minor,
            host_url=req.host_url,
            app_url=req.application_url,
        )


def _idents(call: Call, environ: edge.Environ, found: Found) -> Sequence[str]:
    """Return the identifiers of the path; a name that ends in .json is a name first"""
    suffix = environ.get(edge.SUFFIX)
    if suffix and found.route.path == ITEM:
        whole = found.idents[0] + suffix
        if found.resource.has(call, whole):
            environ[edge.FORMAT] = render.media_type(environ.get("HTTP_ACCEPT"))
            return (whole,)
    return found.idents


def _without_empty(segments: Sequence[str]) -> Sequence[str]:
    for position, segment in enumerate(segments):
        if segment:
            return segments[position:]
    return ()


def _read(call: Call, req: Any, found: Found) -> Call:
    route = found.route
    limit = call.parts.conf.api.max_body_bytes
    query = body.query(req.query_string, found.resource.arguments(route))
    document = None
    if route.body == DOCUMENT:
        document = body.document(req, route.argument, limit)
    elif route.body == EMPTY:
        body.empty(req, route.argument, limit)
    return dataclasses.replace(call, query=query, body=document)
