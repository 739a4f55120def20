"""When a CONTINUOUS audit runs: arithmetic of intervals, on moments that are handed in.

All moments are naive UTC. croniter's reading of cron expressions is the published one.
Whatever is wrong with an interval is a ValueError with a sentence.
"""

import datetime
import re

import croniter

Moment = datetime.datetime
SECOND = datetime.timedelta(seconds=1)
# The wait after failures doubles up to this, or to the interval when that is longer.
LONGEST_WAIT_S = 3600.0
# What other numbers Python could read is none of an interval.
_SECONDS = re.compile(r"\s*[+-]?[0-9]+\s*")
# croniter draws lots for R, anew at each look, and takes H for a hash of nothing.
_CHANCE = re.compile(r"(?:^|[\s,])[rh](?=[\s,/(]|$)", re.IGNORECASE)
_ERRORS = (
    *(ValueError, KeyError, IndexError, TypeError, AttributeError),
    ArithmeticError,
)


class NoMoment(ValueError):
    """An expression that is understood, and matches no moment that is still to come"""


def is_seconds(interval: str) -> bool:
    """Tell whether ``interval`` is a number of seconds; otherwise it is a cron expression"""
    return _SECONDS.fullmatch(interval) is not None


def is_chance(interval: str) -> bool:
    """Tell whether a field is R or H, whose moments nobody can foretell"""
    return _CHANCE.search(interval) is not None


def first(interval: str, now: Moment, start: Moment | None = None) -> Moment:
    """Return the first run, not before ``start``: at once with seconds, or the next match

    A match at ``start`` itself counts.
    """
    waits = start is not None and start > now
    if is_seconds(interval):
        return start if start is not None and waits else now
    if start is None or not waits:
        return _match(interval, now)
    whole = start.replace(microsecond=0)
    return _match(interval, whole - (SECOND if whole == start else 0 * SECOND))


def following(interval: str, planned: Moment | None, now: Moment) -> Moment:
    """Return the run after the one ``planned``, later than ``now``

    Runs with seconds keep their rhythm; those that were missed are left out, so that
    there is one run however long nobody was there.
    """
    if not is_seconds(interval):
        return _match(interval, now)
    step = _seconds(interval)
    begun = now if planned is None or planned > now else planned
    return _plus(begun, ((now - begun) // step + 1) * step)


def preceding(interval: str, planned: Moment, now: Moment) -> Moment:
    """Return a moment, not after ``now``, whose following one is ``planned``"""
    if not is_seconds(interval):
        return now
    return min(now, _plus(planned, -_seconds(interval)))


def retry(interval: str, planned: Moment, now: Moment, failures: int) -> Moment:
    """Return when to run again after so many failures in a row

    That is the run ``planned``, or the next one when it has passed, as long as runs fail
    for the first time; then the wait doubles with each failure, up to LONGEST_WAIT_S.
    Runs are left out, never moved.
    """
    if planned <= now:
        planned = following(interval, planned, now)
    try:
        step = following(interval, planned, planned) - planned
    except NoMoment:
        return planned
    step_s = step.total_seconds()
    wait_s = min(step_s * 2.0 ** min(failures - 1, 60), max(step_s, LONGEST_WAIT_S))
    if is_seconds(interval):
        return _plus(planned, int(wait_s / step_s - 1) * step)
    extra = datetime.timedelta(seconds=wait_s - step_s)
    return _match(interval, planned + extra - SECOND) if extra else planned


def _seconds(interval: str) -> datetime.timedelta:
    try:
        return datetime.timedelta(seconds=max(1, int(interval)))
    except OverflowError:
        raise ValueError("it is longer than times can be counted") from None


def _plus(moment: Moment, shift: datetime.timedelta) -> Moment:
    try:
        return moment + shift
    except OverflowError:
        raise ValueError("it leads out of the calendar") from None


def _match(interval: str, now: Moment) -> Moment:
    try:
        found: Moment = croniter.croniter(interval, now).get_next(datetime.datetime)
    except croniter.CroniterBadDateError:
        raise NoMoment("no moment matches it any more") from None
    except _ERRORS as error:
        raise ValueError(str(error) or type(error).__name__) from None
    return found
