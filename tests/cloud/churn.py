"""Does to a real Nova what a busy day does, at random but from a seed, in threads."""

import collections
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from tests import servers
from tests.cloud.operations import Operations

CROWD = (12, 36)
# Seconds after which an operation that a dead host or broker swallowed is given up.
PATIENCE_S = 25.0
IN_TRANSIT = ("BUILD", "RESIZE", "MIGRATING", "REBUILD", "REVERT_RESIZE", "HARD_REBOOT")
PAIRS = (("pause", "unpause"), ("suspend", "resume"), ("os-stop", "os-start"),
         ("rescue", "unrescue"), ("shelve", "unshelve"), ("lock", "unlock"))  # fmt: skip


class Churn:
    """Workers that change servers, and one that changes hosts; can pause and go on"""

    def __init__(self, do: Operations, seed: int, workers: int = 4) -> None:
        self.do = do
        self.counts: collections.Counter[str] = collections.Counter()
        self.refused: collections.Counter[str] = collections.Counter()
        self._end, self._go = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._own: set[str] = set()
        self._busy: set[str] = set()
        self._closed: set[str] = set()  # hosts that nobody sends anything to
        self._working = 0
        self._idle = threading.Condition(self._lock)
        self._aggregates: list[int] = []
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(seed + n), step))  # noqa: S311
            for n, step in enumerate([self._server_step] * workers + [self._host_step])
        ]

    # Life -----------------------------------------------------------------------------

    def __enter__(self) -> "Churn":
        self._go.set()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._go.set()
        for thread in self._threads:
            thread.join()

    def pause(self, seconds: float = 90) -> None:
        """Let every worker finish what it does, and Nova, too"""
        self._go.clear()
        with self._idle:
            if not self._idle.wait_for(lambda: not self._working, seconds):
                raise RuntimeError("a worker does not end")
        self.settle()

    def resume(self) -> None:
        """Let the workers go on"""
        self._go.set()

    def settle(self) -> None:
        """Wait until Nova does nothing; repair what a death left behind"""
        end = time.monotonic() + PATIENCE_S
        while restless := self._restless():
            if time.monotonic() > end:
                for each in restless:
                    self._repair(each)
                end = time.monotonic() + PATIENCE_S
            time.sleep(0.5)

    def _restless(self) -> list[dict[str, Any]]:
        return [
            s
            for s in self.do.plane.servers()
            if s["OS-EXT-STS:task_state"] or s["status"] in IN_TRANSIT
        ]

    def _repair(self, server: dict[str, Any]) -> None:
        ident = server["id"]
        self.counts["repaired"] += 1
        self._ask("POST", f"/servers/{ident}/action",
                  {"os-resetState": {"state": "error"}})  # fmt: skip
        self._ask("DELETE", f"/servers/{ident}")
        with self._lock:
            self._own.discard(ident)

    def _ask(self, method: str, path: str, body: Any = None) -> bool:
        try:
            self.do.plane.nova(method, path, body)
        except RuntimeError as error:
            self.refused[str(error).partition(": ")[2][:60]] += 1
            return False
        return True

    def _run(self, dice: random.Random, step: Callable[[random.Random], str]) -> None:
        while not self._end.is_set():
            self._go.wait()
            with self._lock:
                self._working += 1
            try:
                # Checked again: a pause that began in between must see us at rest.
                if self._go.is_set() and not self._end.is_set():
                    self.counts[step(dice)] += 1
            except RuntimeError as error:
                self.refused[str(error)[-80:]] += 1
            finally:
                with self._idle:
                    self._working -= 1
                    self._idle.notify_all()
            self._end.wait(dice.uniform(0.02, 0.2))

    # Servers --------------------------------------------------------------------------

    def adopt(self, *idents: str) -> None:
        """Take servers that were there before"""
        self._own.update(idents)

    def _server_step(self, dice: random.Random) -> str:
        with self._lock:
            count = len(self._own)
        if count < CROWD[0] or (count < CROWD[1] and dice.random() < 0.2):
            return self._create(dice)
        server = self._claim(dice)
        if server is None:
            return "nothing"
        try:
            return self._change(dice, server)
        finally:
            with self._lock:
                self._busy.discard(server["id"])

    def _create(self, dice: random.Random) -> str:
        number = dice.randrange(10**6)
        flavor = dice.choice(("tiny", "small", "odd"))
        keep = dice.random() < 0.85
        ident = self.do.create(f"churn-{number}", flavor, wait=False,
                               metadata={"made": str(number)})  # fmt: skip
        if not keep:
            # Deleted while it is being made.
            self._end.wait(dice.uniform(0, 1.5))
            self._ask("DELETE", f"/servers/{ident}")
            return "create and delete at once"
        self.do.settled(ident, seconds=PATIENCE_S)
        with self._lock:
            self._own.add(ident)
        return "create"

    def _claim(self, dice: random.Random) -> dict[str, Any] | None:
        """Return a server that nobody else works on and whose host is in service"""
        with self._lock:
            free = sorted(self._own - self._busy)
            if not free:
                return None
            ident = dice.choice(free)
            self._busy.add(ident)
            closed = set(self._closed)
        try:
            server = self.do.server(ident)
        except RuntimeError:
            # It is gone: somebody repaired it.
            with self._lock:
                self._busy.discard(ident)
                self._own.discard(ident)
            return None
        if server["OS-EXT-SRV-ATTR:host"] in closed or server["OS-EXT-STS:task_state"]:
            with self._lock:
                self._busy.discard(ident)
            return None
        return server

    def _change(self, dice: random.Random, server: dict[str, Any]) -> str:
        ident, status = server["id"], server["status"]
        back = {"PAUSED": "unpause", "SUSPENDED": "resume", "SHUTOFF": "os-start",
                "RESCUE": "unrescue", "SHELVED_OFFLOADED": "unshelve"}  # fmt: skip
        if server["locked"] or status == "ERROR" or dice.random() < 0.12:
            return self._delete(ident, server["locked"])
        if status == "VERIFY_RESIZE":
            action = dice.choice(("confirmResize", "revertResize"))
            self.do.act(ident, action)
            return action
        if status in back:
            self.do.act(ident, back[status])
            return back[status]
        if dice.random() < 0.3:
            there, _ = dice.choice(PAIRS)
            self.do.act(ident, there)
            return there
        return self._move_or_mark(dice, ident)

    def _delete(self, ident: str, locked: bool) -> str:
        if locked:
            self.do.act(ident, "unlock")
            return "unlock"
        self.do.delete(ident)
        with self._lock:
            self._own.discard(ident)
        return "delete"

    def _move_or_mark(self, dice: random.Random, ident: str) -> str:
        kind = dice.choice(("live", "live", "live", "cold", "resize", "rebuild",
                            "metadata", "rename", "live, not awaited"))  # fmt: skip
        if kind == "live":
            self.do.live_migrate(ident)
        elif kind == "live, not awaited":
            self._ask("POST", f"/servers/{ident}/action", {"os-migrateLive": {
                "host": None, "block_migration": "auto"}})  # fmt: skip
        elif kind == "cold":
            self.do.migrate(ident)
        elif kind == "resize":
            self.do.resize(ident, dice.choice(("small", "large", "odd")))
        elif kind == "rebuild":
            self.do.act(ident, "rebuild", {"imageRef": self.do.image})
        elif kind == "metadata":
            self.do.metadata(ident, mark=str(dice.randrange(100)))
        else:
            name = f"renamed-{dice.randrange(10**6)}"
            self._ask("PUT", f"/servers/{ident}", {"server": {"name": name}})
        return kind

    # Hosts ----------------------------------------------------------------------------

    def _host_step(self, dice: random.Random) -> str:
        kind = dice.choice(("disable", "force down", "kill", "restart", "aggregate"))
        if kind == "aggregate":
            return self._aggregate(dice)
        with self._lock:
            host = dice.choice(
                [h for h in self.do.plane.hosts if h not in self._closed]
            )
        if kind == "disable":
            self.do.service(host, status="disabled", disabled_reason="churn")
            self._end.wait(dice.uniform(0.5, 4))
            if dice.random() < 0.7:
                self.do.service(host, status="enabled")
                return kind
            return f"{kind} for longer"
        if kind == "force down":
            self.do.service(host, forced_down=True)
            self._end.wait(dice.uniform(0.5, 4))
            self.do.service(host, forced_down=False)
            self.do.service(host, status="enabled")
            return kind
        return self._kill(dice, host, kind == "kill")

    def _kill(self, dice: random.Random, host: str, clean: bool) -> str:
        """End a host's process: when nothing goes on there, or in the middle of it all"""
        if clean:
            with self._lock:
                self._closed.add(host)
            self.do.service(host, status="disabled", disabled_reason="killed")
            # What was sent there before is over soon.
            self._end.wait(3)
        self.do.plane.kill_host(host)
        if clean and dice.random() < 0.6:
            self._evacuate(dice, host)
        self._end.wait(dice.uniform(0, 2))
        self.revive(host)
        return "kill" if clean else "restart in the middle"

    def _evacuate(self, dice: random.Random, host: str) -> None:
        self.do.service(host, forced_down=True)
        for server in self.do.plane.servers_on(host)[: dice.randrange(1, 4)]:
            if server["status"] in ("ACTIVE", "SHUTOFF", "ERROR"):
                done = self._ask("POST", f"/servers/{server['id']}/action",
                                 {"evacuate": {}})  # fmt: skip
                if done:
                    self.counts["evacuate"] += 1
                    self.do.settled(server["id"], seconds=PATIENCE_S)

    def revive(self, host: str) -> None:
        """Start a host's process and take it into service"""
        self.do.plane.launch_hosts(host)

        def works() -> bool:
            # An evacuated host may be forced up only after it has cleaned up.
            return self._ask_service(host, forced_down=False, status="enabled")

        servers.wait_until(works, 90, f"{host} is back")
        with self._lock:
            self._closed.discard(host)

    def _ask_service(self, host: str, **fields: Any) -> bool:
        try:
            self.do.service(host, **fields)
        except RuntimeError:
            return False
        return True

    def _aggregate(self, dice: random.Random) -> str:
        hosts = self.do.plane.hosts
        if self._aggregates and dice.random() < 0.6:
            ident = self._aggregates.pop()
            if dice.random() < 0.5:
                self.do.drop_aggregate(ident)
                return "aggregate deleted"
            self.do.in_aggregate(ident, set_metadata={"metadata": {
                "n": str(dice.randrange(9))}})  # fmt: skip
        else:
            name = f"churn-{dice.randrange(10**6)}"
            ident = self.do.aggregate(name, *dice.sample(hosts, 2), colour="blue")
        self._aggregates.append(ident)
        return "aggregate"

    def clean(self) -> None:
        """Delete what is left of it"""
        for ident in self._aggregates:
            self.do.drop_aggregate(ident)
        for server in self.do.plane.servers():
            if server["name"].startswith(("churn-", "renamed-")):
                if server["locked"]:
                    self.do.act(server["id"], "unlock")
                self._ask("DELETE", f"/servers/{server['id']}")
        for host in self.do.plane.hosts:
            self._ask_service(host, status="enabled")
