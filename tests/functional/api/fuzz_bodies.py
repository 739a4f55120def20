"""Hypothesis strategies for bodies: new templates and audits, JSON patches, raw bytes."""

from hypothesis import strategies as st

from tests.functional.api import fuzz_values as values
from tests.functional.api.fuzz_drafts import marks
from tests.functional.api.fuzz_values import weighted
from watcher.domain import states

_RAW = (
    b"", b" ", b"null", b'""', b"[]", b"{}", b"[[]]", b"[null]", b"1", b"true", b"{", b"[1,",
    b'{"a":1,}', b"{'a':1}", b'{"name":"a","name":"b"}', b"NaN", b"[Infinity]", b"\xff\xfe",
    b"\xef\xbb\xbf{}", '{"name":"x"}'.encode("utf-16"), '{"name":"x"}'.encode("utf-32"),
    b'{"name": "\xe9"}', b"[1e999]", b'{"interval": ' + b"9" * 5000 + b"}",
    b"[" * 60 + b"]" * 60, b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b"\0",
    b"a=b&c=d", b'{"name":"' + b"x" * 1_048_600 + b'"}', b'{"audit_type":"ONESHOT"}' * 2,
    b'[{"op":"add","path":"/name","value":' + b"[" * 5000 + b"]" * 5000 + b"}]",
)  # fmt: skip
# By number: some are too long to be shown whenever a strategy is.
raw_bodies = st.sampled_from(range(len(_RAW))).map(_RAW.__getitem__) | st.binary(
    max_size=40
)


def body(source):
    """Mostly documents of ``source``, also spoilt, also no document at all"""
    spoilt = values.spoilt(source)
    return weighted((12, source), (6, spoilt), (1, raw_bodies))


_goals = marks("goals", keys=("uuid", "name", "name", "id"))
_strategies = marks("strategies", keys=("uuid", "name", "name", "id"))
fitting = st.sampled_from(
    (("goal_tested", "tested"), ("goal_tested", "tested_2"), ("goal_tested", None),
     ("goal_needy", "needy"), ("dummy", "dummy"), ("dummy", None), ("barren", None),
     ("Goal_TESTED", "TESTED")),
)  # fmt: skip


def _optional(required, **optional):
    return st.fixed_dictionaries(required, optional=optional)


_hard_audit = {
    "name": values.names | st.none(),
    "parameters": values.parameters,
    "interval": values.intervals,
    "auto_trigger": st.booleans() | values.scalars,
    "start_time": values.times,
    "end_time": values.times,
    "force": st.booleans() | values.scalars,
    "strategy": _strategies | values.texts | st.none(),
}
_typed = st.sampled_from(states.AUDIT_TYPES)
_plain_audit = st.builds(
    lambda kind, aim, more: {
        "audit_type": kind,
        "goal": aim[0],
        **({"strategy": aim[1]} if aim[1] else {}),
        **({"interval": "3600"} if kind == "CONTINUOUS" else {}),
        **more,
    },
    _typed,
    fitting,
    _optional(
        {},
        name=values.names,
        parameters=values.good_parameters,
        auto_trigger=st.booleans(),
        force=st.booleans(),
    ),
)
_timed_audit = st.builds(
    lambda base, interval, window, count: {
        **base,
        "audit_type": "CONTINUOUS",
        "interval": interval,
        **dict(list(zip(("start_time", "end_time"), window, strict=True))[:count]),
    },
    _plain_audit,
    values.good_intervals,
    values.windows,
    st.sampled_from((1, 2, 2, 2)),
)
_from_template = st.builds(
    lambda base, template: {
        "audit_template_uuid": template,
        **{k: v for k, v in base.items() if k not in ("goal", "strategy")},
    },
    _plain_audit,
    marks("audit_templates", keys=("uuid",) * 9 + ("name",)),
)


def _one_hard(good, hard):
    """Documents that are good but for one field, which has a value of ``hard``"""
    field = st.sampled_from(sorted(hard)).flatmap(
        lambda name: st.tuples(st.just(name), hard[name])
    )
    return st.builds(lambda base, found: {**base, found[0]: found[1]}, good, field)


audits = weighted(
    (3, _plain_audit),
    (4, _timed_audit),
    (2, _from_template),
    (6, _one_hard(st.one_of(_plain_audit, _timed_audit, _from_template), _hard_audit)),
    (1, _optional({"audit_type": _typed, "goal": _goals}, **_hard_audit)),
)
_hard_template = {
    "name": values.names,
    "goal": _goals,
    "strategy": _strategies | st.none(),
    "scope": values.scopes,
    "description": values.texts | st.none(),
    "default_parameters": values.parameters,
}
_plain_template = st.builds(
    lambda aim, more: {"goal": aim[0], "strategy": aim[1], **more},
    fitting,
    _optional(
        {"name": values.names},
        scope=values.good_scopes,
        description=st.text(max_size=20),
        default_parameters=values.good_parameters,
    ),
)
templates = weighted(
    (3, _plain_template),
    (6, _one_hard(_plain_template, _hard_template)),
    (1, st.fixed_dictionaries({}, optional=_hard_template)),
)


# JSON patches -----------------------------------------------------------------------

_OPS = ("replace",) * 6 + ("add",) * 4 + ("remove",) * 3 + (
    "test", "move", "copy", "REPLACE", "", None, 1, ["add"],
)  # fmt: skip
_odd_paths = st.one_of(
    st.sampled_from(
        ("", "/", "//", "name", "/name/", "/-", "/0", "/~0", "/~1", "/a~1b", "/naïve", "/٣",
         "/uuid", "/id", "/created_at", "/links", "/links/0", "/deleted_at/x", "/goal_id",
         "/strategy_id", "/audit_id", "/hostname", "/audit_type", "/type", "/owner",
         "/audit_template_uuid", "/global_efficacy", "/efficacy_indicators", "/goal_uuid",
         "/parents", "/input_parameters/x", "/__class__", "/name/0", "/state/x", "/\n",
         "/name\n", "/" + "a/" * 200 + "a", "/" + "x" * 3000, 1, None, ["/name"], "/%2f"),
    ),
    values.texts.map(lambda text: "/" + text),
)  # fmt: skip
_steps = st.sampled_from(
    ("0", "1", "-", "-1", "00", "01", "1000000000", "9" * 30, "compute", "exclude", "name",
     "nested", "depth", "rows", "word", "free", "host_aggregates", "id", "k", "٣"),
)  # fmt: skip


def _operation(fields):
    """One operation on one of ``fields``, a mapping of names to values"""
    root = st.sampled_from(sorted(fields))

    def of(field):
        path = st.lists(_steps, max_size=3).map(
            lambda more: "/".join(("", field, *more))
        )
        plain = st.just(f"/{field}")
        return st.fixed_dictionaries(
            {
                "op": st.sampled_from(_OPS[:13]),
                "path": st.one_of(plain, plain, plain, path),
                "value": fields[field] | fields[field] | values.anything,
            }
        )

    odd = st.fixed_dictionaries(
        {"op": st.sampled_from(_OPS), "path": _odd_paths},
        optional={"value": values.anything, "from": values.texts, "x": values.scalars},
    )
    return weighted((7, root.flatmap(of)), (1, odd))


def _patch(fields, direct):
    """Up to four operations, many of them likely to be taken"""
    sure = st.sampled_from(direct).map(
        lambda item: {"op": item[0], "path": item[1], "value": item[2]}
    )
    some = _operation(fields)
    return weighted(
        (2, st.lists(sure, min_size=1, max_size=1)),
        (1, st.lists(sure, min_size=2, max_size=3)),
        (4, st.lists(some, min_size=1, max_size=1)),
        (2, st.tuples(sure, some).map(list)),
        (1, st.lists(some, max_size=4)),
    )


def _states(table):
    return st.sampled_from(sorted(table)) | values.scalars | st.just("pending")


audit_patches = _patch(
    {
        "name": values.names,
        "state": _states(states.AUDIT),
        "interval": values.intervals,
        "parameters": values.parameters,
        "scope": values.scopes,
        "start_time": values.times,
        "end_time": values.times,
        "next_run_time": values.times,
        "auto_trigger": st.booleans(),
        "force": st.booleans(),
        "goal": _goals,
        "strategy": _strategies | st.none(),
    },
    [("replace", "/state", state) for state in sorted(states.AUDIT)]
    + [
        ("add", "/interval", "2"),
        ("replace", "/interval", "*/5 * * * *"),
        ("remove", "/end_time", None),
        ("remove", "/scope", None),
        ("add", "/scope/-", {"compute": [{"availability_zones": [{"name": "b"}]}]}),
        ("add", "/scope/0/compute/-", {"host_aggregates": [{"id": 3}]}),
        ("remove", "/scope/0", None),
        ("replace", "/parameters/word", "xyz"),
        ("add", "/parameters/nested", {"rows": [{"k": 1}]}),
        ("remove", "/parameters", None),
        ("replace", "/strategy", "tested_2"),
        ("remove", "/strategy", None),
        ("replace", "/start_time", "2026-02-01T00:00:00+02:00"),
    ],
)
template_patches = _patch(
    {
        "name": values.names,
        "description": values.texts | st.none(),
        "goal": _goals,
        "strategy": _strategies | st.none(),
        "scope": values.scopes,
        "default_parameters": values.parameters,
    },
    [
        ("add", "/description", "said"),
        ("remove", "/description", None),
        ("replace", "/strategy", "tested_2"),
        ("remove", "/strategy", None),
        ("replace", "/scope", [{"availability_zones": [{"name": "x"}]}]),
        ("add", "/scope/-", {"storage": [{"volume_types": [{"name": "v"}]}]}),
        ("remove", "/scope", None),
        ("replace", "/default_parameters", {"count": 3}),
        ("add", "/default_parameters/free", {"a": [1, {"b": None}]}),
        ("remove", "/default_parameters", None),
    ],
)
plan_patches = _patch(
    {"state": _states(states.PLAN)},
    [("replace", "/state", state) for state in sorted(states.PLAN)],
)
action_patches = _patch(
    {"state": _states(states.ACTION), "status_message": values.texts | st.none()},
    [("replace", "/state", "SKIPPED")] * 4
    + [
        ("replace", "/status_message", "because"),
        ("add", "/status_message", "r" * 223),
        ("add", "/status_message", "é" * 224),
    ],
)
PATCHES = {
    "audits": audit_patches,
    "audit_templates": template_patches,
    "action_plans": plan_patches,
    "actions": action_patches,
}
POSTS = {"audits": audits, "audit_templates": templates}

_window = st.fixed_dictionaries(
    {
        "from": st.sampled_from(("22:00", "00:00", "24:00", "7:00", "")),
        "to": st.sampled_from(("05:00", "24:00", "22:00", "25:00")),
    },
    optional={
        "days": st.lists(st.sampled_from(("mon", "sun", "Mon")), max_size=3),
        "timezone": st.sampled_from(("UTC", "Europe/Berlin", "Nowhere", "..", "")),
    },
)
_count = st.sampled_from((1, 7, 0, -1, 10**9, 2.0, True))
EXECUTION = st.fixed_dictionaries(
    {},
    optional={
        "window": _window | st.lists(_window, max_size=2),
        "max_moves": _count,
        "on_failure": st.sampled_from(("stop", "offer", "run", "RUN")),
        "limits": st.fixed_dictionaries(
            {},
            optional={
                "running": _count,
                "types": st.dictionaries(values.texts, _count, max_size=2),
            },
        ),
    },
)
