"""Requests as they are drawn: marks for rows, headers and query strings.

Rows are named by marks such as ``⟦audits.uuid.7⟧``; ``resolve`` puts in what there is at
the moment of sending, so that drawing depends on nothing but the seed.
"""

import json
import re
import urllib.parse

from hypothesis import strategies as st

from tests.functional.api import fuzz_values as values
from tests.functional.api.fuzz_values import weighted
from tests.functional.api.fuzz_wire import ROLES, Request

LISTS = ("goals", "strategies", "audit_templates", "audits", "action_plans", "actions",
         "scoring_engines", "services")  # fmt: skip
_MARK = re.compile("⟦([a-z_]+)[.](uuid|name|id)[.]([0-9]+)⟧")
JSON_TYPE = ("Content-Type", "application/json")


def marks(*tables, keys=("uuid",) * 6 + ("name",) * 3 + ("id",)):
    """Names of rows that there are"""
    return st.builds(
        "⟦{}.{}.{}⟧".format,
        st.sampled_from(tables),
        st.sampled_from(keys),
        st.sampled_from(range(60)),
    )


def filled(value, world):
    """Return ``value`` with every mark in it replaced"""
    if isinstance(value, str):
        return _MARK.sub(lambda m: world.pick(m[1], m[2], int(m[3])), value)
    if isinstance(value, list):
        return [filled(item, world) for item in value]
    if isinstance(value, dict):
        return {filled(k, world): filled(v, world) for k, v in value.items()}
    return value


def quoted(text, safe=""):
    return urllib.parse.quote(text.encode("utf-8", "surrogatepass"), safe)


def resolve(draft, world):
    """Return the request that a drawn draft stands for"""
    path = draft["path"]
    if isinstance(path, list):
        path = "/" + "/".join(quoted(filled(part, world)) for part in path)
    query = draft.get("query", "")
    if isinstance(query, list):
        query = "&".join(
            f"{quoted(name)}={quoted(str(filled(value, world)))}"
            for name, value in query
        )
    body = draft.get("body")
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(filled(body[0], world)).encode()
    return Request(
        draft["method"], path, query, tuple(draft["headers"]), body, draft["role"]
    )


# Headers ----------------------------------------------------------------------------

roles = st.sampled_from((ROLES[0],) * 7 + ROLES[1:] * 2)
_versions = st.one_of(
    st.just("infra-optim latest"),
    st.sampled_from(
        ("infra-optim 1.8", "infra-optim 2.0", "infra-optim 0.9", "infra-optim -1.2",
         "infra-optim 1", "infra-optim 10", "infra-optim 1.2.3", "infra-optim abc",
         "infra-optim 1.a", "infra-optim 1.07", "infra-optim", "INFRA-OPTIM 1.7", "",
         "compute 2.1, infra-optim 1.7", "infra-optim 1.7 x", ",,,", "infra-optim 1.\xb2",
         "infra-optim 1." + "9" * 5000, "infra-optim 1.7,infra-optim 1.0", "1.7"),
    ),
)  # fmt: skip
_accepts = st.sampled_from(
    ("application/json", "application/xml", "text/xml", "text/html", "*/*", "", "a", ";",
     "application/*;q=0.1", "application/json;q=0", "application/xml, application/json",
     "application/json;q=2", "text/xml;q=abc", ",", "*/json", "application/json;;=\xff"),
)  # fmt: skip
_other = st.sampled_from(
    (("X-Show-Deleted", "1"), ("X-Show-Deleted", "True"), ("X-Show-Deleted", "False"),
     ("X-Show-Deleted", "\xe9"), ("Host", "evil.example:1"), ("Host", ""), ("Host", "a b"),
     ("Host", "[::1"), ("X-Forwarded-Host", "x"), ("X-Forwarded-Proto", "gopher"),
     ("X-OpenStack-Request-ID", "req-00000000-0000-0000-0000-000000000000"),
     ("X-OpenStack-Request-ID", "x\xff"), ("Origin", "http://evil.example"),
     ("X-Roles", "\xff"), ("X-Project-Id", "\xff"), ("X-Auth-Token", "x" * 5000),
     ("X-Service-Catalog", "{"), ("Cookie", "a=b; c"), ("Range", "bytes=0-1"),
     ("If-Match", "*"), ("If-None-Match", "*"), ("If-Modified-Since", "yesterday"),
     ("Accept-Language", "de;q=x,\xff"), ("Accept-Encoding", "gzip;q=0,\xff"),
     ("X-HTTP-Method-Override", "DELETE"), ("Content-Encoding", "gzip"),
     ("X-Is-Admin-Project", "false"), ("X-User-Domain-Id", "\x80"),
     ("OpenStack-System-Scope", "all"), ("Transfer-Encoding", "identity")),
)  # fmt: skip
_types = st.sampled_from(
    ("application/json;charset=utf-8", "application/json; charset=utf-16", "text/plain", "",
     "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "a/b/c", "\xff",
     "application/json-patch+json", "APPLICATION/JSON", "application/json;charset=nonsense",
     "application/xml", "multipart/form-data"),
)  # fmt: skip
_lengths = st.sampled_from(
    ("-1", "abc", "0", "1", "", " 2 ", "1e2", "9" * 20, "+3", "\xb2")
)


_nothing = st.none()
_version_header = weighted(
    (8, st.just("infra-optim 1.7")),
    (7, st.sampled_from([f"infra-optim 1.{minor}" for minor in range(8)])),
    (2, _nothing),
    (1, _versions),
)
_type_header = weighted((25, st.just(JSON_TYPE[1])), (1, _types))
_accept_header = weighted((10, _nothing), (1, _accepts))
_other_header = weighted((8, _nothing), (1, _other))
_length_header = weighted((50, _nothing), (1, _lengths))


@st.composite
def headers(draw, body=False):
    """Headers of a request: nearly always a version, seldom something odd"""
    found = []
    if version := draw(_version_header):
        found.append(("OpenStack-API-Version", version))
    if body:
        found.append(("Content-Type", draw(_type_header)))
    if accept := draw(_accept_header):
        found.append(("Accept", accept))
    if more := draw(_other_header):
        found.append(more)
    if body and (length := draw(_length_header)):
        found.append(("Content-Length", length))
    return found


_NO_QUERY = st.just("")


@st.composite
def request(draw, method, path, query=_NO_QUERY, body=None):
    draft = {
        "method": draw(method) if not isinstance(method, str) else method,
        "path": draw(path),
        "query": draw(query),
        "headers": draw(headers(body is not None)),
        "role": draw(roles),
    }
    if body is not None:
        found = draw(body)
        draft["body"] = found if isinstance(found, bytes) else [found]
    return draft


# Queries ----------------------------------------------------------------------------

SORT_KEYS = ("id", "uuid", "created_at", "updated_at", "deleted_at", "name", "state",
             "display_name", "efficacy_specification", "parameters_spec", "goal_id",
             "goal_uuid", "goal_name", "strategy_uuid", "strategy_name", "audit_uuid",
             "scope", "parameters", "global_efficacy", "parents", "action_plan_uuid",
             "goal", "strategy", "audit", "action_plan", "status", "host", "last_seen_up",
             "audit_type", "interval", "force", "auto_trigger", "next_run_time",
             "start_time", "status_message", "input_parameters")  # fmt: skip
_pairs = st.one_of(
    st.tuples(st.just("limit"), st.integers(-2, 40) | values.scalars),
    st.tuples(st.just("marker"), marks(*LISTS) | values.texts),
    st.tuples(st.just("sort_key"), st.sampled_from(SORT_KEYS) | values.texts),
    st.tuples(st.just("sort_dir"), st.sampled_from(("asc", "desc", "ASC", "up", ""))),
    st.tuples(
        st.sampled_from(("goal", "strategy", "audit_uuid", "action_plan_uuid", "name",
                         "audit_template", "state", "data_model_type", "type")),
        marks(*LISTS) | values.texts,
    ),
    st.tuples(values.texts, values.texts),
)  # fmt: skip
_raw_queries = st.sampled_from(
    ("limit=1&limit=2", "&&&", "=", "a", "limit", "%", "limit=%zz", "sort_key=%ff%fe",
     "goal=%00", "goal=%ed%a0%80", "limit=1;marker=2", "sort_key[]=id", "limit=+1",
     "&".join(f"a{n}=1" for n in range(150)), "limit=" + "9" * 5000, "name=" + "x" * 5000,
     "marker=%F0%9F%98%80", "limit=1&%6cimit=1", "goal=\xe9", "audit_uuid=%20"),
)  # fmt: skip
queries = weighted((12, st.lists(_pairs, max_size=3)), (1, _raw_queries))
