"""The API under the servers that operators run: watcher-api, gunicorn, uWSGI, Apache."""

import concurrent.futures
import os
import pathlib
import re
import signal
import socket
import tempfile
import threading
import time

import pytest

from tests import servers, web

HEADERS = b"Host: x\r\nX-Roles: admin\r\nContent-Type: application/json\r\n"
KINDS = (
    (web.WatcherApi, ""),
    (web.Standalone, ""),
    (web.Gunicorn, "/infra-optim"),
    (web.Uwsgi, ""),
    (web.Uwsgi, "/infra-optim"),
    (web.ModWsgi, "/infra-optim"),
)


@pytest.fixture(scope="module")
def folder():
    """A folder that Apache's account may enter"""
    with tempfile.TemporaryDirectory(prefix="watcher-web-") as path:
        found = pathlib.Path(path)
        found.chmod(0o755)
        yield found


def serve(kind, folder, prefix="", **options):
    place = (
        folder / f"{kind.name}{prefix.replace('/', '-')}{len(list(folder.iterdir()))}"
    )
    place.mkdir(mode=0o755)
    url = f"sqlite:///{place}/watcher.sqlite"
    config = web.configure(place, url, workers=2, **options)
    return kind(place, config, prefix).start()


@pytest.fixture(
    scope="module", params=KINDS, ids=lambda kind: f"{kind[0].name}{kind[1]}"
)
def site(request, folder):
    """One server for all tests of this module that ask for it"""
    kind, prefix = request.param
    if kind is web.ModWsgi and (reason := web.ModWsgi.missing()):
        pytest.skip(reason)
    server = serve(kind, folder, prefix)
    yield server
    server.stop()


def test_requests_of_every_kind_are_served_by_several_processes(site):
    body = {"audit_type": "EVENT", "goal": "dummy", "name": "a/b.json"}
    made = site.ask("POST", "/v1/audits", body)
    assert made.status == 201, made.raw
    uuid = made.json["uuid"]
    path = f"/v1/audits/{uuid}"
    base = f"http://127.0.0.1:{site.port}"
    # Locations have the prefix that the application is mounted at, links have none.
    assert made.headers["Location"] == f"{base}{site.prefix}{path}"
    assert made.json["links"][0]["href"] == f"{base}{path}"
    discovery = site.get("/v1/").json
    assert discovery["audits"][0]["href"] == f"{base}{site.prefix}/v1/audits/"
    assert site.get("/v1/audits?limit=1").json["next"].startswith(f"{base}/v1/audits?")
    # Which slashes were encoded is only seen in the path as it was sent.
    assert site.get("/v1/audits/a%2Fb.json").json["uuid"] == uuid
    head = site.ask("HEAD", path)
    assert head.status == 200 and head.raw == b""
    patch = [{"op": "replace", "path": "/name", "value": "c"}]
    assert site.ask("PATCH", path, patch).json["name"] == "c"
    refused = site.ask("PUT", path)
    assert refused.status == 405
    assert refused.headers["Allow"] == "DELETE, GET, HEAD, PATCH"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda _: site.get("/v1/audits/detail"), range(64)):
            assert answer.status == 200 and answer.json["audits"][0]["uuid"] == uuid
            assert answer.headers["x-openstack-request-id"].startswith("req-")


def test_health_and_readiness_are_told(site):
    for path in ("/healthcheck", "/readyz"):
        answer = site.get(path)
        assert answer.status == 200 and answer.json["reasons"] == []
        assert site.ask("HEAD", path).status == 200


def post(site, rest):
    return b"POST " + site.prefix.encode() + b"/v1/audits HTTP/1.1\r\n" + HEADERS + rest


def get(site, path, rest=b""):
    return b"GET " + site.prefix.encode() + path + b" HTTP/1.1\r\n" + HEADERS + rest


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
MEGABYTES = b"200000\r\n" + b" " * 0x200000 + b"\r\n0\r\n\r\n"


def test_bodies_that_are_too_long_are_refused_however_they_come(site):
    long = post(site, b"Content-Length: 2000000\r\n\r\n")
    assert site.send(long + b" " * 2_000_000) == 413
    assert site.send(post(site, b"Content-Length: 99999999999\r\n\r\n{")) == 413
    # A server that hands over no chunks says so.
    assert site.send(post(site, CHUNKED + MEGABYTES)) in (413, 411)


TROUBLE = {
    "a body that ends early": (b"Content-Length: 50\r\n\r\n{", True),
    "a chunk that is none": (CHUNKED + b"ZZ\r\n", True),
    "a chunk that ends early": (CHUNKED + b"ff\r\n{", True),
    "no last chunk": (CHUNKED + b"2\r\n{}\r\n", True),
    "negative length": (b"Content-Length: -5\r\n\r\n{}", True),
    "no number": (b"Content-Length: many\r\n\r\n{}", True),
    "two lengths": (b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", True),
    "length and chunks": (b"Content-Length: 9\r\n" + CHUNKED + b"0\r\n\r\n", True),
    "two encodings": (b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", True),
    "waits for 100": (b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", True),
    "deep": (b"Content-Length: 200000\r\n\r\n" + b"[" * 200000, False),
    "not UTF-8": (b"Content-Length: 4\r\n\r\n\xff\xfe\x00{", False),
    "NULs": (b"Content-Length: 4\r\n\r\n\0\0\0\0", False),
}
ODD_HEADERS = (
    b"OpenStack-API-Version: \xff\xfe\r\n",
    b"OpenStack-API-Version: infra-optim " + b"9" * 4000 + b"\r\n",
    b"X-Auth-Token: \x80\x81\r\n",
    b"Accept: " + b"a/b;q=0.1," * 700 + b"\r\n",
    b"Accept: ;;;\xff,/\r\n",
    b"Accept-Language: \xff\r\n",
    b"Cookie: \xff=;=;\xfe\r\n",
    b"Authorization: Basic \xff\r\n",
    b'Range: bytes=-\r\nIf-Modified-Since: never\r\nIf-Match: "\r\n',
    b"Forwarded: ;=;proto\r\nX-Forwarded-Prefix: \xff\r\n",
    b"Origin: \xff\r\nAccess-Control-Request-Method: \xff\r\n",
    b"Host: second\r\n",
    b"X-Show-Deleted: \xff\r\n",
    b"X-OpenStack-Request-Id: \xff\r\n",
    b"Bad Name: x\r\n",
    b"No-Colon\r\n",
    b"NUL: a\0b\r\n",
    b"Long: " + b"x" * 100_000 + b"\r\n",
    b"".join(b"H%d: x\r\n" % number for number in range(500)),
)
ODD_PATHS = (
    b"/v1/goals/%00",
    b"/v1/goals/%ff%fe",
    b"/v1/goals/\xff",
    b"/v1/goals/%",
    b"/v1/goals/%zz",
    b"/v1/goals?limit=%ff&marker=%00",
    b"/v1/goals?" + b"a=b&" * 1500,
    b"/v1/" + b"x" * 70_000,
    b"/v1/" + b"/" * 4000,
    b"/v1/%2e%2e%2f%2e%2e%2fetc",
    b"/v1/goals/..;/..",
    b"http://[::1",
    b"*",
    b"/v1/goals/ space",
)
GARBAGE = (
    b"GET /\r\n\r\n",
    b"GET",
    b"\r\n\r\n\r\n",
    b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"get /v1/goals HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
    b"\0" * 5000,
    b"\xff" * 5000,
)


def test_nothing_that_a_socket_can_send_is_an_error_of_ours(site):
    sent = {name: (post(site, rest), end) for name, (rest, end) in TROUBLE.items()}
    sent |= {str(rest[:40]): (get(site, b"/v1/goals", rest + b"\r\n"), True)
             for rest in ODD_HEADERS}  # fmt: skip
    sent |= {str(path[:40]): (get(site, path, b"\r\n"), True) for path in ODD_PATHS}
    sent |= {str(raw[:40]): (raw, True) for raw in GARBAGE}
    found = {name: site.send(raw, end=end) for name, (raw, end) in sent.items()}
    # Of encodings, methods and versions that are none, a server may say so itself.
    ours = {name for name, status in found.items() if (status or 0) >= 500}
    ours = {name for name in ours if found[name] not in (501, 505)}
    if isinstance(site, web.ModWsgi):
        # Said by Apache to nobody: the client has closed its side.
        ours.discard("a body that ends early")
    if isinstance(site, web.Gunicorn):
        # Paths outside the prefix that it was told.
        ours -= {str(raw[:40]) for raw in GARBAGE if raw.startswith((b"OPT", b"CON"))}
    assert not ours, found
    assert site.get("/v1/goals").status == 200
    assert site.get("/v1/audits").json["audits"][0]["name"] == "c"


def test_a_server_that_reads_to_the_end_says_what_is_wrong(site):
    if isinstance(site, web.ModWsgi):
        pytest.skip("Apache answers these by itself")
    early, _ = TROUBLE["a body that ends early"]
    # Waitress hangs up on clients that close their side.
    wanted = None if isinstance(site, web.Standalone) else 400
    assert site.send(post(site, early), end=True) == wanted
    assert site.send(post(site, TROUBLE["a chunk that is none"][0])) in (400, 411)
    assert site.send(post(site, TROUBLE["not UTF-8"][0])) == 400
    assert site.send(post(site, TROUBLE["deep"][0])) == 400


# watcher-api's own processes ----------------------------------------------------------


@pytest.fixture
def api(folder):
    server = serve(web.WatcherApi, folder)
    yield server
    server.stop()


def workers(server):
    """Return the process ids of the children"""
    task = f"/proc/{server.process.pid}/task/{server.process.pid}/children"
    return {int(word) for word in pathlib.Path(task).read_text().split()}


class Load:
    """Clients that ask without a pause; ``failed`` lists what got no good answer"""

    def __init__(self, server):
        self.server, self.failed, self.served = server, [], 0
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(4)]

    def _run(self):
        while not self._end.is_set():
            try:
                answer = self.server.get("/v1/goals/detail")
            except OSError as error:
                self.failed.append(error)
            else:
                self.served += 1
                if answer.status != 200:
                    self.failed.append(answer.raw)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._end.set()
        for thread in self._threads:
            thread.join()


def all_workers(api):
    servers.wait_until(lambda: len(workers(api)) == 2, 60, "both workers")
    return workers(api)


def test_all_workers_serve_and_a_killed_one_is_replaced(api):
    first = all_workers(api)

    def all_served():
        log = (api.config.parent / "api.log").read_text()
        return set(map(int, re.findall(r" (\d+) INFO gunicorn.access", log))) >= first

    with Load(api):
        servers.wait_until(all_served, 30, "an answer of every worker")
    victim = first.pop()
    os.kill(victim, signal.SIGKILL)
    servers.wait_until(lambda: len(workers(api) - {victim}) == 2, 60, "a new worker")
    with Load(api) as load:
        time.sleep(1)
    assert not load.failed and load.served > 10


def test_a_reload_loses_no_request(api):
    before = all_workers(api)
    with Load(api) as load:
        time.sleep(0.5)
        os.kill(api.process.pid, signal.SIGHUP)
        servers.wait_until(
            lambda: len(workers(api)) == 2 and not workers(api) & before, 40, "reload"
        )
        time.sleep(0.5)
    assert not load.failed and load.served > 10


def test_a_mistake_in_the_configuration_does_not_end_what_serves(api):
    before = all_workers(api)
    config = api.folder / "watcher.conf"
    good = config.read_text()
    config.write_text(good.replace("fake://", "rubbish"))
    os.kill(api.process.pid, signal.SIGHUP)
    log = api.config.parent / "api.log"
    told = "not read again: [DEFAULT] transport_url"
    servers.wait_until(lambda: told in log.read_text(), 20, "the refusal")
    assert api.get("/v1/goals").status == 200 and workers(api) == before
    config.write_text(good)
    os.kill(api.process.pid, signal.SIGHUP)
    servers.wait_until(
        lambda: len(workers(api)) == 2 and not workers(api) & before, 40, "reload"
    )
    assert api.get("/v1/goals").status == 200


def test_sigterm_answers_what_is_under_way_and_ends(api):
    body = b'{"audit_type": "EVENT", "goal": "dummy", "name": "late"}'
    with socket.create_connection((servers.LOOPBACK, api.port), 20) as link:
        link.sendall(post(api, b"Content-Length: %d\r\n\r\n" % len(body)))
        time.sleep(0.5)
        os.kill(api.process.pid, signal.SIGTERM)
        time.sleep(0.5)
        link.sendall(body)
        assert link.recv(65536).startswith(b"HTTP/1.1 201")
    assert api.process.wait(20) == 0
    assert not servers.listens(api.port)


def test_clients_that_stop_in_the_middle_do_not_stop_the_others(api):
    slow = [socket.create_connection((servers.LOOPBACK, api.port)) for _ in range(40)]
    try:
        for number, link in enumerate(slow):
            start = post(api, b"Content-Length: 50\r\n\r\n{")
            link.sendall(start if number % 2 else start[:30])
        time.sleep(0.5)
        begin = time.monotonic()
        for _ in range(10):
            assert api.get("/v1/goals").status == 200
        assert time.monotonic() - begin < 5
    finally:
        for link in slow:
            link.close()


class Sick(web.WatcherApi):
    """watcher-api of which nothing is expected but that it is there"""

    def _answers(self):
        return servers.listens(self.port)


def test_what_takes_connections_and_says_nothing_holds_up_no_probe(folder):
    """The database is silent and the broker away: that is told, soon, to everybody"""
    place = folder / "sick"
    place.mkdir()
    config = web.configure(place, f"sqlite:///{place}/watcher.sqlite", workers=1)
    with socket.create_server((servers.LOOPBACK, 0), backlog=200) as silent:
        port = silent.getsockname()[1]
        text = config.read_text().replace(
            f"sqlite:///{place}/watcher.sqlite",
            f"mysql://root@127.0.0.1:{port}/watcher",
        )
        away = f"rabbit://guest:guest@127.0.0.1:{servers.free_port()}/"
        config.write_text(text.replace("fake://", away))
        server = Sick(place, config).start()
        try:
            begin = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(20) as pool:
                found = list(pool.map(server.get, ["/readyz", "/healthcheck"] * 20))
            assert time.monotonic() - begin < 10
        finally:
            server.stop()
    for answer, status, reasons in zip(
        found, [503, 200] * 20, [2, 0] * 20, strict=True
    ):
        assert answer.status == status and len(answer.json["reasons"]) == reasons
        assert b"127.0.0.1" not in answer.raw and b"guest" not in answer.raw


@pytest.mark.acceptance
def test_a_client_that_stops_in_the_middle_is_given_up(api):
    with socket.create_connection((servers.LOOPBACK, api.port), 60) as link:
        link.sendall(post(api, b"Content-Length: 50\r\n\r\n{"))
        begin = time.monotonic()
        assert link.recv(65536).startswith(b"HTTP/1.1 400")
        assert 15 < time.monotonic() - begin < 30
    # So many that every thread waits; they are all given up.
    slow = [socket.create_connection((servers.LOOPBACK, api.port)) for _ in range(500)]
    for link in slow:
        link.sendall(b"POST /v1/audits HTTP/1.1\r\n")
    time.sleep(1)
    assert api.get("/v1/goals").status == 200
    for link in slow:
        link.close()
