import time

import pytest
import requests
import urllib3
from keystoneauth1 import adapter, noauth, session
from keystoneauth1.identity import v3

from watcher import exception
from watcher.clients import http

PATH = "/v2.1/things"
NEW_CONNECTION = requests.exceptions.ConnectionError(
    urllib3.exceptions.MaxRetryError(
        None, PATH, urllib3.exceptions.NewConnectionError(None, "refused")
    )
)


def change(service, method="POST"):
    return service.change(method, "/things", "2.56", {"a": 1}, "req-ours")


def test_reading_is_repeated_when_the_connection_fails(web, service):
    web.on(
        "GET", PATH, NEW_CONNECTION, requests.exceptions.ReadTimeout(), (200, {"a": 1})
    )
    assert service.get("/things", "2.56") == {"a": 1}
    assert len(web.requests) == 3
    assert web.requests[0][2] == (http.CONNECT_S, http.READ_S)


def test_reading_gives_up_with_an_error_of_the_service(web, service):
    web.on("GET", PATH, NEW_CONNECTION)
    with pytest.raises(
        exception.NovaClientError, match="Nova: Unable to establish"
    ) as e:
        service.get("/things")
    assert e.value.http_status is None and not e.value.unknown
    assert len(web.requests) == 3


def test_a_change_carries_our_request_id_and_returns_theirs(web, service):
    web.on("POST", PATH, (202, "", {"X-OpenStack-Request-ID": "req-theirs"}))
    assert change(service) == "req-theirs"
    sent, _query, timeout = web.requests[0]
    assert sent.headers["X-OpenStack-Request-ID"] == "req-ours"
    assert sent.headers["OpenStack-API-Version"] == "compute 2.56"
    assert timeout == (5.0, 30.0)


@pytest.mark.parametrize(
    ("failure", "unknown"),
    [
        (requests.exceptions.ConnectTimeout(), False),
        (NEW_CONNECTION, False),
        (requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), False),
        (requests.exceptions.SSLError("EOF occurred in violation of protocol"), True),
        (requests.exceptions.ReadTimeout(), True),
        (requests.exceptions.ConnectionError("Remote end closed connection"), True),
        (requests.exceptions.ChunkedEncodingError("broken"), True),
    ],
)
def test_a_change_is_sent_once_and_may_be_unknown(web, service, failure, unknown):
    web.on("POST", PATH, failure)
    with pytest.raises(exception.NovaClientError) as caught:
        change(service)
    assert caught.value.unknown is unknown
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "reason", "unknown"),
    [
        (400, {"badRequest": {"message": "No valid host"}}, "No valid host", False),
        (409, {"errors": [{"detail": "in use"}]}, "in use", False),
        (404, "<html>", "HTTP 404", False),
        (302, {}, "HTTP 302", False),
        (500, {"computeFault": {"message": "timed out"}}, "timed out", True),
        (503, "", "HTTP 503 Service Unavailable", True),
    ],
)
def test_refusals_tell_status_and_reason(web, service, status, body, reason, unknown):
    web.on("POST", PATH, (status, body, {"location": "http://nova.test/elsewhere"}))
    with pytest.raises(exception.NovaClientError) as caught:
        change(service)
    error = caught.value
    assert (error.http_status, error.unknown) == (status, unknown)
    assert str(error) == f"Nova: {reason}"
    assert len(web.requests) == 1


def test_an_answer_that_is_no_json_object_is_an_error(web, service):
    web.on("GET", PATH, (200, "<html>"), (200, "[1]"))
    for _attempt in range(2):
        with pytest.raises(exception.NovaClientError, match="is not"):
            service.get("/things")


def test_without_keystone_nothing_is_sent_and_the_error_says_so(web):
    wire = requests.Session()
    wire.mount("http://", web)
    auth = v3.Password("http://nova.test/identity", username="u", password="p")
    link = adapter.Adapter(
        session.Session(auth=auth, session=wire),
        service_type="compute",
        raise_exc=False,
    )
    service = http.Service(link, "Nova", exception.NovaClientError, retries=0)
    web.on("GET", "/identity", NEW_CONNECTION)
    web.on("POST", "/identity/v3/auth/tokens", NEW_CONNECTION)
    web.on("POST", "/identity/auth/tokens", NEW_CONNECTION)
    for call in (lambda: service.get("/things"), lambda: change(service)):
        with pytest.raises(exception.AuthorizationFailure, match="Nova connection"):
            call()
    assert PATH not in web.paths("POST") + web.paths()


def test_a_refused_token_is_no_error_of_nova(web, service):
    web.on("GET", PATH, (401, {"error": {"message": "who are you"}}))
    with pytest.raises(exception.AuthorizationFailure, match="who are you"):
        service.get("/things")


class Token(noauth.NoAuth):
    """Credentials whose every token is new"""

    tokens = 0

    def get_token(self, session, **kwargs):
        return f"token-{self.tokens}"

    def get_headers(self, session, **kwargs):
        return {"X-Auth-Token": self.get_token(session)}

    def invalidate(self):
        self.tokens += 1
        return True


def test_a_change_is_asked_again_with_a_fresh_token_only(web, service):
    service.adapter.auth = Token(endpoint="http://nova.test/v2.1")
    web.on("POST", PATH, (401, {}), (202, ""))
    change(service)
    tokens = [request.headers["X-Auth-Token"] for request, _q, _t in web.requests]
    assert tokens == ["token-0", "token-1"]
    web.rules.clear()
    web.on("POST", PATH, (401, {}))
    with pytest.raises(exception.AuthorizationFailure):
        change(service)
    assert len(web.requests) == 4


def test_a_change_that_could_not_start_in_time_is_not_sent(web, service):
    web.on("POST", PATH, (202, ""))
    late = time.monotonic() - http.START_S - 0.1
    with pytest.raises(exception.AuthorizationFailure, match="nothing was sent"):
        service.change("POST", "/things", "2.56", {}, "req-ours", begun=late)
    assert web.requests == []


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T12:00:05Z",
        "2026-03-01T12:00:05.000000",
        "2026-03-01T13:00:05+01:00",
    ],
)
def test_moments_are_naive_utc(text):
    assert http.moment(text).isoformat() == "2026-03-01T12:00:05"
    assert http.moment(None) is None
