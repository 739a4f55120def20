"""When a CONTINUOUS audit runs: arithmetic of intervals, on moments that are handed in.

All moments are naive UTC. croniter's reading of cron expressions is the published one.
"""

import datetime
import re

import croniter

Moment = datetime.datetime
# What other numbers Python could read is none of an interval.
_SECONDS = re.compile(r"\s*[+-]?[0-9]+\s*")


def is_seconds(interval: str) -> bool:
    """Tell whether ``interval`` is a number of seconds; otherwise it is a cron expression"""
    return _SECONDS.fullmatch(interval) is not None


def first(interval: str, now: Moment) -> Moment:
    """Return the first run: at once with seconds, at the next match with cron"""
    return now if is_seconds(interval) else _match(interval, now)


def following(interval: str, planned: Moment | None, now: Moment) -> Moment:
    """Return the run after the one ``planned``, later than ``now``

    Runs with seconds keep their rhythm; those that were missed are left out, so that
    there is one run however long nobody was there.

    :raises ValueError: no such moment exists
    """
    if not is_seconds(interval):
        return _match(interval, now)
    step = datetime.timedelta(seconds=max(1, int(interval)))
    begun = now if planned is None or planned > now else planned
    return begun + ((now - begun) // step + 1) * step


def _match(interval: str, now: Moment) -> Moment:
    found: Moment = croniter.croniter(interval, now).get_next(datetime.datetime)
    return found
