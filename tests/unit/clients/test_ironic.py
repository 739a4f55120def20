"""Nodes from Ironic: all pages, chosen fields, failures as they are."""

import json

import pytest
import requests
from keystoneauth1 import adapter, noauth, session

import watcher.conf
from watcher import exception
from watcher.clients.cloud import Clients
from watcher.clients.http import Service
from watcher.clients.ironic import Ironic

PATH = "/v1/nodes"


@pytest.fixture
def ironic(web):
    def build(endpoint="http://ironic.test", **options):
        wire = requests.Session()
        wire.mount("http://", web)
        link = adapter.Adapter(
            session.Session(auth=noauth.NoAuth(endpoint=endpoint), session=wire),
            service_type="baremetal",
            raise_exc=False,
        )
        service = Service(
            link, "Ironic", exception.IronicClientError, retry_interval_s=0.001
        )
        return Ironic(service, **options)

    return build


def row(uuid, **more):
    return {
        "uuid": uuid,
        "name": f"name-{uuid}",
        "power_state": "power on",
        "maintenance": False,
        "maintenance_reason": None,
        "extra": {"compute_node_id": f"hv-{uuid}"},
        **more,
    }


def paged(uuids, deleted=()):
    """Answer as Ironic does: pages by marker, one that is gone is a 404"""

    def answer(query):
        marker, limit = query.get("marker"), int(query["limit"])
        if marker in deleted:
            return 404, {"error_message": {"faultstring": f"Node {marker}"}}
        left = [u for u in uuids if u not in deleted and (not marker or u > marker)]
        body = {"nodes": [row(uuid) for uuid in left[:limit]]}
        if len(left) > limit:
            body["next"] = "http://ironic.test/v1/nodes?more"
        return 200, body

    return answer


def test_m6_the_fields_that_are_needed_are_asked_for(web, ironic):
    """models.md M6: the short listing has no extra"""
    broken = row("b", maintenance=True, maintenance_reason="fan", power_state=None)
    web.on("GET", PATH, (200, {"nodes": [row("a"), broken]}))
    first, second = ironic().nodes()
    assert (first.uuid, first.name, first.power_state) == ("a", "name-a", "power on")
    assert first.extra == {"compute_node_id": "hv-a"} and not first.maintenance
    assert (second.maintenance, second.maintenance_reason) == (True, "fan")
    assert second.power_state is None
    request, query, _timeout = web.requests[0]
    assert request.headers["X-OpenStack-Ironic-API-Version"] == "1.8"
    assert set(query["fields"].split(",")) == row("a").keys()


def test_every_page_is_read_with_one_request_each(web, ironic):
    uuids = [f"{n:03d}" for n in range(25)]
    web.on("GET", PATH, paged(uuids))
    assert [node.uuid for node in ironic(page=10).nodes()] == uuids
    assert len(web.requests) == 3


def test_a_marker_that_was_deleted_meanwhile_is_stepped_over(web, ironic):
    uuids = [f"{n:03d}" for n in range(6)]
    gone = []

    def answer(query):
        result = paged(uuids, gone)(query)
        if "marker" not in query:
            gone.append("002")
        return result

    web.on("GET", PATH, answer)
    assert [node.uuid for node in ironic(page=3).nodes()] == uuids


def test_odd_values_are_none(web, ironic):
    web.on("GET", PATH, (200, {"nodes": [{"uuid": "a", "extra": "text"}]}))
    (node,) = ironic().nodes()
    assert (node.name, node.extra, node.maintenance) == ("", {}, False)


def test_a_failing_page_fails_the_whole(web, ironic):
    web.on("GET", PATH, paged(["a", "b"]), (503, ""))
    with pytest.raises(exception.IronicClientError, match="Ironic: HTTP 503"):
        ironic(page=1).nodes()


def test_the_catalogue_may_hold_the_versioned_address(web, ironic):
    web.on("GET", "/baremetal/v1/nodes", (200, {"nodes": [row("a")]}))
    for endpoint in (
        "http://ironic.test/baremetal",
        "http://ironic.test/baremetal/v1/",
    ):
        assert len(ironic(endpoint).nodes()) == 1


class TestConfigured:
    def clients(self, **options):
        overrides = {("ironic_client", name): value for name, value in options.items()}
        return Clients(watcher.conf.load("test", overrides=overrides))

    @pytest.mark.parametrize(
        ("given", "spoken"),
        [("1", "1.8"), ("1.5", "1.8"), ("1.58", "1.58"), ("latest", "1.8")],
    )
    def test_the_microversion_is_at_least_what_is_needed(self, given, spoken, clouds):
        assert self.clients(api_version=given).ironic._version == spoken

    def test_a_version_that_is_none_is_named(self, clouds):
        with pytest.raises(exception.ConfigInvalid, match="api_version.*two"):
            _ = self.clients(api_version="two").ironic

    def test_region_and_kind_of_endpoint_are_those_of_its_group(self, clouds):
        found = self.clients(region_name="north", endpoint_type="internalURL").ironic
        link = found._http.adapter
        assert (link.region_name, link.interface) == ("north", "internal")
        assert link.service_type == "baremetal"

    @pytest.fixture
    def clouds(self, monkeypatch):
        """Sessions are built without credentials"""
        monkeypatch.setattr(
            "watcher.clients.session.session",
            lambda conf, group: session.Session(auth=noauth.NoAuth()),
        )


def test_one_node_tells_what_is_done_to_it(web, ironic):
    raw = row("a", provision_state="active", target_power_state="power off",
              reservation="c1", last_error="no", instance_uuid="i")  # fmt: skip
    web.on("GET", f"{PATH}/a", (200, raw))
    found = ironic().node("a")
    assert (found.provision_state, found.target_power_state) == ("active", "power off")
    assert (found.reservation, found.last_error, found.instance) == ("c1", "no", "i")
    assert "target_power_state" in web.requests[0][1]["fields"]


@pytest.mark.parametrize(("on", "word"), [(True, "power on"), (False, "power off")])
def test_switching_names_the_state_and_our_request_id(web, ironic, on, word):
    web.on("PUT", f"{PATH}/a/states/power",
           (202, "", {"X-OpenStack-Request-ID": "req-theirs"}))  # fmt: skip
    assert ironic().set_power("a", on, "req-ours") == "req-theirs"
    request = web.requests[-1][0]
    assert json.loads(request.body) == {"target": word}
    assert request.headers["X-OpenStack-Request-ID"] == "req-ours"
    assert request.headers["X-OpenStack-Ironic-API-Version"] == "1.8"


def test_a_refusal_of_ironic_is_told_in_its_words(web, ironic):
    text = {"faultcode": "Client", "faultstring": "Node a is locked by host c."}
    web.on("PUT", f"{PATH}/a/states/power",
           (409, {"error_message": json.dumps(text)}), (409, {"error_message": text}),
           (409, {"error_message": "{no json"}))  # fmt: skip
    for expected in ("Node a is locked by host c.",) * 2 + ("HTTP 409",):
        with pytest.raises(exception.IronicClientError, match=expected) as caught:
            ironic().set_power("a", True, "req-ours")
        assert caught.value.http_status == 409 and not caught.value.unknown


def test_a_node_that_is_not_there_is_named(web, ironic):
    with pytest.raises(exception.IronicNodeNotFound, match="nobody"):
        ironic().node("nobody")
    with pytest.raises(exception.IronicNodeNotFound, match="nobody"):
        ironic().set_power("nobody", True, "req-ours")
