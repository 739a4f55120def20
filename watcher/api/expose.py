"""One decorator that declares a method of the API, and the resources made of them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from watcher import exception
from watcher.api import errors
from watcher.api.call import Call, Parts
from watcher.api.noun import Noun

COLLECTION, DETAIL, ITEM = "", "detail", "{id}"
# What a body is: none is read, a mandatory JSON document, or an empty object at most.
NO_BODY, DOCUMENT, EMPTY = None, "document", "empty"
# Where schemas of the API's description keep the microversion that something is from.
SINCE_KEY = "x-openstack-since"
Answers = int | Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A declared method: where it is found and what is checked before it runs

    ``rule`` is the policy without the noun; ``listing`` says that list arguments are
    taken; ``argument`` is what the body is called in errors, and tells what it holds: a
    ``patch``, a new row when it is the noun's name, any JSON otherwise.

    What follows is told to clients: ``answers`` is the view of the row that is answered
    (of each row when ``listing``), the JSON schema of something else, or None for no
    body; ``refuses`` the errors beside those that follow from the rest; ``examples``
    bodies that are accepted, by what they do; ``takes`` is the JSON schema of a body that
    is no row and no patch. Below the microversion ``since`` the method
    is refused with the error ``early``.
    """

    method: str
    path: str
    rule: str | None
    run: Callable[..., Any]
    status: int = 200
    body: str | None = NO_BODY
    argument: str = "body"
    listing: bool = False
    answers: Answers = None
    since: int = 0
    early: type[exception.WatcherException] = errors.FeatureNotThere
    refuses: Sequence[int] = ()
    examples: Mapping[str, Any] = field(default_factory=dict)
    takes: Mapping[str, Any] | None = None

    @property
    def about(self) -> str:
        """Return what the method does, as its handler says it"""
        return inspect.getdoc(self.run) or ""


def expose(
    method: str,
    path: str = COLLECTION,
    *,
    rule: str | None,
    status: int = 200,
    body: str | None = NO_BODY,
    argument: str = "body",
    listing: bool = False,
    answers: Answers = None,
    since: int = 0,
    early: type[exception.WatcherException] = errors.FeatureNotThere,
    refuses: Sequence[int] = (),
    examples: Mapping[str, Any] | None = None,
    takes: Mapping[str, Any] | None = None,
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
            answers=answers,
            since=since,
            early=early,
            refuses=refuses,
            examples=examples or {},
            takes=takes,
        )
        return run

    return declare


def _by_method(route: Route) -> int:
    return ("GET", "POST", "PUT", "PATCH", "DELETE").index(route.method)


class Resource:
    """A collection below /v1; subclasses declare its methods with ``expose``

    ``item`` is what the identifier in its paths stands for: the noun, unless said.
    """

    name: str
    noun: Noun
    item: str = ""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.routes: dict[str, dict[str, Route]] = {}
        for attribute in sorted(dir(type(self))):
            route = getattr(getattr(type(self), attribute), "route", None)
            if isinstance(route, Route):
                self.routes.setdefault(route.path, {})[route.method] = route

    @property
    def declared(self) -> list[Route]:
        """Return all methods, in the order of their paths"""
        return [
            route
            for _path, methods in sorted(self.routes.items())
            for route in sorted(methods.values(), key=_by_method)
        ]

    @property
    def json_fields(self) -> frozenset[str]:
        """Return the names of fields whose content is JSON of anybody's making"""
        return self.noun.json_fields if hasattr(self, "noun") else frozenset()

    def has(self, call: Call, ident: str) -> bool:
        """Tell whether a row has just this name; False where rows have none"""
        return False

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
