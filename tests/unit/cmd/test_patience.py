"""Clients that stop in the middle are given up; the doors of health stay open."""

import socket
import threading
import time

from watcher.cmd import patience


class Connection:
    """What gunicorn calls a connection: something with a socket"""

    def __init__(self, sock):
        self.sock = sock


def test_who_does_not_send_on_is_given_up_but_still_gets_an_answer():
    ours, theirs = socket.socketpair()
    theirs.sendall(b"half")
    watch = patience.Watch(receive_s=0.1, whole_s=60)
    with ours, theirs, watch.over(Connection(ours)):
        ours.settimeout(10)
        assert ours.recv(10) == b"half"
        assert ours.recv(10) == b""
        ours.sendall(b"400")
        assert theirs.recv(10) == b"400"


def test_who_does_not_read_is_given_up_too():
    ours, theirs = socket.socketpair()
    watch = patience.Watch(receive_s=0.1, whole_s=0.2)
    with ours, theirs, watch.over(Connection(ours)):
        ours.settimeout(10)
        start = time.monotonic()
        try:
            while True:
                ours.sendall(b"x" * 100_000)
        except BrokenPipeError:
            pass
        assert time.monotonic() - start < 5


def test_a_connection_that_is_done_is_left_alone():
    ours, theirs = socket.socketpair()
    watch = patience.Watch(receive_s=0.1, whole_s=0.1)
    with ours, theirs:
        with watch.over(Connection(ours)):
            pass
        time.sleep(1.3)
        theirs.sendall(b"next")
        assert ours.recv(10) == b"next"


def test_some_requests_at_a_time_enter_and_health_does_not_wait():
    inside, most, go = [], [], threading.Event()

    def application(environ, start_response):
        if environ["PATH_INFO"] == "/healthcheck":
            return [b"healthy"]
        inside.append(1)
        most.append(len(inside))
        go.wait(10)
        inside.pop()
        return []

    gate = patience.Gate(application, most=2)
    threads = [
        threading.Thread(target=gate, args=({"PATH_INFO": "/v1"}, None))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    assert gate({"PATH_INFO": "/healthcheck"}, None) == [b"healthy"]
    go.set()
    for thread in threads:
        thread.join()
    assert max(most) == 2 and len(most) == 6
