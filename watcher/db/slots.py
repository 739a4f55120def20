"""Slots: what running actions take of things of which there are only some.

Every applier takes them here, so limits hold across plans and processes. The unique key
is the limit: two who take the same number of the same thing cannot both commit. Slots are
no leases: those of a dead applier count until whoever has its plan says what became of
the actions (``adopt``, ``free``), because their migrations may still be running.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc, orm

from watcher import exception
from watcher.db import errors, leases
from watcher.db.models import Action, ActionPlan
from watcher.db.models import Slot as Table
from watcher.db.types import UtcNow
from watcher.domain import states
from watcher.domain.records import Claim, Place

_table: sa.Table = Table.__table__  # type: ignore[assignment]
_plans: sa.Table = ActionPlan.__table__  # type: ignore[assignment]
_actions: sa.Table = Action.__table__  # type: ignore[assignment]
# Values in one IN (...).
IN_LIMIT = 500
# Names that every collation takes for what they are.
_PLAIN = re.compile(r"[a-z0-9._:@#/*-]{1,191}")
_READABLE = 150
_BEGUN = (states.ONGOING, states.CANCELLING)

# Kind of the place that nobody gets while the plan is paused.
PAUSED = "paused"

Key = tuple[str, str]  # kind, resource


@dataclass(frozen=True, slots=True)
class Taken:
    """A slot that somebody has; without an action it is the plan's from start to end"""

    kind: str
    resource: str
    number: int
    plan_uuid: str
    action_uuid: str | None


def name(resource: str) -> str:
    """Return the name under which a resource is stored, the same on every engine

    Names that differ only in spelling, or are too long, are told apart by a digest.
    """
    if _PLAIN.fullmatch(resource):
        return resource
    digest = sha256(resource.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    readable = resource[:_READABLE].encode("ascii", "replace").decode().lower()
    return f"{readable}~{digest}"


def take(
    tx: orm.Session,
    plan_uuid: str,
    claim: Claim,
    wanted: Mapping[Any, Sequence[Place]],
    *,
    whatever_the_limit: bool = False,
) -> dict[Any, Place]:
    """Take everything that an action wants, or nothing; in the order of ``wanted``

    :param wanted: places by the action's UUID, None for the plan as a whole
    :param whatever_the_limit: count what runs already, even where there is no room
    :return: those that got nothing, each with the place that is full; PAUSED for all of
        them when the plan is paused
    :raises LeaseLost: the plan is not ours any more
    """
    paused = _hold_plan(tx, plan_uuid, claim)
    if paused and not whatever_the_limit:
        return dict.fromkeys(wanted, Place(PAUSED, plan_uuid))
    numbers: dict[Key, set[int]] = defaultdict(set)
    mine: set[tuple[Key, str | None]] = set()
    for slot in of(tx, {place.key for each in wanted.values() for place in each}):
        key = (slot.kind, slot.resource)
        numbers[key].add(slot.number)
        if slot.plan_uuid == plan_uuid:
            mine.add((key, slot.action_uuid))
    new: list[tuple[Key, int, str | None]] = []
    refused: dict[Any, Place] = {}
    for action, places in wanted.items():
        open_ = [p for p in _distinct(places) if (_key(p), action) not in mine]
        full = next((p for p in open_ if _full(p, len(numbers[_key(p)]))), None)
        if full is not None and not whatever_the_limit:
            refused[action] = full
            continue
        for place in open_:
            number = _lowest_free(numbers[_key(place)])
            numbers[_key(place)].add(number)
            new.append((_key(place), number, action))
    _insert(tx, plan_uuid, claim, new)
    return refused


def _key(place: Place) -> Key:
    return place.kind, name(place.resource)


def _distinct(places: Sequence[Place]) -> list[Place]:
    """Return one place for each key, the one with the lowest limit"""
    lowest: dict[Key, Place] = {}
    for place in places:
        known = lowest.get(_key(place))
        if known is None or _limit(place) < _limit(known):
            lowest[_key(place)] = place
    return list(lowest.values())


def _limit(place: Place) -> float:
    return float("inf") if place.limit is None else place.limit


def _full(place: Place, taken: int) -> bool:
    return taken >= _limit(place)


def _lowest_free(numbers: Collection[int]) -> int:
    number = 0
    while number in numbers:
        number += 1
    return number


def _hold_plan(tx: orm.Session, plan_uuid: str, claim: Claim) -> bool:
    """Keep the plan ours until the transaction ends, or raise LeaseLost

    :return: whether it is paused, which cannot change meanwhile either
    """
    held = tx.execute(
        sa.select(_plans.c.paused)
        .where(
            _plans.c.uuid == plan_uuid,
            _plans.c.deleted_at.is_(None),
            leases.owned(_plans, claim),
        )
        .with_for_update(read=True)
    ).first()
    if held is None:
        raise exception.LeaseLost(
            owner=claim.owner, epoch=claim.epoch, kind="action plan", ident=plan_uuid
        )
    return bool(held.paused)


def _insert(
    tx: orm.Session,
    plan_uuid: str,
    claim: Claim,
    new: Iterable[tuple[Key, int, str | None]],
) -> None:
    same = {
        "plan_uuid": plan_uuid,
        "owner": claim.owner,
        "owner_epoch": claim.epoch,
    }
    # Everybody inserts in the same order, so that nobody waits in a circle.
    rows = [
        {**same, "kind": kind, "resource": resource, "number": n, "action_uuid": action}
        for (kind, resource), n, action in sorted(new, key=lambda each: each[:2])
    ]
    if not rows:
        return
    try:
        tx.execute(sa.insert(_table).values(taken_at=UtcNow()), rows)
    except exc.IntegrityError as error:
        if errors.is_duplicate(error):
            # Another applier was faster: what is free now is read anew.
            raise errors.Again from error
        raise


def of(tx: orm.Session, keys: Collection[Key]) -> list[Taken]:
    """Return who has what of the things named by kind and resource"""
    resources: dict[str, list[str]] = defaultdict(list)
    for kind, resource in sorted(keys):
        resources[kind].append(name(resource))
    wheres = [
        sa.and_(_table.c.kind == kind, _table.c.resource.in_(chunk))
        for kind, names in resources.items()
        for chunk in _chunks(names)
    ]
    found: list[Taken] = []
    for start in range(0, len(wheres), 8):
        found += _read(tx, sa.or_(*wheres[start : start + 8]))
    return found


def of_kind(tx: orm.Session, kind: str) -> list[Taken]:
    """Return who has what of this kind of thing"""
    return _read(tx, _table.c.kind == kind)


def of_plan(tx: orm.Session, plan_uuid: str) -> list[Taken]:
    """Return what a plan and its actions have"""
    return _read(tx, _table.c.plan_uuid == plan_uuid)


def _read(tx: orm.Session, where: sa.ColumnElement[bool]) -> list[Taken]:
    columns = ("kind", "resource", "number", "plan_uuid", "action_uuid")
    found = tx.execute(sa.select(*(_table.c[name] for name in columns)).where(where))
    return [Taken(*row) for row in found]


def free(
    tx: orm.Session, plan_uuid: str, claim: Claim, actions: Collection[str | None]
) -> None:
    """Give back what actions had, None: what the plan as a whole had

    Whoever lost the plan frees nothing: its next owner judges what still runs.
    """
    ours = sa.and_(
        _table.c.plan_uuid == plan_uuid,
        _table.c.owner == claim.owner,
        _table.c.owner_epoch == claim.epoch,
    )
    if None in actions:
        tx.execute(sa.delete(_table).where(ours, _table.c.action_uuid.is_(None)))
    for chunk in _chunks(sorted(each for each in actions if each is not None)):
        tx.execute(sa.delete(_table).where(ours, _table.c.action_uuid.in_(chunk)))


def free_some(
    tx: orm.Session, plan_uuid: str, claim: Claim, action: str, keys: Collection[Key]
) -> None:
    """Give back some of what an action has; the rest stays with it"""
    for kind, resource in keys:
        tx.execute(
            sa.delete(_table).where(
                _table.c.plan_uuid == plan_uuid,
                _table.c.owner == claim.owner,
                _table.c.owner_epoch == claim.epoch,
                _table.c.action_uuid == action,
                _table.c.kind == kind,
                _table.c.resource == name(resource),
            )
        )


def free_plan(tx: orm.Session, plan_uuid: str) -> None:
    """Give back everything of a plan that ends in this transaction"""
    tx.execute(sa.delete(_table).where(_table.c.plan_uuid == plan_uuid))


def adopt(tx: orm.Session, plan_uuid: str, claim: Claim) -> None:
    """Make the slots of a plan that was taken over ours; what does not run gives back

    :raises LeaseLost: the plan is not ours any more
    """
    _hold_plan(tx, plan_uuid, claim)
    found = tx.execute(
        sa.select(_table.c.id, _table.c.action_uuid, _actions.c.state)
        .select_from(
            _table.outerjoin(_actions, _actions.c.uuid == _table.c.action_uuid)
        )
        .where(_table.c.plan_uuid == plan_uuid)
        .order_by(_table.c.id)
    ).all()
    idle = [
        row.id
        for row in found
        if row.action_uuid is not None and row.state not in _BEGUN
    ]
    for chunk in _chunks(idle):
        tx.execute(sa.delete(_table).where(_table.c.id.in_(chunk)))
    if found:
        tx.execute(
            sa.update(_table)
            .where(_table.c.plan_uuid == plan_uuid)
            .values(owner=claim.owner, owner_epoch=claim.epoch)
        )


def sweep(tx: orm.Session) -> int:
    """Give back what ended plans and actions left behind; return how many slots

    An applier may have died between the end of an action and the return of its slots.
    """
    joined = _table.outerjoin(_plans, _plans.c.uuid == _table.c.plan_uuid).outerjoin(
        _actions, _actions.c.uuid == _table.c.action_uuid
    )
    gone = sa.or_(
        _plans.c.id.is_(None),
        _plans.c.deleted_at.is_not(None),
        _plans.c.state.in_(sorted(states.PLAN_FINAL)),
        _actions.c.state.in_(sorted(states.ACTION_FINAL)),
    )
    idents = tx.scalars(
        sa.select(_table.c.id).select_from(joined).where(gone).order_by(_table.c.id)
    ).all()
    for chunk in _chunks(idents):
        tx.execute(sa.delete(_table).where(_table.c.id.in_(chunk)))
    return len(idents)


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), IN_LIMIT):
        yield values[start : start + IN_LIMIT]
