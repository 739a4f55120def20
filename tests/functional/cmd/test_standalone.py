"""How the API of the standalone service ends."""

import http.client
import threading
import time

import pytest

from tests import servers
from watcher.cmd.standalone import Guest, HttpServer


@pytest.fixture
def gate():
    """Lets the slow request be answered"""
    return threading.Event()


@pytest.fixture
def server(gate):
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            gate.wait(10)
        start_response("200 OK", [("Content-Length", "4")])
        return [b"done"]

    server = HttpServer(application, servers.free_port())
    server.start()
    yield server
    gate.set()
    server.stop(time.monotonic() + 5)


def ask(server, path="/"):
    connection = http.client.HTTPConnection(servers.LOOPBACK, server._port)
    connection.request("GET", path)
    return connection


def test_an_open_connection_does_not_hold_up_the_end(server):
    connection = ask(server)
    assert connection.getresponse().read() == b"done"
    start = time.monotonic()
    server.stop(start + 10)
    assert time.monotonic() - start < 2
    assert not servers.listens(server._port)


def test_an_answer_under_way_is_sent_before_the_end(server, gate):
    connection = ask(server, "/slow")
    time.sleep(0.2)
    threading.Timer(0.5, gate.set).start()
    start = time.monotonic()
    server.stop(float("inf"))
    assert time.monotonic() - start < 2
    assert connection.getresponse().read() == b"done"


def test_a_request_without_end_is_left_at_the_deadline(server):
    ask(server, "/slow")
    time.sleep(0.2)
    start = time.monotonic()
    server.stop(start + 0.5)
    assert 0.4 < time.monotonic() - start < 2


def test_only_who_calls_this_machine_by_its_name_is_taken_for_an_administrator():
    seen = []

    def inner(environ, start_response):
        seen.append(environ.get("HTTP_X_ROLES"))
        return []

    guest = Guest(inner)
    for host in ("127.0.0.1:9322", "localhost:9322", "evil.example.org:9322"):
        guest({"HTTP_HOST": host}, None)
    guest({"HTTP_HOST": "localhost:9322", "HTTP_X_ROLES": "member"}, None)
    assert seen == ["admin", "admin", None, "member"]
