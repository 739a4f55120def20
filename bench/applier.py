"""What carrying out a large plan costs: storing 5,000 migrations and running them.

The cloud is a stub whose time runs faster; limits are 2 migrations out of and 2 into each
node. No schedule can be shorter than the busiest node needs: the seconds of all moves out
of it (or into it), halved, since two of them run at a time. Nor shorter than the longest
move.
"""

import collections
import contextlib
import pathlib
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from measure import Report, configuration, cpu, database, memory_mb, servers, statements
from measure.moving import MovingNova
from plans import an_audit, new_uuid

from watcher.applier.admission import Answer, NoLimits
from watcher.applier.book import Book
from watcher.applier.journal import Timing
from watcher.applier.lookout import Lookout
from watcher.applier.plan import PlanRunner, Settings
from watcher.applier.poller import Poller
from watcher.db import action_plans, leases, migration
from watcher.db.session import Database
from watcher.domain.records import Action, Claim, NewAction, NewPlan
from watcher.plugins import Plugins

NODES, EACH, PER_NODE = 500, 10, 2
SECONDS = (30.0, 90.0)
SPEED = 2.0
INTERVAL_S = 5.0  # of the cloud's time


class PerNode(NoLimits):
    """Two out of and two into each node, counted in memory"""

    def __init__(self) -> None:
        self._busy: collections.Counter[tuple[str, Any]] = collections.Counter()

    def admit(self, book: Any, waiting: Sequence[Action], room: int) -> Answer:
        """Let those begin whose nodes have room"""
        admitted = []
        busy = self._busy
        for action in waiting:
            if len(admitted) >= room:
                break
            out, into = _ends(action)
            if busy[out] < PER_NODE and busy[into] < PER_NODE:
                busy[out] += 1
                busy[into] += 1
                admitted.append(action.uuid)
        return Answer(admitted)

    def release(self, book: Any, ended: Sequence[Action]) -> None:
        """Give the room back"""
        for action in ended:
            self._busy.subtract(_ends(action))


def _ends(action: Action) -> tuple[tuple[str, Any], tuple[str, Any]]:
    given = action.input_parameters
    return ("out", given["source_node"]), ("in", given["destination_node"])


class Tenure:
    """A lease that never ends"""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim

    def may_start(self) -> bool:
        """It is always fresh"""
        return True


def shortest(cloud: MovingNova) -> float:
    """Return the seconds that no schedule within the limits can do without"""
    load: collections.Counter[tuple[str, str]] = collections.Counter()
    for uuid, source, dest in cloud.moves:
        load["out", source] += cloud.took[uuid]  # type: ignore[assignment]
        load["in", dest] += cloud.took[uuid]  # type: ignore[assignment]
    return max(max(load.values()) / PER_NODE, max(cloud.took.values()))


def plan_of(cloud: MovingNova, audit: str) -> NewPlan:
    """Return a plan of all moves, none of which waits for another"""
    return NewPlan(
        uuid=new_uuid(), audit_uuid=audit, strategy_name="host_maintenance",
        state="PENDING",
        actions=[
            NewAction(
                uuid=new_uuid(), action_type="migrate",
                input_parameters={
                    "resource_id": uuid, "migration_type": "live",
                    "source_node": source, "destination_node": dest,
                },
            )
            for uuid, source, dest in cloud.moves
        ],
    )  # fmt: skip


@contextlib.contextmanager
def mariadb() -> Iterator[Database | None]:
    """Make an empty MariaDB"""
    with servers.mariadb() as url:
        if url is None:
            yield None
            return
        db = Database(configuration(url))
        migration.create_schema(db.engine)
        yield db
        db.dispose()


class Watch:
    """Looks at memory and the number of threads while the plan runs"""

    def __init__(self, runner: PlanRunner) -> None:
        self.seen: list[tuple[float, int]] = []
        self._runner = runner
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while self._runner.alive:
            self.seen.append((_resident_mb(), threading.active_count()))
            time.sleep(1)


def _resident_mb() -> float:
    """Return resident memory without collecting garbage, which would disturb"""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def running(report: Report, name: str, db: Database) -> None:
    """Run the plan and add a line"""
    audit = an_audit(db)
    cloud = MovingNova(NODES, EACH, SECONDS, SPEED)
    plan = plan_of(cloud, audit.uuid)
    with statements(db) as stored, cpu() as storing:
        db.write(action_plans.save, plan)
    claim = Claim("bench", db.write(leases.acquire, "bench", service="watcher-applier",
                                    host="h", ttl_s=100_000))  # fmt: skip
    row = db.write(action_plans.claim, plan.uuid, claim, "h")
    assert row is not None
    conf = db_configuration(len(cloud.moves))
    interval = INTERVAL_S / SPEED
    poller = Poller(cloud.clients(), interval_s=interval)
    poller._lookout = Lookout(cloud.clients(), now=cloud.clock)
    runner = PlanRunner(
        Book(db, Tenure(claim), row), fresh=True, plugins=Plugins(conf),
        clients=cloud.clients(), poller=poller,
        settings=Settings(
            timing=Timing(interval_s=interval), admission=PerNode(),
            parallelization={"migrate": len(cloud.moves)},
        ),
    )  # fmt: skip
    before = memory_mb()
    with statements(db) as executed, cpu() as spent:
        began = cloud.now
        runner.start()
        watch = Watch(runner)
        runner.join()
        lasted = cloud.now - began
    poller.close()
    ended = db.read(action_plans.get, plan.uuid)
    assert ended.state == "SUCCEEDED", ended.status_message
    assert cloud.over <= PER_NODE, "the limits did not hold"
    bound = shortest(cloud)
    tell(
        report, name, cloud, bound=bound, lasted=lasted, spent=spent.s,
        stored=(storing.s, len(stored)), executed=len(executed), before=before,
        watch=watch, rounds=poller.rounds,
    )  # fmt: skip


def db_configuration(most: int) -> Any:
    """Return a configuration that lets all actions of a plan run at a time"""
    conf = configuration()
    plugins = Plugins(conf)
    plugins.classes("watcher_workflow_engines")
    conf.set_override("max_workers", most, "watcher_workflow_engines.taskflow")
    return conf


def tell(report: Report, name: str, cloud: MovingNova, **found: Any) -> None:
    """Add the figures of one run"""
    count = len(cloud.moves)
    seen = found["watch"].seen
    third = max(1, len(seen) // 3)
    memory = [max(mb for mb, _ in part) for part in
              (seen[:third], seen[third : 2 * third], seen[2 * third :])]  # fmt: skip
    intervals = found["lasted"] / INTERVAL_S
    bulk = cloud.bulk_times
    lines: Mapping[str, Any] = {
        "storing: CPU seconds": found["stored"][0],
        "storing: SQL statements": found["stored"][1],
        "shortest schedule, s": found["bound"],
        "makespan, s": found["lasted"],
        "makespan / shortest": found["lasted"] / found["bound"],
        "CPU ms per action": 1000 * found["spent"] / count,
        "SQL statements per action": found["executed"] / count,
        "MB before": found["before"],
        "MB at most, first third": memory[0],
        "MB at most, second third": memory[1],
        "MB at most, last third": memory[2],
        "threads at most": max(threads for _, threads in seen),
        "poll intervals": intervals,
        "bulk requests": len(bulk),
        "bulk requests / interval": len(bulk) / intervals,
        "single looks / interval": (
            (cloud.requests["migrations"] + cloud.requests["server"]) / intervals
        ),
        "single looks / action": (
            (cloud.requests["migrations"] + cloud.requests["server"]) / count
        ),
    }
    for text, figure in lines.items():
        report.row(text, figure)
    report.row(f"database: {name}", "")


def main() -> None:
    """Measure and print"""
    chosen = sys.argv[1:] or ["SQLite", "MariaDB"]
    makers: Mapping[str, Any] = {"SQLite": database, "MariaDB": mariadb}
    for name in chosen:
        report = Report(f"{NODES * EACH:,} migrations on {name}", "", "")
        with makers[name]() as db:
            if db is None:
                report.row("not installed", "")
            else:
                running(report, name, db)
        report.show()


if __name__ == "__main__":
    main()
