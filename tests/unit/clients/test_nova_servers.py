"""Calls that change servers in place, on the wire."""

import json

import pytest

from watcher import exception
from watcher.clients.nova import Nova


@pytest.fixture
def newest():
    return "2.96"


@pytest.fixture
def nova(web, service, version_document, newest):
    web.on("GET", "/v2.1", (200, version_document(newest)))
    web.on("GET", "/v2.1/", (200, version_document(newest)))
    return Nova(service, page=2)


@pytest.mark.parametrize(
    ("name", "args", "body"),
    [
        ("resize", ("f1",), {"resize": {"flavorRef": "f1"}}),
        ("stop", (), {"os-stop": None}),
        ("start", (), {"os-start": None}),
        ("shelve", (), {"shelve": None}),
        ("unshelve", (), {"unshelve": None}),
    ],
)
def test_each_change_is_one_request_with_our_id(web, nova, name, args, body):
    own = {"X-OpenStack-Request-ID": "req-nova", "Content-Type": "application/json"}
    web.on("POST", "/v2.1/servers/s1/action", (202, "", own))
    assert getattr(nova, name)("s1", *args, "req-ours") == "req-nova"
    (request,) = [r for r, _q, _t in web.requests if r.method == "POST"]
    assert json.loads(request.body) == body
    assert request.headers["OpenStack-API-Version"] == "compute 2.56"
    assert request.headers["X-OpenStack-Request-ID"] == "req-ours"


def test_a_deletion(web, nova):
    web.on("DELETE", "/v2.1/servers/s1", (204, ""))
    nova.delete("s1", "req-ours")
    request = web.requests[-1][0]
    assert request.headers["X-OpenStack-Request-ID"] == "req-ours"
    text = {"itemNotFound": {"message": "Instance s2 could not be found."}}
    web.on("DELETE", "/v2.1/servers/s2", (404, text))
    with pytest.raises(exception.InstanceNotFound):
        nova.delete("s2", "req-ours")


def flavor(ident, name, **more):
    return {
        "id": ident, "name": name, "vcpus": 2, "ram": 512, "disk": 1, "swap": "",
        "OS-FLV-EXT-DATA:ephemeral": 3, **more,
    }  # fmt: skip


def test_a_flavor_is_asked_for_by_id_first(web, nova):
    web.on("GET", "/v2.1/flavors/7", (200, {"flavor": flavor("7", "big")}))
    found = nova.flavor("7")
    assert (found.id, found.name, found.ephemeral_gb, found.swap_mb) == (
        "7", "big", 3, 0,
    )  # fmt: skip
    assert not [p for p in web.paths() if p.endswith("/flavors/detail")]


@pytest.mark.parametrize(
    ("newest", "version"), [("2.96", "compute 2.61"), ("2.56", "compute 2.56")]
)
def test_a_name_is_looked_for_among_all_flavors_page_by_page(web, nova, version):
    rows = [flavor(str(n), f"f{n}") for n in range(3)]

    def answer(query):
        assert query["is_public"] == "None", "private ones too"
        start = int(query["marker"]) + 1 if "marker" in query else 0
        body = {"flavors": rows[start : start + 2]}
        if start + 2 < len(rows):
            body["flavors_links"] = [{"rel": "next", "href": "..."}]
        return 200, body

    web.on("GET", "/v2.1/flavors/detail", answer)
    assert nova.flavor("f2").id == "2"
    assert nova.flavor("f3") is None
    versions = {r.headers["OpenStack-API-Version"] for r, q, _t in web.requests if q}
    assert versions == {version}


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a?b", "x" * 300 + "/", "é"])
def test_no_name_leads_to_another_address(web, nova, name):
    web.on("GET", "/v2.1/flavors/detail", (200, {"flavors": [flavor("1", name)]}))
    assert nova.flavor(name).id == "1"
    assert not [p for p in web.paths() if "/flavors/" in p and "detail" not in p]


def test_another_trouble_than_404_is_no_unknown_flavor(web, nova):
    web.on("GET", "/v2.1/flavors/7", (403, {"forbidden": {"message": "no"}}))
    with pytest.raises(exception.NovaClientError, match="no"):
        nova.flavor("7")


EVENT = {"event": "compute_stop_instance", "result": "Error"}
TRACE = 'File "x.py", line 1\nnova.exception.NoValidHost: No valid host: full\n'


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([{**EVENT, "details": "It broke"}], "It broke"),
        ([{**EVENT, "traceback": TRACE}], "No valid host: full"),
        ([{**EVENT, "traceback": TRACE, "details": ""}], "No valid host: full"),
        ([{**EVENT, "details": "later"}, {**EVENT, "details": "first"}], "first"),
        ([{**EVENT, "result": "Success", "details": "x"}], None),
        ([EVENT], None),
        ([], None),
        (None, None),
    ],
)
def test_why_something_failed(web, nova, events, why):
    path = "/v2.1/servers/s1/os-instance-actions/req-1"
    web.on("GET", path, (200, {"instanceAction": {"events": events}}))
    assert nova.why_failed("s1", "req-1") == why
    assert nova.why_failed("s1", "req-2") is None
