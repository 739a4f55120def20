"""Removes what users deleted, for good: chosen first, then in short transactions.

Rows go when they were soft-deleted long enough ago, together with their soft-deleted
relatives. Live rows below a row that goes (orphans) go too, unless they are excluded or
being carried out right now. A row that something which stays refers to stays as well.
"""

import dataclasses
import datetime
import logging
from collections.abc import Collection, Mapping

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import purge_links as links
from watcher.db.models import Goal, utcnow
from watcher.db.purge_links import KINDS, Ids
from watcher.db.session import Database

LOG = logging.getLogger(__name__)

BATCH = 200


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the operator asked for; ``goal`` is a UUID or a name of deleted goals"""

    age_days: int = 0
    max_number: int | None = None
    goal: str | None = None
    orphans: bool = True

    def __post_init__(self) -> None:
        if self.max_number is not None and self.max_number < 0:
            raise exception.Invalid("The number of objects must not be negative")
        if self.age_days < 0:
            raise exception.Invalid("The age in days must not be negative")


@dataclasses.dataclass(frozen=True, slots=True)
class Chosen:
    """Keys to remove of each kind; actions below a plan are only counted"""

    ids: Mapping[str, Ids]
    actions_of_plans: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """Number of objects by kind, in the order of dependency"""
        found = {kind.name: len(self.ids[kind.name]) for kind in KINDS}
        found["actions"] += self.actions_of_plans
        return found

    @property
    def total(self) -> int:
        """Number of objects"""
        return sum(self.counts.values())


def choose(tx: orm.Session, wish: Wish) -> Chosen:
    """Find everything that the wish covers, its limit left aside"""
    return _settle(tx, wish, {kind.name: set() for kind in KINDS})


def within(tx: orm.Session, wish: Wish, chosen: Chosen) -> Chosen:
    """Keep whole groups - a goal and all that belongs to it - while they fit the limit"""
    if wish.max_number is None or chosen.total <= wish.max_number:
        return chosen
    groups = links.by_goal(tx, chosen.ids)
    room, kept = wish.max_number, {kind.name: set[int]() for kind in KINDS}
    for _goal, members in sorted(groups.items()):
        size = sum(map(len, members.values()))
        size += links.count_actions(tx, members["action_plans"])
        if size <= room:
            room -= size
            continue
        for name, ids in members.items():
            kept[name] |= ids
    return _settle(tx, wish, kept)


def remove(db: Database, chosen: Chosen) -> dict[str, int]:
    """Delete what was chosen, children first; return how many of each kind went"""
    gone = {kind.name: 0 for kind in KINDS}
    for kind in reversed(KINDS):
        for ids in links.chunks(chosen.ids[kind.name], BATCH):
            try:
                done = db.write(links.delete, kind, ids)
            except exception.Invalid:
                LOG.warning(
                    "Some of %d %s stay: something began to refer to them",
                    len(ids),
                    kind.name,
                )
                continue
            for name, number in done.items():
                gone[name] += number
    return gone


def _settle(tx: orm.Session, wish: Wish, kept: dict[str, Ids]) -> Chosen:
    """Take back what others still need, and then what hung on it, until it is stable"""
    goals = _goals(tx, wish.goal)
    # Without an age any deleted row is old enough, whatever the clocks say.
    age = datetime.timedelta(days=wish.age_days)
    latest = utcnow() - age if age else None
    while True:
        ids: dict[str, Ids] = {}
        for kind in KINDS:
            found = links.deleted(tx, kind, ids, kept, latest, goals)
            if wish.orphans:
                found |= links.orphans(tx, kind, ids, goals)
            ids[kind.name] = found - kept[kind.name]
        needed = _needed(tx, ids, wish.orphans)
        if not any(needed.values()):
            return Chosen(ids, links.count_actions(tx, ids["action_plans"]))
        for name, more in needed.items():
            kept[name] |= more


def _needed(tx: orm.Session, ids: Mapping[str, Ids], orphans: bool) -> dict[str, Ids]:
    """Those of the rows that a row which stays refers to, parents of them included"""
    going = {name: set(found) for name, found in ids.items()}
    needed: dict[str, Ids] = {kind.name: set() for kind in KINDS}
    for kind in reversed(KINDS):
        for parent, column in kind.parents:
            held = links.held(tx, kind, column, going[parent.name], going, orphans)
            needed[parent.name] |= held
            going[parent.name] -= held
    return needed


def _goals(tx: orm.Session, ident: str | None) -> Collection[int] | None:
    """Keys of the deleted goals of that UUID or name; None = no restriction"""
    if ident is None:
        return None
    rows = tx.execute(
        sa.select(Goal.id, Goal.deleted_at, Goal.uuid).where(
            sa.or_(Goal.uuid == ident, Goal.name == ident)
        )
    ).all()
    found = {row.id for row in rows if row.deleted_at is not None}
    if found:
        return found
    if rows:
        raise exception.Invalid(f"Goal {ident} is not deleted; nothing was purged")
    raise exception.GoalNotFound(goal=ident)
