"""The published library with a look at what it sends and is sent."""

import contextlib
import json
import threading

import requests
import waitress
from keystoneauth1 import noauth, session
from watcherclient.v1.client import Client

import watcher.conf
from tests import servers
from tests.contract.standalone import ADMIN
from tests.unit.api.conftest import Bus, seed
from tests.unit.api.conftest import Client as UnitClient
from watcher.api import app
from watcher.db import migration
from watcher.db.session import Database
from watcher.plugins import Plugins
from watcher.policy import Enforcer


class Wire:
    """A client of the library; ``seen`` are the answers that came, each with its request"""

    def __init__(self, url, version="1.7", headers=ADMIN, **more):
        self.seen = []
        http = requests.Session()
        http.hooks["response"].append(lambda answer, **_more: self.seen.append(answer))
        self.client = Client(
            url,
            session=session.Session(
                auth=noauth.NoAuth(endpoint=url),
                session=http,
                additional_headers=dict(headers),
            ),
            os_infra_optim_api_version=version,
            **{"max_retries": 0, **more},
        )

    @property
    def last(self):
        """The last answer"""
        return self.seen[-1]

    @property
    def sent(self):
        """What was sent last"""
        return self.last.request

    @property
    def body(self):
        """What the body sent last said"""
        return json.loads(self.sent.body)

    @property
    def paths(self):
        """Paths and queries that were asked for, since the last look"""
        found = [answer.request.path_url for answer in self.seen]
        self.seen.clear()
        return found

    @property
    def refusal(self):
        """The text of the last error as it was sent; the library changes what it read"""
        return json.loads(self.last.text)["error_message"]

    def send(self, method, path, **more):
        """Send what the library has no method for, the way it sends everything"""
        return self.client.http_client.json_request(method, path, **more)


class Local:
    """The API alone on a socket, over a database in memory that may fail"""

    def __init__(self, prefix="", max_limit=1000):
        self.conf = watcher.conf.load(
            "test",
            default_config_files=[],
            overrides={
                ("database", "connection"): "sqlite://",
                (None, "enable_authentication"): False,
                ("api", "max_limit"): max_limit,
            },
        )
        self._db = Database(self.conf, actor="api")
        migration.create_schema(self._db.engine)
        self._db.write(seed)
        self.application = app.build(
            self.conf, self, Bus(), Enforcer(self.conf), Plugins.of({})
        )
        self.failures = []
        self.port = servers.free_port()
        self.prefix = prefix
        self.url = f"http://{servers.LOOPBACK}:{self.port}{prefix}"

    def read(self, fn, /, *args, **kwargs):
        """Read, or fail with what the test put into ``failures``"""
        if self.failures:
            raise self.failures.pop()
        return self._db.read(fn, *args, **kwargs)

    def write(self, fn, /, *args, **kwargs):
        """Write"""
        return self._db.write(fn, *args, **kwargs)

    def planned(self):
        """Store an audit and a plan with indicators, as an engine does; return the plan"""
        made = UnitClient(self.application, self)
        body = {"audit_type": "ONESHOT", "goal": "dummy", "strategy": "dummy"}
        return made.plan(made.post("/v1/audits", body).json["uuid"])

    @contextlib.contextmanager
    def served(self):
        """Answer requests meanwhile"""
        server = waitress.create_server(
            self.application,
            host=servers.LOOPBACK,
            port=self.port,
            threads=1,
            url_prefix=self.prefix,
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()

        def close():
            for channel in list(server.active_channels.values()):
                channel.handle_close()
            server.close()

        try:
            yield self
        finally:
            # In the server's own thread, which ends when nothing is open any more; it may
            # have done so before it is woken.
            with contextlib.suppress(OSError):
                server.trigger.pull_trigger(close)
            thread.join(10)
            self._db.dispose()
            assert not thread.is_alive()
