"""Every route of the API, and hypothesis strategies for requests to each."""

import urllib.parse

from hypothesis import strategies as st

from tests.functional.api import fuzz_bodies as bodies
from tests.functional.api import fuzz_values as values
from tests.functional.api.fuzz_drafts import (
    JSON_TYPE,
    LISTS,
    marks,
    queries,
    request,
)
from tests.functional.api.fuzz_values import weighted
from tests.functional.api.fuzz_wire import ROLES, Request
from watcher.api import app

METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "TRACE", "BREW")
ODD_METHODS = ("PUT", "OPTIONS", "TRACE", "BREW", "get", "CONNECT", "PROPFIND", "HEAD")
# What anybody may ask for.
_NOUNS = {resource.name for resource in app.RESOURCES}
OPEN = ("/", "/v1", "/v1/", "/healthcheck", "/readyz", "/v1/openapi.json")


def declared():
    """Method and path of every route that the application declares"""
    found = set()
    for resource in app.RESOURCES:
        for attribute in dir(resource):
            route = getattr(getattr(resource, attribute), "route", None)
            if route is not None:
                path = f"/v1/{resource.name}/{route.path}".rstrip("/")
                found.add((route.method, path))
    return found


def template(path):
    """The declared form of a request's path, or what it is like"""
    if path in OPEN:
        return path
    try:
        _empty, *parts = [
            urllib.parse.unquote(part, errors="strict") for part in path.split("/")
        ]
    except UnicodeError:
        return "elsewhere"
    if parts[:1] == ["v1"]:
        parts = parts[1:]
    if parts and not parts[-1]:
        parts = parts[:-1]
    if "" in parts or not parts or parts[0] not in _NOUNS:
        return "elsewhere"
    if len(parts) > 1 and parts[1:] != ["detail"]:
        parts[1] = "{id}"
    return "/v1/" + "/".join(parts)


def sweep(world):
    """Every route with every method, role and microversion, once each"""
    paths = [path for path in OPEN if path != "/v1/"]
    for resource in app.RESOURCES:
        subs = {""} | {path for _m, path in declared() if f"/{resource.name}/" in path}
        for sub in sorted(subs):
            path = sub or f"/v1/{resource.name}"
            rows = world.rows.get(resource.name) or world.rows["audits"]
            row = rows[-1]
            paths.append(path.replace("{id}", str(row.get("uuid") or row["id"])))
    for path in paths:
        for method in METHODS:
            for role in ROLES:
                for minor in range(8):
                    body = None
                    if method in ("POST", "PATCH", "PUT"):
                        body = (b"{}", b"[]", b"null")[minor % 3]
                    version = ("OpenStack-API-Version", f"infra-optim 1.{minor}")
                    yield Request(method, path, "", (version, JSON_TYPE), body, role)


# Paths ------------------------------------------------------------------------------

_strange = st.one_of(
    values.texts,
    st.sampled_from(
        ("999999999999", "2147483647", "2147483648", "0", "-1", "007", "٣", "²", "x" * 3000,
         "00000000-0000-0000-0000-000000000000", "a" * 32, "{" + "a" * 32 + "}",
         "urn:uuid:00000000-0000-0000-0000-000000000000", "A" * 8 + "-0000-0000-0000-" + "A" * 12),
    ),
)  # fmt: skip


def _ident(name):
    known = marks(name if name in LISTS else "audits")
    if name in ("action_plans", "actions"):
        known = marks(name, keys=("uuid",))
    return weighted((8, known), (1, _strange | marks(*LISTS)))


def _path(*parts):
    """A path below /v1, now and then in one of its other spellings"""

    def spelt(found):
        *segments, style = found
        if style == 0:
            return segments
        if style == 1:
            return ["v1", *segments, ""]
        return ["v1", *segments]

    sources = [st.just(part) if isinstance(part, str) else part for part in parts]
    style = st.sampled_from((0, 1, *(2,) * 20))
    return st.tuples(*sources, style).map(spelt)


_wild = st.one_of(
    st.lists(st.sampled_from((*LISTS, "v1", "detail", "state", "start", "webhooks", "",
                              "data_model", "explanation", "progress", "history", "v2",
                              ".."))
             | values.texts, max_size=5),
    st.sampled_from(
        ("//v1/goals", "/v1//goals", "/v1/goals//dummy", "/v1/%", "/v1/%zz", "/v1/goals/%ff",
         "/v1/goals/%00", "/v1/goals/%ed%a0%80", "/v1/goals/a%2fb", "/v1/goals/%2e%2e",
         "/v1/./goals", "/v1/../v1/goals", "/v1/goals.json", "/v1/goals.xml", "/v1.json",
         "/v1/goals/dummy.xml", "/v1/goals/dummy.txt", "/v1/audits/a.json.json", "/.json",
         "/v1/goals/%0d%0aX-A:%20b", "/v1/goals/\xff", "/v1/goals/" + "x" * 7000, "/V1/goals",
         "/v1/goals;a=b", "/v1/goals/dummy;v=1", "/v1/goals/.json", "/v1/goals/%20",
         "/healthcheck/", "/readyz", "/v1/openapi.json", "/openapi.json", "/v1/openapi",
         "/v1/openapi.json/x", "/favicon.ico", "*", "/v1/audits/detail/x", "/v1/audits/detail/",
         "/v1/strategies/dummy/state/", "/v1/services/1/", "/v1/extensions"),
    ),
)  # fmt: skip


# Requests ---------------------------------------------------------------------------

_empty_bodies = st.sampled_from((b"", b"{}", b"[]", b"null", b"{")) | bodies.raw_bodies
lists = st.sampled_from(LISTS).flatmap(
    lambda name: request("GET", _path(name) | _path(name, "detail"), queries)
)
shows = st.sampled_from(LISTS).flatmap(
    lambda name: request(
        st.sampled_from(("GET", "GET", "GET", "HEAD")),
        _path(name, _ident(name)),
        st.just("") | queries,
    )
)
posts = st.sampled_from(sorted(bodies.POSTS)).flatmap(
    lambda name: request("POST", _path(name), body=bodies.body(bodies.POSTS[name]))
)
patches = st.sampled_from(sorted(bodies.PATCHES)).flatmap(
    lambda name: request(
        "PATCH", _path(name, _ident(name)), body=bodies.body(bodies.PATCHES[name])
    )
)
deletes = st.sampled_from(("audits", "audit_templates", "action_plans")).flatmap(
    lambda name: request("DELETE", _path(name, _ident(name)))
)
starts = request(
    "POST",
    _path(
        "action_plans",
        _ident("action_plans"),
        st.sampled_from(("start", "rollback", "pause", "resume")),
    ),
    body=_empty_bodies,
)
executions = st.sampled_from(("audits", "audit_templates", "action_plans")).flatmap(
    lambda name: request(
        st.sampled_from(("PUT", "PUT", "GET", "DELETE")),
        _path(name, _ident(name), "execution"),
        body=bodies.body(bodies.EXECUTION),
    )
)
webhooks = request(
    "POST", _path("webhooks", _ident("audits")), body=bodies.body(values.documents)
)
beside = st.one_of(
    request("GET", _path("strategies", _ident("strategies"), "state")),
    request("GET", _path("action_plans", _ident("action_plans"), "explanation")),
    request("GET", _path("action_plans", _ident("action_plans"), "efficacy")),
    request("GET", _path("audits", _ident("audits"), "explanation")),
    request(
        "GET",
        _path(
            "action_plans",
            _ident("action_plans"),
            st.sampled_from(("progress", "history")),
        ),
        st.just([("actions", "all")]) | st.just("") | queries,
    ),
    request(
        "GET",
        _path("data_model"),
        st.just([("data_model_type", "compute")]) | queries,
    ),
    request("GET", st.sampled_from(OPEN), st.just("") | queries),
)
strays = st.one_of(
    request(st.sampled_from(("GET", "POST", "PATCH", "DELETE")), _wild, queries),
    request(
        st.sampled_from(ODD_METHODS),
        _wild | st.sampled_from(LISTS).flatmap(lambda name: _path(name, _ident(name))),
        body=bodies.raw_bodies,
    ),
)


def _one_of(*sources):
    return st.sampled_from(sources).flatmap(lambda source: source)


every = _one_of(
    lists,
    shows,
    *(posts,) * 4,
    *(patches,) * 5,
    deletes,
    starts,
    executions,
    webhooks,
    beside,
    strays,
)
changes = _one_of(posts, *(patches,) * 4, deletes, starts, webhooks)
