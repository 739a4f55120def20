"""Who is asking: tokens, open paths, and headers that are not believed."""

import pytest
import webob

import watcher.conf
from watcher.api import app, edge
from watcher.policy import Enforcer


class Tokens:
    """Stands where Keystone's middleware stands: one good token, an administrator's"""

    def __init__(self, application):
        self.app = application

    def __call__(self, environ, start_response):
        if environ.get("HTTP_X_AUTH_TOKEN") != "good":
            return webob.Response(status=401)(environ, start_response)
        environ = edge.without_identity(environ)
        environ["HTTP_X_ROLES"] = "admin"
        return self.app(environ, start_response)


@pytest.fixture
def guarded(conf, monkeypatch):
    monkeypatch.setattr(
        edge.auth_token,
        "AuthProtocol",
        lambda application, options: Tokens(application),
    )
    return conf


def ask(application, path, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return webob.Request.blank(path, headers=headers).get_response(application)


def test_everything_but_discovery_and_health_needs_a_token(guarded, database):
    guarded.set_override("enable_authentication", True)
    application = app.build(guarded, database, None, Enforcer(guarded))
    for path in ("/", "", "/healthcheck"):
        assert ask(application, path).status_int == 200
    for path in ("/.json", "/.xml"):
        assert ask(application, path).status_int == 404
    for path in ("/v1", "/v1/", "/v1/goals", "/nope", "/v1/webhooks/x", "/x/.json"):
        refused = ask(application, path, X_Roles="admin")
        assert refused.status_int == 401
        # Refusals can be found in the log, and clients learn the versions from them.
        assert refused.headers["x-openstack-request-id"].startswith("req-")
        assert refused.headers["OpenStack-API-Maximum-Version"] == "1.7"
    assert ask(application, "/v1/goals", X_Auth_Token="good").status_int == 200


def seen_by(conf, path, **headers):
    """Return the environment that reaches what lies behind the token check"""
    found = []

    def inner(environ, start_response):
        found.append(environ)
        return webob.Response()(environ, start_response)

    ask(edge.Identity(inner, conf), path, **headers)
    return found[0] if found else None


FORGED = {
    "X_Roles": "admin",
    "X_Role": "admin",
    "X_User_Id": "u",
    "X_Project_Id": "p",
    "X_Tenant_Id": "p",
    "X_Domain_Id": "d",
    "X_Service_Roles": "admin",
    "X_Is_Admin_Project": "True",
    "X_Identity_Status": "Confirmed",
    "OpenStack_System_Scope": "all",
    "X_Auth_Token": "t",
}


def test_open_paths_do_not_believe_identity_headers(guarded):
    guarded.set_override("enable_webhooks_auth", False, "api")
    for path in ("/", "/v1/webhooks/x"):
        environ = seen_by(guarded, path, **FORGED, Accept="x")
        assert environ["HTTP_ACCEPT"] == "x"
        for name in FORGED:
            assert f"HTTP_{name.upper()}" not in environ
    assert seen_by(guarded, "/webhooks/x", **FORGED) is None
    assert seen_by(guarded, "/v1/webhooks", **FORGED) is None


def test_webhooks_are_open_only_when_the_option_says_so(guarded):
    assert seen_by(guarded, "/v1/webhooks/x", **FORGED) is None


def test_header_identity_still_obeys_the_policy(client):
    assert client.get("/v1/goals", X_Roles="member").status == 403
    assert client.get("/v1/goals", X_Roles="member, Administrator").status == 200


def test_an_identity_of_ones_own_can_be_built_in(conf, database):
    def everybody(application):
        def layer(environ, start_response):
            return application({**environ, "HTTP_X_ROLES": "admin"}, start_response)

        return layer

    application = app.build(conf, database, None, Enforcer(conf), identity=everybody)
    assert ask(application, "/v1/goals").status_int == 200


def test_a_silent_keystone_is_not_waited_for_without_end(conf):
    edge.Identity(lambda environ, start_response: [], conf)
    assert conf.keystone_authtoken.http_connect_timeout == 10


def test_the_operators_patience_wins(conf, tmp_path):
    path = tmp_path / "watcher.conf"
    path.write_text("[keystone_authtoken]\nhttp_connect_timeout = 70\n")
    conf = watcher.conf.load("test", ["--config-file", str(path)])
    edge.Identity(lambda environ, start_response: [], conf)
    assert conf.keystone_authtoken.http_connect_timeout == 70
