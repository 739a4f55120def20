"""How far a plan is, and when it may end: arithmetic on what was seen, nothing is guessed."""

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watcher.domain import states

RUNNING = frozenset((states.ONGOING, states.CANCELLING))
# Actions that are over; what was cancelled has not been done.
OVER = frozenset((states.SUCCEEDED, states.FAILED, states.SKIPPED))
# Those whose time tells how fast things go: nothing was done for skipped ones.
WORKED = frozenset((states.SUCCEEDED, states.FAILED))
LONGEST = datetime.timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Actions of one type in one state.

    The size of ``measured`` of them is known: ``size`` bytes in all, of which the running
    ones have done ``done``. ``moved`` actions' worth was done by running ones of unknown
    size.
    """

    action_type: str
    state: str
    count: int
    measured: int = 0
    size: float = 0.0
    done: float = 0.0
    moved: float = 0.0


@dataclass(frozen=True, slots=True)
class Amount:
    """Work in actions; what was done by skipping is in ``over``, not in ``worked``"""

    total: float = 0.0
    over: float = 0.0
    worked: float = 0.0
    left: float = 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """When something began and ended, naive UTC"""

    started: datetime.datetime | None = None
    ended: datetime.datetime | None = None


def percent(shares: Sequence[Share]) -> float | None:
    """Return how much of a plan is over, 0 to 100; None for a plan without actions

    Types count by their actions; inside a type a large move counts more than a small one,
    and one of unknown size like the mean of the others.
    """
    amounts = _by_type(shares).values()
    total = sum(amount.total for amount in amounts)
    if not total:
        return None
    return round(min(100.0, 100 * sum(amount.over for amount in amounts) / total), 1)


def expected_end(
    shares: Sequence[Share], started: datetime.datetime | None, now: datetime.datetime
) -> datetime.datetime | None:
    """Return when a running plan will have ended if it goes on as it did so far

    None when nothing tells: as long as an open action is of a type of which nothing has
    been done yet.
    """
    amounts = _by_type(shares).values()
    left = sum(amount.left for amount in amounts)
    if started is None or any(one.left and not one.worked for one in amounts):
        return None
    worked = sum(amount.worked for amount in amounts)
    if not worked or not left:
        return None
    return _later(now, (now - started) * (left / worked))


def action_end(
    began: datetime.datetime | None, seen: datetime.datetime, part: float | None,
    now: datetime.datetime,
) -> datetime.datetime | None:  # fmt: skip
    """Return when an action will have ended that was at ``part`` percent when ``seen``"""
    if began is None or part is None or not 0 < part < 100 or seen <= began:
        return None
    end = _later(began, (seen - began) * (100 / part))
    return None if end is None else max(end, now)


def _later(
    moment: datetime.datetime, wait: datetime.timedelta
) -> datetime.datetime | None:
    if not datetime.timedelta() <= wait < LONGEST:
        return None
    return (moment + wait).replace(microsecond=0)


def counts(shares: Iterable[Share]) -> dict[str, int]:
    """Return how many actions are in which state"""
    found: dict[str, int] = {}
    for share in shares:
        found[share.state] = found.get(share.state, 0) + share.count
    return dict(sorted(found.items()))


def _by_type(shares: Sequence[Share]) -> Mapping[str, Amount]:
    kinds: dict[str, list[Share]] = {}
    for share in shares:
        kinds.setdefault(share.action_type, []).append(share)
    return {kind: _amount(some) for kind, some in sorted(kinds.items())}


def _amount(shares: Sequence[Share]) -> Amount:
    """Add up the shares of one type; the result is in actions"""
    measured = sum(share.measured for share in shares)
    size = sum(share.size for share in shares)
    sized = measured > 0 and size > 0
    mean = size / measured if sized else 1.0
    total = over = worked = left = 0.0
    for share in shares:
        unknown = share.count - share.measured
        weight = share.size + mean * unknown if sized else float(share.count)
        total += weight
        if share.state in OVER:
            over += weight
            worked += weight if share.state in WORKED else 0.0
        elif share.state in RUNNING:
            done = min(weight, share.done + share.moved * mean)
            over, worked, left = over + done, worked + done, left + weight - done
        elif share.state == states.PENDING:
            left += weight
    actions = sum(share.count for share in shares)
    scale = actions / total if total else 0.0
    return Amount(actions, over * scale, worked * scale, left * scale)


def number(value: Any) -> float | None:
    """Return what an action told as a number, if it is one"""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
