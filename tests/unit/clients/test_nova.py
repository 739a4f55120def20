import datetime
import json

import pytest

from watcher import exception
from watcher.clients.nova import Nova

NOW = datetime.datetime(2026, 3, 1, 12, 0)


@pytest.fixture
def newest():
    return "2.96"


@pytest.fixture
def nova(web, service, version_document, newest):
    web.on("GET", "/v2.1", (200, version_document(newest)))
    web.on("GET", "/v2.1/", (200, version_document(newest)))
    return Nova(service, now=lambda: NOW)


def asked(web, path):
    return [
        (query, request.headers.get("OpenStack-API-Version"))
        for request, query, _timeout in web.requests
        if request.url.split("?")[0].endswith(path)
    ]


def server(number, **more):
    return {
        "id": f"s{number}",
        "name": f"vm-{number}",
        "status": "ACTIVE",
        "OS-EXT-STS:vm_state": "active",
        "flavor": {"vcpus": 1, "ram": 512, "disk": 1, "swap": "", "extra_specs": {}},
        **more,
    }


def paged(servers, size, gone=()):
    """Answer like Nova: pages by marker, 400 for a marker that is no more"""

    def answer(query):
        start = 0
        if marker := query.get("marker"):
            if marker in gone:
                return 400, {"badRequest": {"message": f"marker [{marker}] not found"}}
            start = [row["id"] for row in servers].index(marker) + 1
        page = servers[start : start + size]
        body = {"servers": page}
        if len(page) == size:
            body["servers_links"] = [{"rel": "next", "href": "..."}]
        return 200, body

    return answer


def test_pages_are_read_to_the_end(web, nova):
    web.on("GET", "/v2.1/servers/detail", paged([server(n) for n in range(7)], 3))
    assert [s.uuid for s in nova.servers()] == [f"s{n}" for n in range(7)]
    calls = asked(web, "/servers/detail")
    assert len(calls) == 3
    assert {version for _query, version in calls} == {"compute 2.96"}
    assert all(query["all_tenants"] == "true" for query, _version in calls)


def test_the_last_server_of_a_page_may_vanish(web, nova):
    rows = [server(n) for n in range(7)]
    web.on("GET", "/v2.1/servers/detail", paged(rows, 3, gone={"s2"}))
    assert [s.uuid for s in nova.servers()] == [f"s{n}" for n in range(7)]


def test_another_refusal_is_not_taken_for_a_vanished_marker(web, nova):
    refusal = {"forbidden": {"message": "Policy doesn't allow"}}
    web.on("GET", "/v2.1/servers/detail", (403, refusal))
    with pytest.raises(exception.NovaClientError, match="Policy") as caught:
        nova.servers()
    assert caught.value.http_status == 403


def test_a_cell_that_is_down_gives_servers_without_a_host(web, nova):
    half = {"id": "s1", "status": "UNKNOWN", "created": "2026-02-01T00:00:00Z"}
    web.on("GET", "/v2.1/servers/detail", paged([half], 1000))
    (found,) = nova.servers()
    assert (found.status, found.host, found.flavor) == ("UNKNOWN", None, None)


def test_changes_since_is_asked_in_utc(web, nova):
    row = server(1, status="DELETED")
    web.on("GET", "/v2.1/servers/detail", paged([row], 1000))
    (found,) = nova.servers(changes_since=NOW)
    assert found.deleted
    ((query, _version),) = asked(web, "/servers/detail")
    assert query["changes-since"] == "2026-03-01T12:00:00Z"


def test_hypervisors_are_read_in_the_version_that_has_totals(web, nova):
    node = {
        "id": "u1",
        "hypervisor_hostname": "node-1.example",
        "hypervisor_type": "QEMU",
        "state": "down",
        "status": "disabled",
        "service": {"id": "v1", "host": "node-1", "disabled_reason": "why"},
        "vcpus": 8,
        "memory_mb": 100,
        "local_gb": 10,
    }
    metal = {**node, "id": "u2", "hypervisor_type": "ironic"}
    web.on("GET", "/v2.1/os-hypervisors/detail", (200, {"hypervisors": [node, metal]}))
    (found,) = nova.hypervisors()
    assert (found.uuid, found.hostname, found.name) == (
        "u1",
        "node-1",
        "node-1.example",
    )
    assert (found.state, found.status, found.disabled_reason) == (
        "down",
        "disabled",
        "why",
    )
    assert (found.vcpus, found.memory_mb, found.disk_gb) == (8, 100, 10)
    assert asked(web, "/detail")[0][1] == "compute 2.53"


def groups(ids):
    return {
        "server_groups": [{"id": i, "policy": "affinity", "members": []} for i in ids]
    }


def group_pages(*states):
    """Answer from one list of groups per request, pages of three"""
    states = list(states)

    def answer(query):
        ids = states.pop(0) if len(states) > 1 else states[0]
        start = int(query["offset"])
        return 200, groups(ids[start : start + 3])

    return answer


def test_a_group_deleted_between_two_pages_hides_no_other(web, nova):
    before, after = list("abcdefg"), list("acdefg")
    web.on("GET", "/v2.1/os-server-groups", group_pages(before, after))
    # Plain paging by offset would have missed "d".
    assert [g.id for g in nova.server_groups()] == after


def test_in_flight_migrations_are_complete_though_one_steps_on_meanwhile(web, nova):
    row = {"id": 5, "uuid": "u5", "instance_uuid": "s1", "source_compute": "a"}

    def answer(query):
        # It was still "accepted" when "running" was asked for, and the reverse.
        if "changes-since" in query:
            assert query["changes-since"] == "2026-03-01T11:59:00Z"
            old = {**row, "id": 4, "status": "completed"}
            return 200, {"migrations": [{**row, "status": "running"}, old]}
        return 200, {"migrations": []}

    web.on("GET", "/v2.1/os-migrations", answer)
    (found,) = nova.in_flight_migrations()
    assert (found.id, found.status, found.in_flight) == (5, "running", True)


def test_a_running_migration_has_its_progress(web, nova):
    rows = [
        {"id": 1, "uuid": "u1", "instance_uuid": "s1", "status": "completed"},
        {"id": 2, "uuid": "u2", "instance_uuid": "s1", "status": "running"},
    ]
    live = {
        "id": 2,
        "memory_total_bytes": 100,
        "memory_processed_bytes": 30,
        "memory_remaining_bytes": 70,
    }
    web.on("GET", "/v2.1/os-migrations", (200, {"migrations": rows}))
    web.on("GET", "/v2.1/servers/s1/migrations", (200, {"migrations": [live]}))
    newest, oldest = nova.migrations("s1")
    assert (newest.id, newest.progress.memory_remaining) == (2, 70)
    assert oldest.progress is None


def test_a_live_migration_is_never_forced(web, nova):
    web.on("POST", "/v2.1/servers/s1/action", (202, ""))
    nova.live_migrate("s1", "node-2", "req-1")
    request = web.requests[-1][0]
    assert request.headers["OpenStack-API-Version"] == "compute 2.30"
    body = {"os-migrateLive": {"host": "node-2", "block_migration": "auto"}}
    assert json.loads(request.body) == body


def test_404_means_the_server_only_where_nova_says_so(web, nova):
    path = "/v2.1/servers/s1/migrations/7"
    text = "Migration 7 could not be found."
    web.on("DELETE", path, (404, {"itemNotFound": {"message": text}}))
    with pytest.raises(exception.NovaClientError) as caught:
        nova.abort_live_migration("s1", 7, "req-1")
    assert caught.value.http_status == 404
    text = "Instance s1 could not be found."
    web.on(
        "POST", "/v2.1/servers/s1/action", (404, {"itemNotFound": {"message": text}})
    )
    with pytest.raises(exception.InstanceNotFound):
        nova.confirm_resize("s1", "req-1")


@pytest.mark.parametrize("newest", ["2.53"])
def test_a_nova_that_is_too_old_is_refused(nova):
    with pytest.raises(
        exception.NovaClientError, match=r"at most 2\.53; 2\.56 or newer"
    ):
        nova.servers()
    with pytest.raises(exception.NovaClientError, match=r"2\.56 or newer"):
        nova.live_migrate("s1", None, "req-1")


@pytest.mark.parametrize("newest", ["2.56"])
def test_the_oldest_nova_is_asked_for_what_it_has(web, nova):
    web.on("GET", "/v2.1/servers/detail", paged([server(1)], 1000))
    web.on("GET", "/v2.1/os-migrations", (200, {"migrations": []}))
    legacy = {"server_groups": [{"id": "g", "policies": ["affinity"], "members": []}]}
    web.on("GET", "/v2.1/os-server-groups", (200, legacy))
    nova.servers()
    nova.in_flight_migrations()
    assert nova.server_groups()[0].policy == "affinity"
    assert {v for _q, v in asked(web, "/os-migrations")} == {"compute 2.56"}
    assert not [q for q, _v in asked(web, "/os-migrations") if "changes-since" in q]
