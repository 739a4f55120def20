"""What the HTTP libraries say, on real sockets, about requests that got no answer."""

import contextlib
import socket
import threading

import pytest
from keystoneauth1 import adapter, noauth, session

from watcher import exception
from watcher.clients.http import Service


def service_at(port):
    auth = noauth.NoAuth(endpoint=f"http://127.0.0.1:{port}")
    link = adapter.Adapter(
        session.Session(auth=auth, timeout=5), service_type="compute", raise_exc=False
    )
    return Service(link, "Nova", exception.NovaClientError, retry_interval_s=0.01)


def change(service):
    with pytest.raises(exception.NovaClientError) as caught:
        service.change("POST", "/servers/x/action", "2.56", {}, "req-1")
    return caught.value


@contextlib.contextmanager
def listener(answer):
    """Accept connections, read each request, send ``answer`` and hang up"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen = []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    link, _address = server.accept()
                    with link:
                        seen.append(link.recv(65536))
                        link.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], seen
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_nobody_listens_so_it_was_not_done():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = change(service_at(port))
    assert not error.unknown and error.http_status is None


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.", b"nonsense\r\n\r\n"])
def test_the_other_side_hung_up_so_it_may_have_been_done(answer):
    with listener(answer) as (port, seen):
        assert change(service_at(port)).unknown
        assert len(seen) == 1


def test_reading_is_tried_again():
    with listener(b"") as (port, seen):
        with pytest.raises(exception.NovaClientError):
            service_at(port).get("/servers")
        assert len(seen) == 4


def test_a_body_that_breaks_off_is_unknown_too():
    half = b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\nhalf"
    with listener(half) as (port, _seen):
        assert change(service_at(port)).unknown
