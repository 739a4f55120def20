"""Running plans that pause, and plans that say what they wait for."""

from typing import Any

from sqlalchemy import orm

from watcher import exception
from watcher.db import history, rows, work
from watcher.db.action_plans import NOUN
from watcher.db.action_plans import WAITS as WAITS
from watcher.domain import states
from watcher.domain.records import ActionPlan

PAUSED = WAITS + "the plan is paused by request"


def waits(tx: orm.Session, uuid: str, state: str, message: str | None) -> None:
    """Say what a plan waits for, unless it has left ``state`` or says so already"""
    old = rows.locked(tx, NOUN, uuid)
    if old.state == state and old.status_message != message:
        changes = {"status_message": message}
        rows.replace(tx, NOUN, old, changes, work.in_state(NOUN, state))


def pause(tx: orm.Session, uuid: str, paused: bool) -> ActionPlan:
    """Let a running plan begin nothing more, or go on; nothing happens when it does so

    :raises StateChanged: it is not running
    """
    old = rows.locked(tx, NOUN, uuid)
    if old.state == states.ONGOING and old.paused == paused:
        return old
    changes: dict[str, Any] = {"paused": paused}
    if paused or old.status_message == PAUSED:
        changes["status_message"] = PAUSED if paused else None
    new = None
    if old.state == states.ONGOING:
        new = rows.replace(tx, NOUN, old, changes, work.in_state(NOUN, old.state))
    if new is None:
        raise exception.StateChanged(
            kind=NOUN.kind, ident=uuid, expected=states.ONGOING
        )
    history.add(
        tx,
        resource=NOUN.kind,
        uuid=uuid,
        old=old.state,
        new=new.state,
        reason="paused by request" if paused else "resumed by request",
    )
    return new
