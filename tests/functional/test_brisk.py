"""The lease and a network that swallows packets."""

import contextlib
import socket
import threading
import time

import pytest

from tests import worlds
from watcher.cmd import wiring
from watcher.lease import Lease


class Proxy:
    """Forwards a TCP port, or silently keeps everything to itself"""

    def __init__(self, port):
        self._port = port
        self.silent = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source, sink):
        swallowing = False
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                # What was swallowed once is gone: the stream stays dead.
                swallowing = swallowing or self.silent.is_set()
                if not swallowing:
                    sink.sendall(chunk)

    def close(self):
        self._listener.close()


@pytest.mark.mysql
def test_a_lease_survives_connections_that_went_silent(mariadb, monkeypatch):
    monkeypatch.setattr(wiring, "_SILENCE", {"mysql": "read_timeout=2&write_timeout=2"})
    url = mariadb.create()
    world = worlds.World(url)
    proxy = Proxy(mariadb.port)
    conf = worlds.configuration(url.replace(f":{mariadb.port}/", f":{proxy.port}/"))
    store = wiring.LeaseTable(wiring.brisk_database(conf, "t"))
    lease = Lease(store, service="t", host="h", renew_s=0.2)
    lease.start()
    try:
        assert lease.wait(10)
        proxy.silent.set()
        time.sleep(1)
        proxy.silent.clear()  # the network is back, the old connection is not
        renewed = lease._renewed
        end = time.monotonic() + 8
        while lease._renewed == renewed:
            assert time.monotonic() < end, "still waiting on a dead connection"
            time.sleep(0.1)
        assert lease.may_start() and lease.claim.epoch == 1
    finally:
        lease.stop(time.monotonic() + 3)
        proxy.close()
        world.close()
