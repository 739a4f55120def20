"""The layers around the application: names in paths, proxies, browsers, no tokens."""

import io

import pytest
import webob
from oslo_middleware import cors

import watcher.conf
from tests.unit.api.conftest import Client
from watcher.api import app, body, edge, errors
from watcher.plugins import Plugins
from watcher.policy import Enforcer

ODD_NAMES = (
    "x.json",
    "x.xml",
    "a/b",
    "a/b.json",
    "/",
    "é/ü",
    "7",
    "..",
    "a%2Fb",
    "a b",
)


@pytest.fixture
def named(client):
    """Audits with names that look like something else"""
    body = {"audit_type": "EVENT", "goal": "dummy"}
    return {
        name: client.post("/v1/audits", {**body, "name": name}).json["uuid"]
        for name in ("x", *ODD_NAMES)
    }


def encoded(name):
    return "".join(f"%{byte:02X}" for byte in name.encode())


def ask(client, raw, prefix="", **headers):
    """Ask for a path as a server hands it over: decoded, and as it was sent"""
    request = webob.Request.blank(raw)
    request.environ["SCRIPT_NAME"] = prefix
    request.environ["REQUEST_URI"] = prefix + raw + "?"
    request.headers["X-Roles"] = "admin"
    for name, value in headers.items():
        request.headers[name] = value
    return request.get_response(client.app)


@pytest.mark.parametrize("prefix", ["", "/infra-optim"])
@pytest.mark.parametrize("name", ODD_NAMES)
def test_w37_odd_names_can_be_addressed(client, named, name, prefix):
    answer = ask(client, f"/v1/audits/{encoded(name)}", prefix)
    assert answer.status_int == 200
    assert (answer.json["uuid"], answer.json["name"]) == (named[name], name)


def test_w37_a_suffix_is_a_format_when_no_name_ends_like_this(client, named):
    assert ask(client, "/v1/audits/7.json").json["uuid"] == named["7"]
    assert ask(client, "/v1/audits/7.xml").content_type == "application/xml"
    # The format of a row whose name is meant is the one that the client accepts.
    whole = ask(client, "/v1/audits/x.xml")
    assert whole.content_type == "application/json"
    assert whole.json["uuid"] == named["x.xml"]
    assert ask(client, "/v1/audits/x.xml.json").json["uuid"] == named["x.xml"]


def test_w37_changes_hit_the_row_whose_whole_name_is_given(client, named):
    patched = client.patch("/v1/audits/x.json", ("replace", "/name", "new"))
    assert patched.json["uuid"] == named["x.json"]
    # Now no name ends like this any more.
    patched = client.patch("/v1/audits/x.json", ("replace", "/name", "other"))
    assert patched.json["uuid"] == named["x"]


def test_an_encoded_slash_is_believed_only_when_it_decodes_to_the_path(client, named):
    request = webob.Request.blank("/v1/audits/x", headers={"X-Roles": "admin"})
    request.environ["RAW_URI"] = "/v1/audits/a%2Fb"
    assert request.get_response(client.app).json["name"] == "x"


def test_encoded_slashes_do_not_open_other_doors(client):
    for path in ("/v1%2Faudits", "/v1/audits%2Fdetail", "/v1/webhooks%2Fx"):
        assert ask(client, path).status_int == 404


def test_w37_head_goes_wherever_get_goes(client, audit):
    paths = ["/", "/v1", "/healthcheck", "/v1/strategies/dummy/state"]
    for noun in ("goals", "strategies", "audit_templates", "audits", "services",
                 "action_plans", "actions", "scoring_engines"):  # fmt: skip
        paths += [f"/v1/{noun}", f"/v1/{noun}/detail", f"/v1/{noun}/detail/"]
    paths += ["/v1/goals/dummy", f"/v1/audits/{audit['uuid']}"]
    for path in paths:
        head, get = client.send("HEAD", path), client.get(path)
        assert head.status == get.status == 200, path
        assert head.raw == b"" and head.headers["Content-Length"] == str(len(get.raw))


FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "cloud.example.org",
    "X-Forwarded-Prefix": "/infra-optim",
}


@pytest.fixture
def behind_proxy(conf, database, bus):
    def build(parsing):
        options = [*app.http_proxy_to_wsgi.OPTS]
        conf.register_opts(options, "oslo_middleware")
        name = "enable_proxy_headers_parsing"
        conf.set_override(name, parsing, "oslo_middleware")
        return app.build(conf, database, bus, Enforcer(conf), Plugins.of({}))

    return build


def create(application, **headers):
    request = webob.Request.blank("/v1/audits", method="POST")
    request.json = {"audit_type": "EVENT", "goal": "dummy", "name": "behind"}
    request.content_type = "application/json"
    request.headers.update({"X-Roles": "admin", **headers})
    return request.get_response(application)


def test_proxy_headers_rule_location_and_discovery_but_leave_links_alone(behind_proxy):
    application = behind_proxy(True)
    made = create(application, **FORWARDED)
    uuid = made.json["uuid"]
    base = "https://cloud.example.org"
    assert made.headers["Location"] == f"{base}/infra-optim/v1/audits/{uuid}"
    assert made.json["links"][0]["href"] == f"{base}/v1/audits/{uuid}"
    headers = {"X-Roles": "admin", **FORWARDED}
    v1 = webob.Request.blank("/v1/", headers=headers).get_response(application)
    assert v1.json["audits"][0]["href"] == f"{base}/infra-optim/v1/audits/"
    path = "/v1/audits?limit=1"
    page = webob.Request.blank(path, headers=headers).get_response(application)
    assert page.json["next"].startswith(f"{base}/v1/audits?")


def test_proxy_headers_are_ignored_unless_switched_on(behind_proxy):
    made = create(behind_proxy(False), **FORWARDED)
    assert made.headers["Location"].startswith("http://localhost/v1/audits/")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Prefix": "\xff\xfe"},
        {"Forwarded": ";;=,=;proto"},
        {"Forwarded": "proto=https;host=\xff"},
        {"X-Forwarded-Proto": "\x80", "X-Forwarded-Host": " "},
    ],
)
def test_proxy_headers_of_anybodys_making_are_no_crash(behind_proxy, headers):
    request = webob.Request.blank("/v1")
    for name, value in headers.items():
        request.environ["HTTP_" + name.upper().replace("-", "_")] = value
    assert request.get_response(behind_proxy(True)).status_int in (200, 404)


ORIGIN = "https://horizon.example.org"


def browser(conf, database, **options):
    conf.register_opts(cors.OPTS, "cors")
    conf.set_override("allowed_origin", [ORIGIN], "cors")
    for name, value in options.items():
        conf.set_override(name, value, "cors")
    return Client(app.build(conf, database, None, Enforcer(conf)), database)


def preflight(client, headers):
    return client.send(
        "OPTIONS",
        "/v1/audits",
        Origin=ORIGIN,
        Access_Control_Request_Method="GET",
        Access_Control_Request_Headers=headers,
    ).headers


def test_w31_browsers_may_send_versions_and_read_ids(conf, database):
    client = browser(conf, database)
    asked = preflight(client, "OpenStack-API-Version, X-Auth-Token")
    assert asked["Access-Control-Allow-Origin"] == ORIGIN
    assert asked["x-openstack-request-id"]
    got = client.get("/v1/goals", Origin=ORIGIN).headers
    exposed = got["Access-Control-Expose-Headers"].split(",")
    assert set(exposed) >= {
        "X-OpenStack-Request-ID",
        "OpenStack-API-Version",
        "OpenStack-API-Minimum-Version",
        "OpenStack-API-Maximum-Version",
    }
    assert got["Vary"] == "OpenStack-API-Version,Origin"


def test_w31_the_operators_headers_win(tmp_path, database):
    path = tmp_path / "watcher.conf"
    path.write_text(
        "[DEFAULT]\nenable_authentication = false\n"
        f"[cors]\nallowed_origin = {ORIGIN}\nallow_headers = X-Mine\n"
        "expose_headers = X-Yours\n"
    )
    conf = watcher.conf.load("test", ["--config-file", str(path)])
    client = Client(app.build(conf, database, None, Enforcer(conf)), database)
    assert "Access-Control-Allow-Origin" in preflight(client, "X-Mine")
    theirs = preflight(client, "OpenStack-API-Version")
    assert "Access-Control-Allow-Origin" not in theirs
    exposed = client.get("/", Origin=ORIGIN).headers["Access-Control-Expose-Headers"]
    assert exposed == "X-Yours"


def test_w33_callers_without_roles_have_those_that_are_granted(conf, database):
    def status(**headers):
        application = app.build(conf, database, None, Enforcer(conf))
        request = webob.Request.blank("/v1/goals", headers=headers)
        return request.get_response(application).status_int

    assert status() == 403
    conf.set_override("no_auth_roles", ["admin", "x"], "api")
    assert status() == 200
    # Who says who he is, is believed: no role at all is an answer too.
    assert status(**{"X-Roles": "member"}) == 403
    assert status(**{"X-Roles": ""}) == 403


def test_w33_no_role_is_granted_where_tokens_are_demanded(conf, database):
    conf.set_override("no_auth_roles", ["admin"], "api")
    conf.set_override("enable_authentication", True)
    app.build(conf, database, None, Enforcer(conf))
    conf.set_override("www_authenticate_uri", "http://keystone", "keystone_authtoken")
    application = app.build(conf, database, None, Enforcer(conf))
    assert webob.Request.blank("/v1/goals").get_response(application).status_int == 401


class Input(io.RawIOBase):
    """A body as a server without Content-Length hands it over"""

    def __init__(self, pieces):
        self.pieces = list(pieces)

    def read(self, size=-1):
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece


def chunked(stream, **environ):
    request = webob.Request.blank("/v1/audits", method="POST")
    request.environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    request.environ["wsgi.input"] = stream
    request.environ.update(environ)
    return request


def test_bodies_in_chunks_are_limited_too():
    request = chunked(Input([b"x" * 101]), **{"wsgi.input_terminated": True})
    with pytest.raises(errors.BodyTooLarge):
        body.read(request, 100)


def test_a_server_that_hides_chunks_is_told_from_an_empty_body():
    with pytest.raises(errors.LengthRequired):
        body.read(chunked(Input([])), 100)


def test_a_body_that_ends_early_is_the_clients_fault(client):
    request = chunked(Input([OSError("reset")]), **{"wsgi.input_terminated": True})
    request.headers.update({"X-Roles": "admin", "Content-Type": "application/json"})
    answer = request.get_response(client.app)
    assert answer.status_int == 400 and "to its end" in answer.json["error_message"]
    short = webob.Request.blank("/v1/audits", method="POST", body=b"{}")
    short.headers.update({"X-Roles": "admin", "Content-Type": "application/json"})
    short.environ["CONTENT_LENGTH"] = "50"
    short.environ["wsgi.input"] = io.BufferedReader(io.BytesIO(b"{}"))
    short.is_body_seekable = False
    assert short.get_response(client.app).status_int == 400


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "PUT", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/v1", "/v1/goals", "/v1/nope", "/readyz", "*"])
def test_every_answer_has_a_request_id(client, method, path):
    request = webob.Request.blank("/", method=method, headers={"X-Roles": "admin"})
    request.environ["PATH_INFO"] = path
    answer = request.get_response(client.app)
    assert answer.headers["x-openstack-request-id"].startswith("req-")
    assert answer.status_int < 500 or path == "/readyz"
    if answer.status_int == 405:
        assert "GET" in answer.headers["Allow"]


def test_the_raw_path_is_not_looked_at_without_need():
    assert edge.with_slashes({"PATH_INFO": "/v1/audits/x"}) is None
    raw = {"PATH_INFO": "/v1/a/b", "RAW_URI": "http://host/v1/a%2fb?x=%2f"}
    assert edge.with_slashes(raw) == ["v1", "a/b"]
