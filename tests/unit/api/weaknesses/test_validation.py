"""Weaknesses of the published API that let nonsense in, or fell over it."""

import datetime
import json

import pytest

MISSING = "11111111-1111-4111-8111-111111111111"
TEMPLATE = {"name": "t", "goal": "dummy", "strategy": "dummy"}
ONESHOT = {"audit_type": "ONESHOT", "goal": "dummy"}
CONTINUOUS = {"audit_type": "CONTINUOUS", "goal": "dummy", "interval": "60"}
EVENT = {"audit_type": "EVENT", "goal": "dummy"}
SMILE = "\U0001f600"


@pytest.fixture
def template(client):
    return client.post("/v1/audit_templates", TEMPLATE).json


@pytest.fixture(params=["POST template", "PATCH template", "PATCH audit"])
def scoped(client, request):
    """Return a function that stores a scope, by each way there is"""
    audit = client.post("/v1/audits", {**ONESHOT, "name": "a"}).json
    client.post("/v1/audit_templates", TEMPLATE)

    def store(scope):
        if request.param == "POST template":
            body = {**TEMPLATE, "name": json.dumps(scope)[-60:], "scope": scope}
            return client.post("/v1/audit_templates", body)
        path = "audit_templates/t" if "template" in request.param else audit["uuid"]
        path = path if "/" in path else f"audits/{path}"
        return client.patch(f"/v1/{path}", ("replace", "/scope", scope))

    return store


BAD_SCOPES = [
    ([{"compute": 5}], "/scope/0/compute"),
    ([{"compute": [5]}], "/scope/0/compute/0"),
    ([{"compute": [{"nope": []}]}], "/scope/0/compute/0"),
    ([{"compute": [{"host_aggregates": [{"id": "x"}]}]}], "/scope/0/compute/0/host_"),
    ([{"storage": []}, {"compute": [{"x": 1}]}], "/scope/1/compute/0"),
    ([{"compute": [], "nope": []}], "/scope/0"),
    ([{"baremetal": [{"nope": []}]}], "/scope/0/baremetal/0"),
    ([{"availability_zones": 5}], "/scope/0/availability_zones"),
    ([{"availability_zone": [], "availability_zones": []}], "/scope/0"),
    ([{}], "/scope/0"),
    ([5], "/scope/0"),
    ([[]], "/scope/0"),
    ([None], "/scope/0"),
]


def test_w03_a_wrong_scope_is_refused_with_the_path_to_what_is_wrong(scoped):
    for scope, path in BAD_SCOPES:
        answer = scoped(scope)
        assert answer.status == 400, scope
        begin = "Invalid input for field/attribute scope. Value: "
        assert answer.fault.startswith(begin)
        assert path in answer.fault


def test_w03_a_scope_is_a_list(scoped):
    for scope in (5, "x", True, {"compute": []}):
        answer = scoped(scope)
        assert answer.status == 400 and "scope" in answer.fault


STORAGE = [{"storage": [{"exclude": [{"storage_pools": [{"name": "h@b#p"}]}]}]}]
ALL_KEYS = [
    {
        "compute": [
            {
                "host_aggregates": [{"id": 1}, {"name": "a"}, {}],
                "availability_zones": [{"name": "z"}, {}],
                "exclude": [
                    {
                        "instances": [{"uuid": "u"}],
                        "compute_nodes": [{"name": "n"}],
                        "instance_metadata": [{"any": {"thing": 1}}],
                        "projects": [{"uuid": "p"}],
                    }
                ],
            },
            {},
        ],
        "storage": [
            {
                "availability_zones": [{"name": "z"}],
                "volume_types": [{"name": "t"}],
                "exclude": [
                    {
                        "storage_pools": [{"name": "h@b#p"}],
                        "volumes": [{"uuid": "u"}],
                        "projects": [{"uuid": "p"}],
                    }
                ],
            }
        ],
    },
    {"baremetal": [{"exclude": [{"ironic_nodes": [{"uuid": "u"}]}]}]},
]


def test_w04_any_model_may_come_alone_or_with_others(scoped):
    for scope in (STORAGE, ALL_KEYS):
        answer = scoped(scope)
        assert answer.status in (200, 201), answer.raw
        assert answer.json["scope"] == scope


def test_w04_every_key_is_known_and_every_item_an_object(scoped):
    for scope in (
        [{"storage": [{"exclude": [{"nope": []}]}]}],
        [{"storage": [{"exclude": [{"additionalProperties": False}]}]}],
        [{"compute": [{"host_aggregates": [5]}]}],
        [{"compute": [{"host_aggregates": ["x"]}]}],
        [{"compute": [{"host_aggregates": [{"id": 1, "name": "a"}]}]}],
        [{"compute": [{"host_aggregates": [{"id": "*"}, {"id": 2}]}]}],
    ):
        assert scoped(scope).status == 400, scope


INCLUDE = {"host_aggregates": [{"id": 1}]}
EXCLUDE = {"exclude": [{"host_aggregates": [{"id": 2}]}]}


def test_w04_aggregates_included_and_excluded_are_seen_wherever_they_are(scoped):
    for scope in (
        [{"compute": [{**INCLUDE, **EXCLUDE}]}],
        [{"compute": [EXCLUDE, INCLUDE]}],
        [{"storage": []}, {"compute": [INCLUDE]}, {"compute": [EXCLUDE]}],
        [INCLUDE, {"exclude": [{"projects": []}, *EXCLUDE["exclude"]]}],
        [{"host_aggregate": [{"id": 1}]}, EXCLUDE],
    ):
        answer = scoped(scope)
        assert answer.status == 400, scope
        assert "host_aggregates can't be included and excluded together" in answer.fault


def test_w05_every_way_makes_the_same_of_a_scope(scoped):
    for scope, stored in (
        ([INCLUDE], [{"compute": [INCLUDE]}]),
        ([{"host_aggregate": [{"id": 1}]}], [{"compute": [INCLUDE]}]),
        (
            [
                {"availability_zone": [{"name": "z"}]},
                {"exclude": [{"instance": [{"uuid": "u"}]}]},
            ],
            [
                {
                    "compute": [
                        {"availability_zones": [{"name": "z"}]},
                        {"exclude": [{"instances": [{"uuid": "u"}]}]},
                    ]
                }
            ],
        ),
        ({}, []),
        (None, []),
    ):
        answer = scoped(scope)
        assert answer.status in (200, 201), answer.raw
        assert answer.json["scope"] == stored


def test_w05_a_changed_template_fits_together(client, template):
    path = "/v1/audit_templates/t"
    for operations in (
        [("replace", "/goal", "saving_energy")],
        [("replace", "/strategy", "plain")],
        [("replace", "/goal", None)],
        [("replace", "/goal", "")],
        [("remove", "/goal")],
        [("add", "/scope/-", {"nope": 1})],
    ):
        assert client.patch(path, *operations).status == 400, operations
    both = [("replace", "/goal", "saving_energy"), ("replace", "/strategy", "plain")]
    moved = client.patch(path, *both).json
    assert (moved["goal_name"], moved["strategy_name"]) == ("saving_energy", "plain")


def test_w06_patches_change_what_they_may_and_nothing_else(client, audit):
    path = f"/v1/audits/{audit['uuid']}"
    for name in (
        *("audit_type", "hostname", "goal_id", "strategy_id", "goal_uuid", "owner"),
        *("audit_template_uuid", "type", "deleted", "triggered_at", "nope"),
    ):
        for op in ("add", "replace", "remove"):
            answer = client.patch(path, (op, f"/{name}", "EVENT"))
            assert answer.status == 400 and f"/{name}" in answer.fault
    plan = f"/v1/action_plans/{client.plan(audit['uuid'])}"
    for name in ("global_efficacy", "hostname", "audit_id", "strategy_id"):
        operations = [("replace", "/state", "PENDING"), ("replace", f"/{name}", 1)]
        assert client.patch(plan, *operations).status == 400
    assert client.get(plan).json["state"] == "RECOMMENDED"
    assert client.get(path).json == audit


def test_w06_goal_and_strategy_take_effect(client):
    path = "/v1/audits/" + client.post("/v1/audits", ONESHOT).json["uuid"]
    both = [("replace", "/goal", "SAVING_energy"), ("add", "/strategy", "plain")]
    moved = client.patch(path, *both).json
    assert (moved["goal_name"], moved["strategy_name"]) == ("saving_energy", "plain")
    cleared = client.patch(path, ("remove", "/strategy")).json
    assert cleared["strategy_uuid"] is None
    uuid = client.get("/v1/goals/dummy").json["uuid"]
    assert client.patch(path, ("replace", "/goal", uuid)).json["goal_name"] == "dummy"
    for operation in (
        ("replace", "/goal", None),
        ("remove", "/goal"),
        ("replace", "/strategy", "plain"),
        ("replace", "/strategy", MISSING),
        ("replace", "/strategy", 5),
    ):
        assert client.patch(path, operation).status == 400, operation


def test_w06_every_way_to_change_the_state_obeys_the_table(client, audit):
    path = f"/v1/audits/{audit['uuid']}"
    for operations in (
        [("add", "/state", "SUCCEEDED")],
        [("add", "/state", "whatever")],
        [("replace", "/state", "CANCELLED"), ("replace", "/state", "SUCCEEDED")],
        [("replace", "/state", "CANCELLED"), ("add", "/state", "PENDING")],
        [("remove", "/state")],
        [("replace", "/state", None)],
    ):
        answer = client.patch(path, *operations)
        assert answer.status == 400
        assert "State transition not allowed: (PENDING -> " in answer.fault
    assert client.patch(path, ("add", "/state", "CANCELLED")).status == 200


def test_w06_times_may_be_set_and_cleared_in_any_way_and_order(client):
    path = "/v1/audits/" + client.post("/v1/audits", CONTINUOUS).json["uuid"]

    def times(*operations, **more):
        answer = client.patch(path, *operations, **more)
        assert answer.status == 200, answer.raw
        return answer.json["start_time"], answer.json["end_time"]

    start, end = "2026-03-01T02:00:00+02:00", "2027-03-01 00:00Z"
    both = ("2026-03-01T00:00:00", "2027-03-01T00:00:00")
    name = ("replace", "/name", "b")
    set_both = [name, ("replace", "/start_time", start), ("add", "/end_time", end)]
    assert times(*set_both) == both
    assert times(("replace", "/start_time", None)) == (None, both[1])
    assert times(("remove", "/end_time"), name) == (None, None)
    assert times(*reversed(set_both)) == both
    for operations in (
        [("replace", "/end_time", "2026-02-01")],
        [("replace", "/start_time", "2028-02-01")],
        [("replace", "/start_time", "x")],
        [("replace", "/end_time", 5)],
    ):
        assert client.patch(path, *operations).status == 400
    for op in ("add", "replace", "remove"):
        early = client.patch(path, (op, "/end_time", end), version="1.0")
        assert early.status == 406 and early.fault == "Request not acceptable."
    assert client.get(path).json["end_time"] == both[1]


def test_w06_results_are_judged_like_new_audits(client, audit):
    path = f"/v1/audits/{audit['uuid']}"
    running = "/v1/audits/" + client.post("/v1/audits", CONTINUOUS).json["uuid"]
    for operation in (
        ("remove", "/interval"),
        ("replace", "/interval", None),
        ("replace", "/interval", "0"),
        ("replace", "/interval", "0 0 30 2 *"),
        ("replace", "/interval", "x" * 40),
        ("replace", "/name", ""),
        ("replace", "/auto_trigger", None),
        ("replace", "/auto_trigger", "maybe"),
        ("replace", "/parameters", {"x": 1}),
    ):
        assert client.patch(running, operation).status == 400, operation
    # Defaults are filled in as they are by POST.
    filled = client.patch(path, ("replace", "/parameters", {"para1": 4})).json
    assert filled["parameters"] == {"para1": 4, "para2": "hello"}


def test_w06_the_interval_of_any_audit_may_be_changed_as_published(client, audit):
    path = f"/v1/audits/{audit['uuid']}"
    client.patch(path, ("replace", "/state", "CANCELLED"))
    assert client.patch(path, ("add", "/interval", "2")).json["interval"] == "2"


@pytest.mark.parametrize("name", [None, "", "given"])
@pytest.mark.parametrize("kind", [ONESHOT, CONTINUOUS, EVENT], ids=str)
def test_w07_goal_and_strategy_of_new_audits_exist_and_fit(client, bus, kind, name):
    for changed, status in (
        ({"goal": "nope"}, 404),
        ({"goal": MISSING}, 404),
        ({"strategy": "nope"}, 404),
        ({"strategy": MISSING}, 404),
        ({"strategy": "plain"}, 400),
        ({"goal": "saving_energy", "strategy": "dummy"}, 400),
    ):
        answer = client.post("/v1/audits", {**kind, "name": name, **changed})
        assert answer.status == status, changed
        assert b"SELECT" not in answer.raw
    assert client.get("/v1/audits").json == {"audits": []} and bus.audits == []


INTERVALS = [
    *("0", "-1", "+0", "00", "", " ", "x", "1.5", "1e3", "60s", "@never", "\u0663"),
    *("* * * *", "* * * * * * * *", "60 * * * *", "*/0 * * * *", "5-a * * * *"),
    *("0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 1 1 * 0 1999", "9" * 36, "1" * 37),
    *("0 0 * * MON#6", "0 0 L * *" * 9, "? ? ? ? ?" * 4),
    *(0, -5, 1.5, True, False, [], {}, 2**40),
]


def test_w08_senseless_intervals(client):
    audit = client.post("/v1/audits", CONTINUOUS).json
    path = f"/v1/audits/{audit['uuid']}"
    for interval in INTERVALS:
        created = client.post("/v1/audits", {**CONTINUOUS, "interval": interval})
        assert created.status == 400 and "interval" in created.fault, interval
        changed = client.patch(path, ("replace", "/interval", interval))
        assert changed.status == 400 and "interval" in changed.fault, interval
    assert client.get(path).json == audit


def test_w08_integers_and_signs_are_seconds(client):
    for interval, stored in ((60, "60"), ("60", "60"), ("+60", "+60"), ("07", "07")):
        made = client.post("/v1/audits", {**CONTINUOUS, "interval": interval}).json
        assert made["interval"] == stored


def test_w08_a_window_is_one(client):
    begin = {"start_time": "2026-03-02T00:00:00Z"}
    for end in (
        "2026-03-01T00:00:00Z",
        "2026-03-02T00:00:00Z",
        "2026-03-02 01:00+02:00",
    ):
        for kind in (CONTINUOUS, EVENT):
            answer = client.post("/v1/audits", {**kind, **begin, "end_time": end})
            assert answer.status == 400 and "end_time" in answer.fault


def test_w08_nothing_is_taken_that_has_no_effect(client):
    refused = client.post("/v1/audits", {**EVENT, "interval": "60"})
    assert refused.status == 400 and "EVENT" in refused.fault
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    ago = soon - datetime.timedelta(days=2)
    for times, words in (
        ({"start_time": soon.isoformat()}, "before"),
        ({"end_time": ago.isoformat()}, "after"),
    ):
        made = client.post("/v1/audits", {**EVENT, **times}).json
        answer = client.post(f"/v1/webhooks/{made['uuid']}", {})
        assert answer.status == 400 and f"must not run {words}" in answer.fault
    made = client.post("/v1/audits", {**EVENT, "end_time": soon.isoformat()}).json
    assert client.post(f"/v1/webhooks/{made['uuid']}", {}).status == 202


def test_w08_null_parameters_are_none(client):
    body = {**ONESHOT, "strategy": "dummy", "parameters": None}
    made = client.post("/v1/audits", body).json
    assert made["parameters"] == {"para1": 3.2, "para2": "hello"}


def test_w09_a_taken_name_is_a_conflict(client, audit, template):
    for noun, body, name in (
        ("audits", ONESHOT, "a"),
        ("audit_templates", TEMPLATE, "t"),
    ):
        other = client.post(f"/v1/{noun}", {**body, "name": "other"}).json
        for spelling in (name, name.upper(), f"{name} "):
            for answer in (
                client.post(f"/v1/{noun}", {**body, "name": spelling}),
                client.patch(
                    f"/v1/{noun}/{other['uuid']}", ("replace", "/name", spelling)
                ),
            ):
                assert answer.status == 409
                assert answer.fault.startswith(f"An {noun[:-1]} with UUID or name ")
                assert answer.fault.endswith(" already exists")
        assert client.get(f"/v1/{noun}/other").json == other


ODD = [None, True, -1, 1.5, "", [], {}, [{"x": []}]]


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_w10_odd_values_are_refused_and_never_a_crash(client, audit, template, value):
    client.strict = False  # hundreds of answers, and not their shape is asked for
    plan = client.plan(audit["uuid"])
    action = client.get("/v1/actions").json["actions"][0]["uuid"]
    paths = {
        "audits": audit["uuid"],
        "audit_templates": template["uuid"],
        "action_plans": plan,
        "actions": action,
    }
    for noun, uuid in paths.items():
        path = f"/v1/{noun}/{uuid}"
        answer = client.send("PATCH", path, raw=json.dumps(value).encode())
        # An empty list is a patch that changes nothing; of plans it must change a state.
        assert answer.status == (200 if value == [] and "plan" not in noun else 400)
        assert client.send("PATCH", path, [value]).status == 400
        shown = client.get(path).json
        for field in (*shown, "goal", "strategy", "interval"):
            for op in ("add", "replace", "remove"):
                answer = client.patch(path, (op, f"/{field}", value))
                assert answer.status in (200, 400, 409), (path, op, field, value)
    for noun, body in (("audits", ONESHOT), ("audit_templates", TEMPLATE)):
        assert client.send("POST", f"/v1/{noun}", value).status == 400
        for field in (
            *client.get(f"/v1/{noun}/{paths[noun]}").json,
            "goal",
            "strategy",
        ):
            answer = client.post(f"/v1/{noun}", {**body, field: value})
            assert answer.status in (201, 400, 404, 409), (noun, field, value)
    raw = json.dumps(value).encode()
    start = client.send("POST", f"/v1/action_plans/{plan}/start", raw=raw)
    assert start.status in ((200, 400) if value == {} else (400,))
    for noun in paths:
        assert client.get(f"/v1/{noun}/detail").status == 200


def test_w10_nulls_of_mandatory_fields_and_removals(client, audit, template):
    assert client.post("/v1/audit_templates", {**TEMPLATE, "name": None}).status == 400
    assert client.post("/v1/audits", {**ONESHOT, "auto_trigger": None}).status == 400
    path = f"/v1/audits/{audit['uuid']}"
    assert client.patch(path, ("replace", "/auto_trigger", None)).status == 400
    client.patch(path, ("replace", "/auto_trigger", True))
    assert client.patch(path, ("remove", "/auto_trigger")).json["auto_trigger"] is False
    assert (
        client.post("/v1/audit_templates", {**TEMPLATE, "strategy": ""}).status == 400
    )
    plan = client.plan(audit["uuid"])
    started = client.post(f"/v1/action_plans/{plan}/start", {"extra": 1})
    assert started.status == 400 and "extra" in started.fault


@pytest.mark.parametrize("letter", ["x", "\u00e4", "\u4e2d", SMILE], ids=ascii)
def test_w29_texts_have_a_limit_in_characters_that_is_told(client, audit, letter):
    for longest, field, more in ((63, "name", {}), (255, "description", {"name": "u"})):
        body = {**TEMPLATE, **more}
        fits = client.post("/v1/audit_templates", {**body, field: letter * longest})
        assert fits.status == 201 and fits.json[field] == letter * longest
        over = client.post(
            "/v1/audit_templates",
            {**body, "name": "v", field: letter * (longest + 1)},
        )
        assert over.status == 400 and str(longest) in over.fault
        path = f"/v1/audit_templates/{fits.json['uuid']}"
        patch = ("replace", f"/{field}", letter * (longest + 1))
        changed = client.patch(path, patch)
        assert changed.status == 400 and str(longest) in changed.fault
    cut = client.post("/v1/audits", {**ONESHOT, "name": letter * 70}).json
    assert cut["name"] == letter * 63
    client.plan(audit["uuid"])
    action = f"/v1/actions/{client.get('/v1/actions').json['actions'][0]['uuid']}"
    skip, reason = ("replace", "/state", "SKIPPED"), "Action skipped by user. Reason: "
    longest = 255 - len(reason)
    over = client.patch(action, skip, ("add", "/status_message", letter * 224))
    assert over.status == 400 and str(longest) in over.fault
    fits = client.patch(action, skip, ("add", "/status_message", letter * longest))
    assert fits.json["status_message"] == reason + letter * longest


def test_w36_defaults_are_gated_wherever_they_are_touched(client):
    body = {**TEMPLATE, "default_parameters": {"para1": 2}}
    client.post("/v1/audit_templates", body)
    path = "/v1/audit_templates/t"
    for operation in (
        ("replace", "/default_parameters", {}),
        ("replace", "/default_parameters/para1", 3),
        ("add", "/default_parameters/para2", "x"),
        ("remove", "/default_parameters/para1"),
        ("remove", "/default_parameters"),
    ):
        assert client.patch(path, operation, version="1.6").status == 406
    # Nor does a part of them pass for new ones when the strategy changes.
    moved = [("remove", "/strategy"), ("remove", "/default_parameters/para1")]
    for version in ("1.0", "1.6", "1.7"):
        refused = client.patch(path, moved[0], version=version)
        assert refused.status == 409
    assert client.patch(path, *moved).status == 409
    stored = client.get(path).json
    assert stored["default_parameters"] == {"para1": 2}
