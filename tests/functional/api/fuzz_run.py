"""Sends requests, judges the answers and keeps count."""

import collections
import json
import logging

import hypothesis
from hypothesis import HealthCheck, Phase, settings

from tests.functional.api import (
    fuzz_oracle,
    fuzz_round,
    fuzz_sense,
    fuzz_small,
    fuzz_walk,
)
from tests.functional.api.fuzz_bodies import POSTS
from tests.functional.api.fuzz_drafts import JSON_TYPE, resolve
from tests.functional.api.fuzz_routes import template
from tests.functional.api.fuzz_wire import Request

# Failures after which a run has told enough.
ENOUGH = 25


def examples(strategy, number, seed, use):
    """Call ``use`` with ``number`` examples of a strategy"""

    @hypothesis.seed(seed)
    @settings(
        max_examples=number,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(strategy)
    def each(example):
        use(example)

    each()


def drawn(strategy, number, seed):
    """Return ``number`` examples of a strategy; the same ones for the same seed"""
    found = []
    examples(strategy, number, seed, found.append)
    return found


class Tally:
    """What was sent and what came back, added up over runs"""

    def __init__(self, name):
        self.name = name
        self.sent, self.statuses = collections.Counter(), collections.Counter()
        self.routes = collections.Counter()
        self.checks = 0
        self.slowest = (0.0, "")

    def count(self, request, answer):
        self.sent[request.method, request.who] += 1
        self.statuses[answer.status] += 1
        self.routes[request.method, template(request.path), request.who] += 1
        if answer.seconds > self.slowest[0]:
            self.slowest = (answer.seconds, f"{request.method} {request.target[:80]}")

    @property
    def total(self):
        return self.sent.total()

    def line(self):
        """One line for the report"""

        def listed(counter):
            return ", ".join(f"{key} {n}" for key, n in sorted(counter.items()))

        methods, roles = collections.Counter(), collections.Counter()
        for (method, role), number in self.sent.items():
            methods[method] += number
            roles[role] += number
        return (
            f"{self.name}: {self.total} fuzzed requests and {self.checks} checking ones; "
            f"{listed(methods)}; {listed(roles)}; statuses {listed(self.statuses)}; "
            f"slowest {self.slowest[0] * 1000:.0f} ms ({self.slowest[1]})"
        )


class Log(logging.Handler):
    """Keeps the last error that the application logged, with its stack trace"""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.last = ""

    def emit(self, record):
        self.last = self.format(record)


class Run:
    """One world under fire"""

    def __init__(self, world, wire, tally):
        self.world, self.wire, self.tally = world, wire, tally
        self.failures = {}
        self._log = Log()
        logging.getLogger("watcher").addHandler(self._log)
        self._print = world.fingerprint()
        description = wire.send(Request("GET", "/v1/openapi.json"))
        self.document = json.loads(description.body)
        self._judge = fuzz_oracle.Judge(self.document)

    def close(self):
        """Listen to the log no longer"""
        logging.getLogger("watcher").removeHandler(self._log)

    def draw(self, strategy, number, seed, only=lambda request: True):
        """Send ``number`` requests of a strategy; the same ones for the same seed

        ``only`` tells which of them can be sent at all.
        """

        def each(draft):
            if len(self.failures) < ENOUGH:
                request = resolve(draft, self.world)
                if only(request):
                    self.send(request)

        examples(strategy, number, seed, each)

    def send(self, request):
        """Send one request and note what is wrong with the answer"""
        before = None
        if request.who == fuzz_oracle.ADMIN:
            if request.method == "PATCH":
                before = self._shown(request.path)
            elif request.path.rstrip("/").endswith("/start"):
                before = self._shown(request.path.rstrip("/").removesuffix("/start"))
        answer, found = self.attempt(request)
        self.tally.count(request, answer)
        if (
            not found
            and answer.status < 300
            and request.method not in fuzz_oracle.READS
        ):
            found = self._afterwards(request, answer, before)
        if found:
            self._fail(request, answer, found)

    def note(self, request, answer):
        """Judge an answer by itself, whoever sent the request"""
        self.tally.count(request, answer)
        if found := self._judge(request, answer):
            key = (found[0], request.method, template(request.path))
            self.failures.setdefault(key, f"{found[0][:1500]}\n  {request.curl()}")

    def attempt(self, request):
        """Send a request; return the answer and what is wrong, seen by itself"""
        messages = self.world.bus.sent
        answer = self.wire.send(request)
        found = self._judge(request, answer)
        now = self.world.fingerprint()
        quiet = answer.status >= 300 or request.method in fuzz_oracle.READS
        if quiet and now != self._print:
            found.append("a request that was refused, or reads, has changed a table")
        if quiet and self.world.bus.sent != messages:
            found.append("a request that was refused, or reads, has sent a message")
        if now != self._print:
            self._print = now
            self.world.learn()
        return answer, found

    def _fail(self, request, answer, found):
        key = (found[0].split(":")[0], request.method, template(request.path))
        if key in self.failures:
            return
        small, small_answer = fuzz_small.smaller(self, request, answer, found)
        told = f"  {small_answer.status} {small_answer.body[:600]!r}"
        if small_answer.status >= 500:
            told += f"\n{self._log.last}"
        self.failures[key] = f"{'; '.join(found)[:1500]}\n  {small.curl()}\n{told}"

    def walk(self):
        """Read every list to its end in every order"""
        for place, flaw in fuzz_walk.flaws(self.get, self.world.live):
            self.failures["walk", place] = flaw

    # What must work after a change -----------------------------------------------------

    def get(self, target, **headers):
        """A checking request of the administrator"""
        path, _mark, query = target.partition("?")
        names = {"OpenStack-API-Version": "infra-optim 1.7"} | headers
        given = tuple(
            (name, value) for name, value in names.items() if value is not None
        )
        answer = self.wire.send(Request("GET", path, query, given))
        self.tally.checks += 1
        return answer

    def _shown(self, path):
        answer = self.get(path)
        if answer.status != 200 or not answer.header("content-type").endswith("json"):
            return None
        return json.loads(answer.body)

    def _afterwards(self, request, answer, before):
        noun = next(p for p in request.path.split("/") if p not in ("", "v1"))
        found = []
        for target in (noun, f"{noun}/detail"):
            for key in ("id", "updated_at"):
                query = f"sort_key={key}&sort_dir=desc&limit=3"
                again = self.get(f"/v1/{target}?{query}")
                if noun != "webhooks" and again.status != 200:
                    found.append(f"GET {target} gives {again.status} afterwards")
        if request.method == "DELETE":
            gone = self.get(request.path)
            if gone.status not in (404, 200):
                found.append(f"GET gives {gone.status} after DELETE")
        elif request.method == "PUT":
            shown = self._shown(request.path)
            if shown is not None and shown != json.loads(request.body):
                found.append(f"GET shows {shown}, which nobody sent")
        elif answer.body and answer.header("content-type") == JSON_TYPE[1]:
            found += self._round(request, json.loads(answer.body), noun, before)
        return found

    def _round(self, request, told, noun, before):
        path = f"/v1/{noun}/{told['uuid']}"
        deleted = {"X-Show-Deleted": "true"} if told.get("deleted_at") else {}
        # Seen through the same version, and with the same links.
        same = {
            name: request.header(name, None)
            for name in ("OpenStack-API-Version", "Host", "X-Forwarded-Host")
        }
        again = self.get(path, **same, **deleted)
        if again.status != 200:
            return [f"GET gives {again.status} afterwards"]
        shown = json.loads(again.body)
        if shown != told:
            return [f"GET shows {shown}, the answer was {told}"]
        row = json.loads(self.get(path, **deleted).body)
        found = list(fuzz_sense.nonsense(noun, before, row, self.world.goals))
        try:
            if request.method == "PATCH" and before is not None:
                sent = json.loads(request.body)
                found += fuzz_round.of_patch(noun, sent, before, row)
            if request.method == "POST" and noun in POSTS:
                found += fuzz_round.of_post(noun, json.loads(request.body), row)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            found.append(f"accepted, though it makes no sense: {error!r}")
        return found
