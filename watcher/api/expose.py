"""One decorator that declares a method of the API, and the resources made of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watcher.api import errors
from watcher.api.call import Call, Parts
from watcher.api.noun import Noun

COLLECTION, DETAIL, ITEM = "", "detail", "{id}"
# What a body is: none is read, a mandatory JSON document, or an empty object at most.
NO_BODY, DOCUMENT, EMPTY = None, "document", "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A declared method: where it is found and what is checked before it runs

    ``rule`` is the policy without the noun; ``listing`` says that list arguments are
    taken; ``argument`` is what the body is called in errors.
    """

    method: str
    path: str
    rule: str | None
    run: Callable[..., Any]
    status: int = 200
    body: str | None = NO_BODY
    argument: str = "body"
    listing: bool = False
    summary: str = ""


def expose(
    method: str,
    path: str = COLLECTION,
    *,
    rule: str | None,
    status: int = 200,
    body: str | None = NO_BODY,
    argument: str = "body",
    listing: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a method of a resource"""

    def declare(run: Callable[..., Any]) -> Callable[..., Any]:
        run.route = Route(  # type: ignore[attr-defined]
            method=method,
            path=path,
            rule=rule,
            run=run,
            status=status,
            body=body,
            argument=argument,
            listing=listing,
            summary=(run.__doc__ or "").strip().splitlines()[0],
        )
        return run

    return declare


class Resource:
    """A collection below /v1; subclasses declare its methods with ``expose``"""

    name: str
    noun: Noun

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.routes: dict[str, dict[str, Route]] = {}
        for attribute in sorted(dir(type(self))):
            route = getattr(getattr(type(self), attribute), "route", None)
            if isinstance(route, Route):
                self.routes.setdefault(route.path, {})[route.method] = route

    @property
    def json_fields(self) -> frozenset[str]:
        """Return the names of fields whose content is JSON of anybody's making"""
        return self.noun.json_fields if hasattr(self, "noun") else frozenset()

    def arguments(self, route: Route) -> Mapping[str, Any]:
        """Return the query arguments of ``route`` with their types"""
        return {}

    def rule(self, route: Route) -> str | None:
        """Return the full name of the policy rule of ``route``"""
        if route.rule is None or ":" in route.rule:
            return route.rule
        return f"{self.noun.name}:{route.rule}"

    def match(self, method: str, rest: Sequence[str]) -> tuple[Route, Sequence[str]]:
        """Return the route for ``rest`` of the path, and the identifiers in it

        :raises RouteNotFound: there is no such path
        :raises MethodNotAllowed: there is, with other methods
        """
        path, idents = self._path(rest)
        methods = self.routes.get(path)
        if methods is None:
            raise errors.RouteNotFound
        if method == "HEAD":
            method = "GET"
        if method in methods:
            return methods[method], idents
        of_item = method in ("PATCH", "DELETE") and method in self.routes.get(ITEM, {})
        if path == COLLECTION and of_item:
            # As published: the route takes the method, but needs an identifier.
            raise errors.MissingArgument(name=self.noun.name)
        if path.startswith(ITEM + "/") and method == "GET":
            raise errors.RouteNotFound
        allowed = set(methods) | ({"HEAD"} if "GET" in methods else set())
        raise errors.MethodNotAllowed(sorted(allowed))

    def _path(self, rest: Sequence[str]) -> tuple[str, Sequence[str]]:
        if not rest:
            return COLLECTION, ()
        if len(rest) == 1:
            return (rest[0], ()) if rest[0] in self._words() else (ITEM, rest)
        return "/".join((ITEM, *rest[1:])), rest[:1]

    def _words(self) -> set[str]:
        return {path for path in self.routes if path and not path.startswith(ITEM)}


def run(resource: Resource, route: Route, call: Call, idents: Sequence[str]) -> Any:
    """Return what the handler of ``route`` says"""
    return route.run(resource, call, *idents)
