"""Several clients at once, and what must hold whatever they did to each other."""

import threading

import sqlalchemy as sa

from tests.functional.api.fuzz_drafts import resolve
from tests.functional.api.fuzz_wire import Inside
from watcher.db import models
from watcher.domain import states

FEW = 6
TABLES = {"audit": states.AUDIT, "action_plan": states.PLAN, "action": states.ACTION}


def storm(run, drafts, clients=8):
    """Send requests from several threads, about few rows, so that they meet

    Only the answers themselves are judged.
    """
    run.world.newest = FEW
    todo = iter(list(drafts))
    lock = threading.Lock()

    def client():
        wire = Inside(run.world.application)
        while True:
            with lock:
                draft = next(todo, None)
            if draft is None:
                break
            request = resolve(draft, run.world)
            answer = wire.send(request)
            with lock:
                run.note(request, answer)
        wire.close()

    threads = [threading.Thread(target=client) for _number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.world.learn()
    run.world.newest = 1000


def flaws(world):
    """Yield steps of the history that no table of states allows, or that contradict

    Every row's steps follow one another: each begins where the one before has ended.
    """
    table = models.History.__table__
    last = {}
    for row in world.select(sa.select(table).order_by(table.c.id)):
        if row.id <= world.seeded or row.new is None:
            continue
        if row.old is not None and row.old != row.new:
            if row.new not in TABLES[row.resource][row.old]:
                yield f"{row.resource} {row.uuid} went from {row.old} to {row.new}"
            if last.get(row.uuid, row.old) != row.old:
                yield f"{row.resource} {row.uuid} was {last[row.uuid]}, not {row.old}"
        last[row.uuid] = row.new
    for table in (models.Audit, models.ActionPlan, models.Action):
        gone = {uuid for uuid, state in last.items() if state == states.DELETED}
        for row in world.select(sa.select(table.uuid, table.state, table.deleted_at)):
            if row.uuid in last and (row.deleted_at is not None) != (row.uuid in gone):
                yield f"{table.__tablename__} {row.uuid} is {row.state}, half deleted"
    orphans = sa.select(models.Action.uuid).join(
        models.ActionPlan, models.ActionPlan.id == models.Action.action_plan_id
    )
    left = orphans.where(
        models.ActionPlan.deleted_at.is_not(None), models.Action.deleted_at.is_(None)
    )
    for row in world.select(left):
        yield f"action {row.uuid} is left of a plan that was deleted"
