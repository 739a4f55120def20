"""Leases of processes: who is alive, by the database's clock alone.

A lease that expired cannot be renewed and never comes back; the process needs a new one
with a new epoch. Epochs are the table's own counter, so that none is ever given twice.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher.db.models import Lease
from watcher.db.types import UtcNow, utcnow_plus
from watcher.domain.records import Claim

Column = sa.ColumnElement[Any]


def held(claim: Claim) -> Column:
    """Condition: the claim's lease is alive while this statement runs"""
    return sa.exists().where(
        Lease.epoch == claim.epoch,
        Lease.owner == claim.owner,
        Lease.expires_at > UtcNow(),
    )


def unowned(table: Any) -> Column:
    """Condition: nobody alive owns the row of ``table``"""
    alive = (
        sa.exists()
        .where(
            Lease.epoch == table.c.owner_epoch,
            Lease.owner == table.c.owner,
            Lease.expires_at > UtcNow(),
        )
        .correlate(table)
    )
    return sa.or_(table.c.owner.is_(None), ~alive)


def owned(table: Any, claim: Claim) -> Column:
    """Condition: ``claim`` owns the row of ``table`` and its lease is alive"""
    return sa.and_(
        table.c.owner == claim.owner, table.c.owner_epoch == claim.epoch, held(claim)
    )


def acquire(
    tx: orm.Session, owner: str, *, service: str, host: str, ttl_s: float
) -> int:
    """Give ``owner`` a new lease and return its epoch; an older one of it ends"""
    tx.execute(sa.delete(Lease).where(Lease.owner == owner))
    result: Any = tx.execute(
        sa.insert(Lease.__table__).values(  # type: ignore[arg-type]
            owner=owner,
            service=service,
            host=host,
            acquired_at=UtcNow(),
            renewed_at=UtcNow(),
            expires_at=utcnow_plus(ttl_s),
        )
    )
    return int(result.inserted_primary_key[0])


def renew(tx: orm.Session, claim: Claim, ttl_s: float) -> bool:
    """Prolong a living lease; False when it expired or is gone"""
    result: Any = tx.execute(
        sa.update(Lease)
        .where(
            Lease.epoch == claim.epoch,
            Lease.owner == claim.owner,
            Lease.expires_at > UtcNow(),
        )
        .values(renewed_at=UtcNow(), expires_at=utcnow_plus(ttl_s))
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)


def release(tx: orm.Session, claim: Claim) -> None:
    """End a lease: whatever it owned can be taken at once"""
    tx.execute(
        sa.delete(Lease).where(Lease.epoch == claim.epoch, Lease.owner == claim.owner)
    )


def alive(tx: orm.Session, claim: Claim) -> bool:
    """Tell whether the claim's lease is alive now"""
    return bool(tx.scalar(sa.select(held(claim))))


def purge(tx: orm.Session, older_than_s: float) -> int:
    """Remove leases that expired more than ``older_than_s`` ago; return how many"""
    result: Any = tx.execute(
        sa.delete(Lease).where(Lease.expires_at < utcnow_plus(-older_than_s))
    )
    return int(result.rowcount)
