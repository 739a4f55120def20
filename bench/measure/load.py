"""Eight clients at once against a watcher-api process, and a stand-in for the engines."""

import http.client
import itertools
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

import watcher.conf
from measure import servers
from watcher import rpc
from watcher.db import models
from watcher.db.session import Database

Ask = Callable[[int], tuple[str, str, Any]]
HEADERS = {
    "X-Roles": "admin",
    "OpenStack-API-Version": "infra-optim 1.7",
    "Content-Type": "application/json",
}


class _Engine:
    """Answers as a decision engine or an applier would, at once"""

    def trigger_audit(self, context: Any, audit_uuid: str) -> None:
        """Hear of an audit"""

    def launch_action_plan(self, context: Any, action_plan_uuid: str) -> None:
        """Hear of a plan"""

    def get_strategy_info(self, context: Any, strategy_name: str) -> list[Any]:
        """Return what a strategy needs"""
        return [{"type": "Metrics", "state": [], "mandatory": False, "comment": ""}]


class Api:
    """watcher-api with two workers, while the block lasts"""

    clients, workers = 8, 2

    def __init__(self, url: str, broker: str | None) -> None:
        self.port = servers.free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="watcher-bench-")
        self._config = pathlib.Path(self._folder.name) / "watcher.conf"
        self._config.write_text(
            "[DEFAULT]\nenable_authentication = false\nnotification_level =\n"
            f"transport_url = {broker or 'fake://'}\n"
            f"log_file = {self._folder.name}/log\n[database]\nconnection = {url}\n"
            f"[api]\nport = {self.port}\nworkers = {self.workers}\n"
        )
        self._broker = broker
        self._engines: list[Any] = []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Api":
        if self._broker:
            files = ["--config-file", str(self._config)]
            bus = rpc.Rpc(watcher.conf.load("bench", files))
            topics = ("watcher.decision.control", "watcher.applier.control")
            self._engines = [bus.server(topic, [_Engine()]) for topic in topics]
            for engine in self._engines:
                engine.start()
                engine.wait(60)
        program = pathlib.Path(sys.executable).with_name("watcher-api")
        command = [str(program), "--config-file", str(self._config)]
        self._process = subprocess.Popen(command)
        servers.wait_until(lambda: servers.listens(self.port), 60, "watcher-api")
        return self

    def __exit__(self, *error: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
        for engine in self._engines:
            engine.stop(time.monotonic() + 10)
        self._folder.cleanup()


def latencies(api: Api, ask: Ask, calls: int) -> tuple[float, float, float]:
    """Return p50 and p99 in milliseconds, and how many calls a second were answered"""
    numbers, found = itertools.count(), []

    def client() -> None:
        link = http.client.HTTPConnection("127.0.0.1", api.port, timeout=60)
        while (number := next(numbers)) < calls:
            method, path, body = ask(number)
            raw = None if body is None else json.dumps(body)
            start = time.perf_counter()
            link.request(method, path, raw, HEADERS)
            answer = link.getresponse()
            text = answer.read()
            found.append(1000 * (time.perf_counter() - start))
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        link.close()

    threads = [threading.Thread(target=client) for _ in range(api.clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(found) != calls:
        raise RuntimeError(f"{calls - len(found)} of {calls} calls failed")
    cuts = statistics.quantiles(found, n=100)
    return cuts[49], cuts[98], calls / (time.perf_counter() - start)


def kinds(db: Database, engines: bool) -> Iterator[tuple[str, Ask]]:
    """Return the kinds of calls; ``engines``: those that need one, too"""
    idents = {
        kind: db.read(lambda tx, kind=kind: list(tx.scalars(sa.select(kind.uuid))))
        for kind in (
            models.Audit,
            models.ActionPlan,
            models.Action,
            models.AuditTemplate,
        )
    }
    audits, plans, actions, templates = idents.values()
    for noun in ("audits", "action_plans", "actions"):
        for suffix in ("", "/detail"):
            path = f"/v1/{noun}{suffix}?limit=100"
            yield f"GET {path}", lambda n, path=path: ("GET", path, None)
    yield "GET an audit", lambda n: ("GET", f"/v1/audits/{audits[n]}", None)
    yield "GET an audit by name", lambda n: ("GET", f"/v1/audits/audit-{n + 1}", None)
    yield "GET an action plan", lambda n: ("GET", f"/v1/action_plans/{plans[n]}", None)
    yield "GET an action", lambda n: ("GET", f"/v1/actions/{actions[n]}", None)
    yield (
        "POST an audit template",
        lambda n: (
            "POST", "/v1/audit_templates", {"name": f"new-{n}", "goal": "goal-1"},
        ),
    )  # fmt: skip
    yield (
        "PATCH an audit template",
        lambda n: (
            "PATCH", f"/v1/audit_templates/{templates[n]}",
            [{"op": "replace", "path": "/description", "value": "patched"}],
        ),
    )  # fmt: skip
    yield (
        "DELETE an audit template",
        lambda n: ("DELETE", f"/v1/audit_templates/{templates[-n - 1]}", None),
    )
    yield (
        "POST an EVENT audit",
        lambda n: (
            "POST", "/v1/audits",
            {"audit_type": "EVENT", "goal": "goal-1", "name": f"event-{n}"},
        ),
    )  # fmt: skip
    if not engines:
        return
    yield (
        "POST a ONESHOT audit",
        lambda n: (
            "POST", "/v1/audits",
            {"audit_type": "ONESHOT", "goal": "goal-1", "name": f"once-{n}"},
        ),
    )  # fmt: skip
    yield (
        "POST .../start of a plan",
        lambda n: ("POST", f"/v1/action_plans/{plans[n]}/start", {}),
    )
    yield (
        "PATCH: cancel a plan",
        lambda n: (
            "PATCH", f"/v1/action_plans/{plans[-n - 1]}",
            [{"op": "replace", "path": "/state", "value": "CANCELLED"}],
        ),
    )  # fmt: skip
    yield (
        "DELETE an action plan",
        lambda n: ("DELETE", f"/v1/action_plans/{plans[-n - 1]}", None),
    )
    yield (
        "GET .../state of a strategy",
        lambda n: ("GET", "/v1/strategies/strategy-1/state", None),
    )
