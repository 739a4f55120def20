import socket

import pytest
import requests
from keystoneauth1 import loading

import watcher.conf
from watcher import exception
from watcher.clients import session
from watcher.clients.cloud import Clients

FALLBACK = "watcher_clients_auth"


def configured(tmp_path, text):
    file = tmp_path / "watcher.conf"
    file.write_text(text)
    return watcher.conf.load("test", default_config_files=[str(file)])


COMMON = """
[watcher_clients_auth]
auth_type = password
auth_url = http://keystone.test/v3
username = watcher
password = secret
cafile = /etc/shared.pem
"""


def test_services_without_credentials_share_the_common_session(tmp_path):
    conf = configured(tmp_path, COMMON + "[nova]\ncafile = /etc/nova.pem\n")
    clients = Clients(conf)
    nova, placement = clients.adapter("nova"), clients.adapter("placement")
    assert nova.session is placement.session is clients.session
    # Auth and session options come from one group, not mixed from two.
    assert nova.session.verify == "/etc/shared.pem"
    assert nova.session.auth.auth_url == "http://keystone.test/v3"
    # Never without a limit: a silent Keystone must not hold a thread for ever.
    assert nova.session.timeout == 60


def test_a_service_with_credentials_of_its_own_uses_its_own_options(tmp_path):
    conf = configured(
        tmp_path,
        COMMON
        + """
[nova]
auth_type = password
auth_url = http://other.test/v3
username = nova-watcher
timeout = 7
region_name = north
valid_interfaces = internal,public
""",
    )
    nova = Clients(conf).adapter("nova")
    assert nova.session.auth.auth_url == "http://other.test/v3"
    assert (nova.session.verify, nova.session.timeout) == (True, 7)
    assert (nova.region_name, nova.interface) == ("north", ["internal", "public"])


def test_an_auth_section_counts_as_credentials(tmp_path):
    conf = configured(
        tmp_path,
        COMMON
        + "[nova]\nauth_section = elsewhere\n"
        + "[elsewhere]\nauth_type = password\nauth_url = http://third.test/v3\n",
    )
    loading.register_auth_conf_options(conf, "elsewhere")
    assert session.session(conf, "nova").auth.auth_url == "http://third.test/v3"


@pytest.mark.parametrize(
    ("text", "service", "interface", "region"),
    [
        ("", "nova", "public", None),
        ("", "cinder", "public", None),
        ("", "placement", None, None),
        ("", "keystone", None, None),
        ("[nova_client]\nendpoint_type = internalURL\nregion_name = r", "nova",
         "internal", "r"),
        ("[nova_client]\nregion_name = r\n[nova]\nregion_name = s", "nova",
         "public", "s"),
        ("[nova_client]\nendpoint_type = internalURL\n[nova]\nvalid_interfaces = admin",
         "nova", ["admin"], None),
        ("[placement_client]\ninterface = internal", "placement", "internal", None),
        ("[keystone_client]\ninterface = admin", "keystone", "admin", None),
    ],
)  # fmt: skip
def test_legacy_groups_still_choose_endpoints(
    tmp_path, text, service, interface, region
):
    adapter = session.adapter(configured(tmp_path, COMMON + text), service)
    assert (adapter.interface, adapter.region_name) == (interface, region)


def test_keystone_is_asked_in_version_3(tmp_path):
    conf = configured(tmp_path, COMMON)
    assert session.adapter(conf, "keystone").version == "3"
    assert session.adapter(conf, "placement").service_type == "placement"


@pytest.mark.parametrize(
    "text",
    [
        "[nova]\nauth_type = magic",
        COMMON + "[nova]\nvalid_interfaces = secret",
        COMMON + "[nova]\nversion = 2.1\nmin_version = 2",
    ],
)
def test_settings_that_cannot_work_name_their_group(tmp_path, text):
    with pytest.raises(exception.ConfigInvalid, match=r"\[nova\]"):
        _ = Clients(configured(tmp_path, text)).nova


@pytest.mark.parametrize("version", ["2.55", "2", "latest"])
def test_an_old_or_odd_compute_version_is_refused(tmp_path, version):
    conf = configured(tmp_path, COMMON + f"[nova]\napi_version = {version}\n")
    with pytest.raises(exception.ConfigInvalid, match=r"\[nova\] api_version"):
        _ = Clients(conf).nova


def test_many_threads_keep_their_connections(tmp_path, caplog):
    made = session.session(configured(tmp_path, COMMON), FALLBACK)
    http = made.session.get_adapter("http://nova.test/")
    request = requests.Request("GET", "http://nova.test/").prepare()
    pool = http.get_connection_with_tls_context(request, verify=True)
    # As many threads as read Placement, and some that run actions: all give theirs back.
    connections = [pool._get_conn() for _ in range(64)]
    for connection in connections:
        pool._put_conn(connection)
    assert "pool is full" not in caplog.text
    # The library's way of noticing a dead peer is still there.
    alive = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    assert alive in connections[0].socket_options


def test_no_credentials_at_all_is_said_at_the_first_call(tmp_path):
    with pytest.raises(exception.AuthorizationFailure, match="Nova connection failed"):
        Clients(configured(tmp_path, "")).nova.servers()


@pytest.mark.parametrize(
    "name", ["nova", "placement", "cinder", "ironic", "keystone", "session"]
)
def test_each_service_is_made_once_and_asks_nothing_for_that(tmp_path, name):
    clients = Clients(configured(tmp_path, COMMON))
    made = getattr(clients, name)
    assert type(made).__name__.lower() == name
    assert getattr(clients, name) is made
