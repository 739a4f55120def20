"""Notifications are heard as soon as the broker lets us, however late that is."""

import time

import watcher.conf
from watcher import bus, parts
from watcher.cluster.collector.listener import Listener

PATIENCE_S = 20


class AccessRefused(Exception):
    """What the library raises when a right is missing"""


class Server:
    """A listener of the library on a broker that refuses it some times"""

    def __init__(self, refusals):
        self.refusals = refusals
        self.running = False

    def connect(self, conf, endpoints):
        return self

    def start(self, override_pool_size):
        if self.refusals:
            self.refusals -= 1
            raise AccessRefused("Login was refused")
        self.running = True

    def stop(self):
        self.running = False

    def wait(self):
        pass


def listening(server, monkeypatch):
    monkeypatch.setattr(parts.Backoff.__init__, "__defaults__", (0.01, 0.02))
    conf = watcher.conf.load("test", default_config_files=[], default_config_dirs=[])
    bus.register(conf)
    conf.set_override("transport_url", "fake://")
    return Listener(conf, {}, connect=server.connect)


def test_a_broker_that_refuses_at_first_is_asked_again(monkeypatch, caplog):
    server = Server(refusals=3)
    listener = listening(server, monkeypatch)
    listener.start()
    assert listener.wait(PATIENCE_S) and server.running
    listener.stop(time.monotonic() + PATIENCE_S)
    assert not server.running
    assert caplog.text.count("Still waiting for notifications of the cloud") == 1


def test_a_broker_that_refuses_for_ever_keeps_nobody_from_ending(monkeypatch):
    server = Server(refusals=10**9)
    listener = listening(server, monkeypatch)
    listener.start()
    assert not listener.wait(0.1)
    listener.stop(time.monotonic() + PATIENCE_S)
    assert not server.running
