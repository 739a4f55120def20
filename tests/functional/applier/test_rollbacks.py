"""The way back on every database: stored once, whoever asks and whoever dies."""

import threading

from tests.functional.applier.test_databases import bench  # noqa: F401 (a fixture)
from tests.unit.applier import conftest as bench_of
from watcher import conf as config
from watcher import exception
from watcher.applier.aftermath import Aftermath
from watcher.db import action_plans, undo_plans
from watcher.db.query import ListQuery

CLOSE = {"resource_id": "h", "state": "disabled", "disabled_reason": "watcher"}
FAIL = ("nop", {"message": "m", "fail_execute": True}, [0])


def closing(bench, host):  # noqa: F811
    bench.cloud.add_host(host)
    close = ("change_nova_service_state", {**CLOSE, "resource_id": host})
    return bench.plan(close, FAIL)


def undoing(bench, plan):  # noqa: F811
    query = ListQuery(sort_key="id")
    return [
        one for one in bench.db.read(action_plans.list, query) if one.undoes == plan
    ]


def test_killed_around_the_end_there_is_one_way_back(bench):  # noqa: F811
    conf = config.load("test", overrides={("watcher_applier", "on_failure"): "run"})
    bench.on_finish = Aftermath(conf)
    at = 0
    while True:
        at += 1
        plan = closing(bench, f"host{at}")
        fate = bench_of.Fate(at, after=bool(at % 2))
        process = bench.process(fate)
        process.take(plan).join(20)
        lived = not fate.dead.is_set()
        process.die()
        if bench.state(plan).state == "ONGOING":
            bench.run(plan)
        [back] = undoing(bench, plan)
        assert bench.state(plan).status_message.endswith(back.uuid)
        assert bench.run(back.uuid).state == "SUCCEEDED"
        services = {s.host: s for s in bench.cloud.clients().nova.services()}
        assert services[f"host{at}"].status == "enabled"
        assert undoing(bench, back.uuid) == []
        if lived:
            break
    assert at > 5


def test_of_many_who_ask_one_gets_the_way_back(bench):  # noqa: F811
    plan = closing(bench, "host")
    assert bench.run(plan).state == "FAILED"
    got, refused = [], []
    go = threading.Barrier(6)

    def ask():
        go.wait()
        try:
            got.append(bench.db.write(undo_plans.ask, plan))
        except exception.RollbackRefused as error:
            refused.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1 and len(undoing(bench, plan)) == 1
    assert len(refused) == 5 and all(got[0].uuid in text for text in refused)
