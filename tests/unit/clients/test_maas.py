"""Machines of MAAS: what is asked, how it is signed, how answers are read."""

import pytest
import requests
from keystoneauth1 import adapter, session

import watcher.conf
from watcher import exception
from watcher.clients.cloud import Clients
from watcher.clients.http import Service
from watcher.clients.maas import Maas, OAuth

PATH = "/MAAS/api/2.0/machines/ab12/"


@pytest.fixture
def maas(web):
    wire = requests.Session()
    wire.mount("http://", web)
    link = adapter.Adapter(
        session.Session(auth=OAuth("consumer:token:secret"), session=wire),
        endpoint_override="http://maas.test/MAAS/api/2.0",
        raise_exc=False,
    )
    return Maas(Service(link, "MAAS", exception.ClientError, retry_interval_s=0.001))


def machine(power="off", **more):
    given = {"system_id": "ab12", "fqdn": "node-1.maas", "status_name": "Deployed"}

    def answer(query):
        if query.get("op") == "query_power_state":
            return 200, {"state": power}
        return 200, {**given, "power_state": "unknown", **more}

    return answer


@pytest.mark.parametrize(
    ("power", "read"),
    [("on", "power on"), ("off", "power off"), ("error", "error"), ("unknown", None)],
)
def test_a_machine_is_read_with_its_power_of_just_now(web, maas, power, read):
    web.on("GET", PATH, machine(power))
    found = maas.node("ab12")
    assert (found.uuid, found.name, found.power_state) == ("ab12", "node-1.maas", read)
    assert not found.maintenance and found.provision_state == "deployed"


def test_broken_and_busy_machines_are_known(web, maas):
    web.on("GET", PATH, machine(status_name="Broken", error_description="fan"))
    found = maas.node("ab12")
    assert (found.maintenance, found.maintenance_reason) == (True, "fan")
    web.rules.clear()
    web.on("GET", PATH, machine(status_name="Releasing"))
    assert maas.node("ab12").provision_state == "deleting"


@pytest.mark.parametrize(("on", "op"), [(True, "power_on"), (False, "power_off")])
def test_switching_is_signed_anew_each_time(web, maas, on, op):
    web.on("POST", PATH, (200, {"system_id": "ab12"}))
    for _each in range(2):
        maas.set_power("ab12", on, "req-ours")
    signed = []
    for request, query, _timeout in web.requests:
        assert query["op"] == op
        assert request.headers["X-OpenStack-Request-ID"] == "req-ours"
        signed.append(request.headers["Authorization"])
    assert signed[0] != signed[1]
    for part in ('oauth_consumer_key="consumer"', 'oauth_token="token"',
                 'oauth_signature="%26secret"', '"PLAINTEXT"'):  # fmt: skip
        assert part in signed[0]


def test_a_machine_that_is_not_there_is_named(web, maas):
    with pytest.raises(exception.IronicNodeNotFound, match="ab12"):
        maas.node("ab12")
    with pytest.raises(exception.IronicNodeNotFound, match="ab12"):
        maas.set_power("ab12", True, "req-ours")


def test_no_answer_to_a_change_is_unknown(web, maas):
    web.on("POST", PATH, requests.exceptions.ReadTimeout())
    with pytest.raises(exception.ClientError) as caught:
        maas.set_power("ab12", True, "req-ours")
    assert caught.value.unknown and len(web.requests) == 1


def clients(**options):
    overrides = {("maas_client", name): value for name, value in options.items()}
    return Clients(watcher.conf.load("test", overrides=overrides))


def test_maas_is_asked_where_it_is_configured():
    found = clients(url="http://maas.test/MAAS/", api_key="a:b:c").metal
    assert isinstance(found, Maas) and not found.tells_progress
    address = found._http.adapter.get_endpoint()
    assert address == "http://maas.test/MAAS/api/2.0"


@pytest.mark.parametrize("key", ["", "a:b", None])
def test_a_key_of_another_form_is_a_clear_error(key):
    with pytest.raises(exception.ConfigInvalid, match="three parts"):
        _ = clients(url="http://maas.test/MAAS", api_key=key).metal
