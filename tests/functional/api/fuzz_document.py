"""Requests drawn by schemathesis from the OpenAPI document that the API serves.

Half of them are as described, half break the description on purpose. Identifiers are
exchanged for those of rows that there are, most of the time.
"""

import urllib.parse

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.functional.api import fuzz_bodies as bodies
from tests.functional.api.fuzz_drafts import JSON_TYPE, LISTS, marks, roles
from tests.functional.api.fuzz_values import weighted

_NOUNS = {
    "goal": "goals", "strategy": "strategies", "audit_template": "audit_templates",
    "audit": "audits", "action_plan": "action_plans", "action": "actions",
    "scoring_engine": "scoring_engines", "service": "services",
}  # fmt: skip
_KEPT = st.none()


def operations(document):
    """Return a strategy of drafts for each operation of an OpenAPI document"""
    schema = schemathesis.openapi.from_dict(document)
    found = [result.ok() for result in schema.get_all_operations()]
    return {f"{op.method.upper()} {op.path}": _drafts(op) for op in found}


def _drafts(operation):
    modes = [
        operation.as_strategy(generation_mode=mode)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    ]
    return st.builds(
        _draft,
        st.one_of(modes),
        weighted((6, marks(*LISTS, keys=("uuid",))), (1, _KEPT)),
        st.sampled_from(range(60)),
        roles,
        bodies.fitting,
    )


def _draft(case, stray, number, role, fitting):
    """Return the draft of a case, its identifiers exchanged for marks of rows"""
    path = [_known(part, stray, number) for part in case.path.split("/")[1:]]
    for name, value in (case.path_parameters or {}).items():
        path = [str(value) if part == f"{{{name}}}" else part for part in path]
    query = urllib.parse.urlencode(case.query or {}, doseq=True, errors="replace")
    draft = {
        "method": case.method.upper(),
        "path": path,
        "query": query,
        "headers": [(name, str(value)) for name, value in (case.headers or {}).items()],
        "role": role,
    }
    body = case.as_transport_kwargs()
    if "json" in body:
        draft["body"] = [_aimed(body["json"], fitting)]
    elif isinstance(body.get("data"), bytes | str):
        data = body["data"]
        draft["body"] = data if isinstance(data, bytes) else data.encode()
    if "body" in draft:
        kind = case.media_type or JSON_TYPE[1]
        draft["headers"].append(("Content-Type", kind))
    return draft


def _known(part, stray, number):
    name = part.strip("{}")
    if stray is None or part == name:
        return part
    if number % 10 == 0 or name not in _NOUNS:
        return stray
    return f"⟦{_NOUNS[name]}.{'id' if name == 'service' else 'uuid'}.{number}⟧"


def _aimed(body, fitting):
    """Let a new template or audit be about goals and strategies that there are"""
    if isinstance(body, dict) and isinstance(body.get("goal"), str):
        goal, strategy = fitting
        body = {**body, "goal": goal}
        if isinstance(body.get("strategy"), str):
            body["strategy"] = strategy
    return body
