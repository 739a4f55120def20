"""What is asked of Cinder, and how its answers are read."""

import datetime
import json
import math

import pytest
import requests
from keystoneauth1 import adapter, noauth, session

from watcher import exception
from watcher.clients.cinder import Cinder
from watcher.clients.http import READ_S, Service
from watcher.clients.records import (
    Attachment,
    StoragePool,
    VolumeTotals,
    VolumeType,
)

ROOT = "http://cinder.test/v3/admin"
PATH = "/v3/admin"
NOON = datetime.datetime(2026, 3, 1, 12, 0)


def version_document(newest):
    return {
        "versions": [
            {
                "id": "v3.0",
                "status": "CURRENT",
                "version": newest,
                "min_version": "3.0",
                "updated": "2026-01-01T00:00:00Z",
                "links": [{"rel": "self", "href": "http://cinder.test/v3/"}],
            }
        ]
    }


@pytest.fixture
def newest():
    return "3.71"


@pytest.fixture
def cinder(web, newest):
    return Cinder(_service(web, newest), page=3)


def _service(web, newest):
    web.on("GET", "/v3/", (200, version_document(newest)))
    web.on("GET", "/v3", (200, version_document(newest)))
    wire = requests.Session()
    wire.mount("http://", web)
    link = adapter.Adapter(
        session.Session(
            auth=noauth.NoAuth(endpoint=ROOT), session=wire, timeout=READ_S
        ),
        service_type="block-storage",
        raise_exc=False,
    )
    return Service(
        link, "Cinder", exception.CinderClientError, retries=1, retry_interval_s=0.001
    )


def asked(web, path):
    return [
        (query, request.headers.get("OpenStack-API-Version"))
        for request, query, _timeout in web.requests
        if request.url.split("?")[0].endswith(path)
    ]


def volume(number, **more):
    return {
        "id": f"v{number}",
        "name": f"disk-{number}",
        "size": 5,
        "status": "in-use",
        "volume_type": "fast",
        "bootable": "false",
        "multiattach": False,
        "snapshot_id": None,
        "attachments": [],
        "metadata": {},
        "created_at": "2026-02-01T10:00:00.000000",
        "updated_at": "2026-02-01T11:00:00.000000",
        "os-vol-host-attr:host": "h@b#p",
        "os-vol-tenant-attr:tenant_id": "t",
        "os-vol-mig-status-attr:migstat": None,
        **more,
    }


def paged(rows, noun, size, gone=(), links=True):
    """Answer like Cinder: pages by marker, 404 for a marker that is no more"""

    def answer(query):
        start = 0
        if marker := query.get("marker"):
            if marker in gone:
                return 404, {"itemNotFound": {"message": f"Volume {marker} not found"}}
            start = [row["id"] for row in rows].index(marker) + 1
        page = rows[start : start + size]
        body = {noun: page}
        if links and len(page) == size:
            body[f"{noun}_links"] = [{"rel": "next", "href": "..."}]
        return 200, body

    return answer


VOLUMES = "/v3/admin/volumes/detail"
TYPES = "/v3/admin/types"
POOLS = "/v3/admin/scheduler-stats/get_pools"


def test_volumes_of_all_projects_are_read_page_by_page(web, cinder):
    web.on("GET", VOLUMES, paged([volume(n) for n in range(7)], "volumes", 3))
    assert [v.uuid for v in cinder.volumes()] == [f"v{n}" for n in range(7)]
    calls = asked(web, "/volumes/detail")
    assert len(calls) == 3
    # Since 3.63 one volume without type breaks the list.
    assert {version for _query, version in calls} == {"volume 3.0"}
    assert all(query["all_tenants"] == "true" for query, _version in calls)


def test_the_last_volume_of_a_page_may_vanish(web, cinder):
    rows = [volume(n) for n in range(7)]
    web.on("GET", VOLUMES, paged(rows, "volumes", 3, gone={"v2"}))
    assert [v.uuid for v in cinder.volumes()] == [f"v{n}" for n in range(7)]


def test_a_volume_is_read_whole(web, cinder):
    row = volume(
        1,
        bootable="true",
        multiattach=True,
        snapshot_id="s",
        metadata={"k": "v"},
        attachments=[{"id": "v1", "attachment_id": "a", "server_id": "vm"}],
        **{"os-vol-mig-status-attr:migstat": "target:v0"},
    )
    web.on("GET", VOLUMES, paged([row], "volumes", 3))
    (found,) = cinder.volumes()
    assert (found.name, found.size_gb, found.status) == ("disk-1", 5, "in-use")
    assert (found.host, found.type, found.project_id) == ("h@b#p", "fast", "t")
    assert found.bootable and found.multiattach and found.snapshot_id == "s"
    assert found.attachments == (Attachment(id="a", server="vm"),)
    assert found.metadata == {"k": "v"} and found.is_shadow
    assert found.created_at == datetime.datetime(2026, 2, 1, 10)
    assert found.updated_at == datetime.datetime(2026, 2, 1, 11)


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("false", False), (None, False)]
)
def test_m5_bootable_is_a_text(web, cinder, text, expected):
    """models.md M5: the text "false" is not true"""
    web.on("GET", VOLUMES, paged([volume(1, bootable=text)], "volumes", 3))
    assert cinder.volumes()[0].bootable is expected


def test_m4_a_volume_may_lack_host_type_and_much_more(web, cinder):
    """models.md M4: what no backend took, and what is older than types"""
    row = volume(1, volume_type=None, **{"os-vol-host-attr:host": None})
    bare = {"id": "v2", "size": None, "status": "error"}
    web.on("GET", VOLUMES, paged([row, bare], "volumes", 3))
    first, second = cinder.volumes()
    assert (first.host, first.type) == (None, None)
    assert (second.size_gb, second.attachments, second.created_at) == (0, (), None)


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        (500, 500.0),
        ("12.5", 12.5),
        (None, None),
        ("unknown", None),
        ("infinite", math.inf),
        ("", None),
        (float("nan"), None),
        (True, None),
        ([], None),
    ],
)
def test_m4_a_capacity_may_be_anything(web, cinder, reported, expected):
    """models.md M4: null, unknown or infinite capacities"""
    pool = {"name": "h@b#p", "capabilities": {"total_capacity_gb": reported}}
    web.on("GET", POOLS, (200, {"pools": [pool]}))
    (found,) = cinder.pools()
    assert found.total_gb == expected
    assert (found.free_gb, found.total_volumes) == (None, None)


def test_a_pool_is_read_with_what_its_backend_says_of_itself(web, cinder):
    capabilities = {
        "total_capacity_gb": 100.0,
        "free_capacity_gb": 40,
        "allocated_capacity_gb": 50,
        "provisioned_capacity_gb": 60,
        "total_volumes": 3,
        "volume_backend_name": "fast",
        "thin_provisioning_support": True,
        "timestamp": "2026-03-01T12:00:00.000000",
    }
    row = {"name": "h@b#p", "capabilities": capabilities}
    web.on("GET", POOLS, (200, {"pools": [row, {"name": "h@c#p"}]}))
    found, bare = cinder.pools()
    assert (found.total_gb, found.free_gb) == (100, 40)
    assert (found.allocated_gb, found.provisioned_gb) == (50, 60)
    assert (found.total_volumes, found.backend_name) == (3, "fast")
    assert found.reported_at == NOON
    assert found.capabilities["thin_provisioning_support"] is True
    assert bare.name == "h@c#p" and bare.total_gb is None
    assert asked(web, "/get_pools") == [({"detail": "true"}, "volume 3.0")]


def test_services_are_those_of_volumes(web, cinder):
    row = {
        "host": "h@b",
        "zone": "z",
        "status": "disabled",
        "state": "down",
        "disabled_reason": "why",
        "updated_at": "2026-03-01T12:00:00.000000",
    }
    web.on("GET", "/v3/admin/os-services", (200, {"services": [row]}))
    (found,) = cinder.services()
    assert (found.host, found.zone, found.status) == ("h@b", "z", "disabled")
    assert (found.state, found.disabled_reason) == ("down", "why")
    assert asked(web, "/os-services") == [({"binary": "cinder-volume"}, "volume 3.0")]


def test_private_types_are_read_too_and_short_pages_do_not_end_the_list(web, cinder):
    rows = [
        {
            "id": f"t{n}",
            "name": f"type-{n}",
            "extra_specs": {"volume_backend_name": "b"},
        }
        for n in range(3)
    ]
    rows.append({"id": "t3", "name": "plain", "extra_specs": None})
    # Pages of two where three were asked for, and no links: as Cinder does it.
    web.on("GET", TYPES, paged(rows, "volume_types", 2, links=False))
    found = cinder.volume_types()
    assert [t.name for t in found] == ["type-0", "type-1", "type-2", "plain"]
    assert found[0].extra_specs == {"volume_backend_name": "b"}
    assert found[3].extra_specs == {}
    assert {query["is_public"] for query, _version in asked(web, "/types")} == {"None"}


def test_changes_are_asked_for_where_cinder_can_tell(web, cinder):
    web.on("GET", VOLUMES, paged([volume(1)], "volumes", 3))
    assert [v.uuid for v in cinder.changed_volumes(NOON)] == ["v1"]
    ((query, version),) = asked(web, "/volumes/detail")
    assert query["updated_at"] == "gte:2026-03-01T12:00:00"
    assert query["all_tenants"] == "true" and version == "volume 3.60"


def test_totals_count_the_volumes_of_all_projects(web, cinder):
    body = {"volume-summary": {"total_count": 7, "total_size": 70.0}}
    web.on("GET", "/v3/admin/volumes/summary", (200, body))
    assert cinder.volume_totals() == VolumeTotals(count=7, size_gb=70)
    ((query, version),) = asked(web, "/volumes/summary")
    assert query == {"all_tenants": "true"} and version == "volume 3.12"


@pytest.mark.parametrize("newest", ["3.11"])
def test_an_old_cinder_cannot_tell_what_changed(web, cinder):
    assert cinder.changed_volumes(NOON) is None
    assert cinder.volume_totals() is None
    assert asked(web, "/volumes/detail") == []


def test_a_refusal_is_an_error_of_cinder(web, cinder):
    refusal = {"forbidden": {"message": "Policy doesn't allow"}}
    web.on("GET", "/v3/admin/os-services", (403, refusal))
    with pytest.raises(exception.CinderClientError, match="Cinder: Policy") as caught:
        cinder.services()
    assert caught.value.http_status == 403


# One volume, one type, changes ----------------------------------------------------------


def test_one_volume_is_read_with_its_group_and_its_name(web, cinder):
    raw = {
        "id": "v", "status": "in-use", "size": 3, "encrypted": True,
        "os-vol-mig-status-attr:name_id": "old", "group_id": "g",
        "replication_status": "enabled",
    }  # fmt: skip
    web.on("GET", f"{PATH}/volumes/v", (200, {"volume": raw}))
    found = cinder.volume("v")
    assert (found.uuid, found.name_id, found.group) == ("v", "old", "g")
    assert found.encrypted and found.replication_status == "enabled"
    request = web.requests[-1][0]
    assert request.headers["OpenStack-API-Version"] == "volume 3.13"


def test_what_is_not_there_is_named(web, cinder):
    missing = {"itemNotFound": {"message": "Volume v could not be found."}}
    for method, path in (("GET", "/volumes/v"), ("POST", "/volumes/v/action")):
        web.on(method, PATH + path, (404, missing))
    for call in (
        lambda: cinder.volume("v"),
        lambda: cinder.migrate_volume("v", "h@b#p", "req-1"),
        lambda: cinder.retype_volume("v", "fast", "req-1"),
    ):
        with pytest.raises(exception.VolumeNotFound, match="'v'"):
            call()


def test_a16_the_copy_of_a_volume_is_asked_for_by_its_original(web, cinder):
    """actions.md A16: not by reading every volume of the cloud"""
    rows = [{"id": "other", "migration_status": None},
            {"id": "copy", "migration_status": "target:v"}]  # fmt: skip
    web.on(
        "GET",
        f"{PATH}/volumes/detail",
        (200, {"volumes": rows}),
        (200, {"volumes": []}),
    )
    assert cinder.shadow("v").uuid == "copy"
    query = web.requests[-1][1]
    assert query["migration_status"] == "target:v" and query["limit"] == "2"
    assert cinder.shadow("v") is None


def test_snapshots_encryption_and_access_are_asked_for(web, cinder):
    web.on("GET", f"{PATH}/snapshots", (200, {"snapshots": [{"id": "s"}]}),
           (200, {"snapshots": []}))  # fmt: skip
    assert cinder.has_snapshots("v") and not cinder.has_snapshots("v")
    assert web.requests[-1][1]["volume_id"] == "v"
    web.on(
        "GET", f"{PATH}/types/t/encryption", (200, {"encryption_id": "e"}), (200, {})
    )
    assert cinder.is_encrypted("t") and not cinder.is_encrypted("t")
    web.on("GET", f"{PATH}/types/t/os-volume-type-access",
           (200, {"volume_type_access": [{"project_id": "p"}]}))  # fmt: skip
    assert cinder.type_projects("t") == ["p"]


def test_a_change_names_what_is_wanted_and_our_request_id(web, cinder):
    answer = (202, "", {"X-OpenStack-Request-ID": "req-theirs"})
    web.on("POST", f"{PATH}/volumes/v/action", answer)
    assert cinder.migrate_volume("v", "h@b#p", "req-ours") == "req-theirs"
    assert cinder.retype_volume("v", "fast", "req-ours") == "req-theirs"
    bodies = [json.loads(request.body) for request, _query, _timeout in web.requests
              if request.method == "POST"]  # fmt: skip
    assert bodies == [
        {"os-migrate_volume": {"host": "h@b#p", "lock_volume": True}},
        {"os-retype": {"new_type": "fast", "migration_policy": "on-demand"}},
    ]
    headers = web.requests[-1][0].headers
    assert headers["X-OpenStack-Request-ID"] == "req-ours"


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({}, True),
        ({"volume_backend_name": "fast"}, True),
        ({"volume_backend_name": "slow"}, False),
        ({"unheard": "of"}, True),
        ({"multiattach": "<is> True"}, True),
        ({"capabilities:multiattach": "<is> False"}, False),
        ({"thin": "True"}, False),
        ({"volume_backend_name": "<in> fas"}, True),
        ({"volume_backend_name": "<or> slow <or> fast"}, True),
        ({"volume_backend_name": "<or> slow <or> dead"}, False),
        # Left to Cinder's scheduler.
        ({"size": ">= 5"}, True),
    ],
)
def test_a_pool_suits_a_type_as_far_as_it_tells(wanted, fits):
    pool = StoragePool(
        name="h@b#p",
        capabilities={"volume_backend_name": "fast", "multiattach": True,
                      "thin": False, "size": 3},
    )  # fmt: skip
    assert pool.suits(VolumeType(id="t", name="t", extra_specs=wanted)) is fits
