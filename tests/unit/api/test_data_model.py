"""The data model: what the decision engine says, cut to what each version shows."""

import pytest

from watcher import exception
from watcher.broker import NoAnswer

MISSING = "11111111-1111-4111-8111-111111111111"
NODE = {
    *("node_uuid", "node_hostname", "node_status", "node_disabled_reason"),
    *("node_state", "node_memory", "node_memory_mb_reserved", "node_memory_ratio"),
    *("node_disk", "node_disk_gb_reserved", "node_disk_ratio"),
    *("node_vcpus", "node_vcpu_reserved", "node_vcpu_ratio"),
}
SERVER = {
    *("server_uuid", "server_name", "server_state", "server_watcher_exclude"),
    *("server_locked", "server_memory", "server_disk", "server_vcpus"),
    *("server_metadata", "server_project_id"),
}
LATER = {"server_pinned_az", "server_flavor_extra_specs"}
OBJECTS = ("server_metadata", "server_flavor_extra_specs")


def value(key):
    if key in OBJECTS:
        return {"a": "b"}
    if key in ("server_locked", "server_watcher_exclude"):
        return False
    words = ("memory", "disk", "vcpu", "ratio")
    return 4 if any(word in key for word in words) else "x"


@pytest.fixture
def told(bus):
    """Let the decision engine say something; it hears what it is asked"""
    asked = []

    def tell(answer):
        def get_data_model_info(ctx, kind, audit):
            asked.append((kind, audit))
            if isinstance(answer, Exception):
                raise answer
            return answer

        bus.get_data_model_info = get_data_model_info
        return asked

    return tell


def test_rows_have_the_keys_of_their_version(client, told):
    full = {key: value(key) for key in (*NODE, *SERVER, *LATER)}
    empty = {key: value(key) for key in NODE}
    told({"context": [{**full, "server_secret": 1}, {**empty, "node_secret": 1}]})
    for minor in range(3, 8):
        first, second = client.get("/v1/data_model", version=f"1.{minor}").json[
            "context"
        ]
        assert set(first) == NODE | SERVER | (LATER if minor >= 6 else set())
        assert first.items() <= full.items()
        # Nodes without servers have no key of one, not even an empty one.
        assert second == empty
    told({"context": []})
    assert client.get("/v1/data_model/").json == {"context": []}


def test_the_decision_engine_is_asked_for_the_scope_of_an_audit(client, told):
    asked = told({"context": []})
    client.get("/v1/data_model/?data_model_type=compute")
    client.get(f"/v1/data_model?audit_uuid={MISSING}")
    assert asked == [("compute", None), ("compute", MISSING)]


@pytest.mark.parametrize(
    "query, status",
    [
        ("data_model_type=storage", 404),
        ("data_model_type=baremetal", 404),
        ("data_model_type=", 404),
        ("data_model_type=Compute", 404),
        ("audit_uuid=x", 400),
        ("audit_uuid=", 400),
        ("type=compute", 400),
        (f"audit={MISSING}", 400),
        ("limit=1", 400),
    ],
)
def test_senseless_questions_do_not_reach_it(client, told, query, status):
    asked = told({"context": []})
    assert client.get(f"/v1/data_model?{query}").status == status
    assert asked == []


def test_it_appeared_with_1_3(client, told):
    asked = told({"context": []})
    for version in ("1.0", "1.2"):
        answer = client.get("/v1/data_model?data_model_type=nope", version=version)
        assert answer.status == 406 and answer.fault == "Request not acceptable."
        assert answer.headers["OpenStack-API-Maximum-Version"] == "1.7"
    assert asked == []


@pytest.mark.parametrize(
    "error, status, words",
    [
        (exception.AuditNotFound(audit=MISSING), 400, "audit_uuid"),
        (NoAnswer(reason="10.0.0.1"), 500, "answered in time"),
        (exception.NotReady(reason="not read yet"), 503, "not read yet"),
        (exception.ClusterStateNotDefined("x 10.0.0.1"), 500, "the log has"),
        (exception.WatcherException("x 10.0.0.1"), 500, "the log has"),
    ],
    ids=range(5),
)
def test_trouble_of_the_decision_engine(client, told, error, status, words):
    told(error)
    answer = client.get(f"/v1/data_model?audit_uuid={MISSING}")
    assert answer.status == status and words in answer.fault
    assert b"10.0.0.1" not in answer.raw
