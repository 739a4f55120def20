"""Hours in which plans may begin something, in the operator's own time zone.

A window opens on each of its days and closes at its end, on the next day when the end is
not later than the beginning. Moments are naive UTC and handed in. What counts is what the
clocks on the wall show: a time that they leave out is the moment in which they are put
forward, one that they show twice is the first of the two.
"""

import datetime
import functools
import re
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Moment = datetime.datetime
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = datetime.timedelta(days=1)
MINUTE = datetime.timedelta(minutes=1)
MINUTES = 24 * 60
# A weekly window begins at most so many days after any moment, in whatever zone.
AHEAD = 9
TIME = "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"


@dataclass(frozen=True, slots=True)
class Window:
    """Days of the week by number, Monday 0; begin and end in minutes after midnight"""

    days: frozenset[int]
    start: int
    end: int
    zone: zoneinfo.ZoneInfo

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Window":
        """Read ``{"days": ["fri"], "from": "22:00", "to": "05:00", "timezone": "..."}``

        Without days it is every day, without a time zone UTC.

        :raises ValueError: with a sentence that names what is wrong
        """
        days = document.get("days", DAYS)
        start = minutes(document["from"])
        if start == MINUTES:
            raise ValueError("from: a window cannot begin at 24:00; say 00:00")
        return cls(
            frozenset(DAYS.index(day) for day in days),
            start,
            minutes(document["to"]),
            zone(document.get("timezone", "UTC")),
        )

    def begun_on(self, day: datetime.date) -> tuple[Moment, Moment]:
        """Return when the window that begins on ``day`` opens and closes"""
        last = day if self.end > self.start else day + DAY
        return self._utc(day, self.start), self._utc(last, self.end)

    def around(self, at: Moment) -> Iterator[tuple[Moment, Moment]]:
        """Yield the spans that hold ``at`` or come soon after it, in order"""
        today = at.replace(tzinfo=datetime.UTC).astimezone(self.zone).date()
        for shift in range(-2, AHEAD):
            day = today + shift * DAY
            if day.weekday() in self.days:
                opens, closes = self.begun_on(day)
                if closes > at and closes > opens:
                    yield opens, closes

    def _utc(self, day: datetime.date, minute: int) -> Moment:
        if minute == MINUTES:
            day, minute = day + DAY, 0
        time = datetime.time(minute // 60, minute % 60, tzinfo=self.zone)
        local = datetime.datetime.combine(day, time)
        late, early = _utc(local), _utc(local.replace(fold=1))
        # A time that is left out is later by the offset of before than by that of after.
        return self._put_forward(early, late) if early < late else late

    def _put_forward(self, before: Moment, after: Moment) -> Moment:
        """Return the moment between two at which the clocks change, to the minute"""
        offset = self._offset(after)
        low, high = 0, int((after - before).total_seconds()) // 60
        while low < high:
            middle = (low + high) // 2
            if self._offset(before + middle * MINUTE) == offset:
                high = middle
            else:
                low = middle + 1
        return before + low * MINUTE

    def _offset(self, at: Moment) -> datetime.timedelta | None:
        return at.replace(tzinfo=datetime.UTC).astimezone(self.zone).utcoffset()


def _utc(local: datetime.datetime) -> Moment:
    return local.astimezone(datetime.UTC).replace(tzinfo=None)


def minutes(text: str) -> int:
    """Return the minutes after midnight of ``HH:MM``, 24:00 included"""
    if not re.fullmatch(TIME, text):
        raise ValueError(f"{text} is not a time of day like 22:00")
    return int(text[:2]) * 60 + int(text[3:])


@functools.lru_cache(maxsize=256)
def zone(name: str) -> zoneinfo.ZoneInfo:
    """Return a time zone by its name in the IANA database"""
    try:
        return zoneinfo.ZoneInfo(name)
    # A folder, a file that is no zone, a name with bytes that no file system takes.
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        raise ValueError(
            f"{name} is not a time zone known here, like Europe/Berlin or UTC"
        ) from None


def is_open(windows: Sequence[Window], at: Moment) -> bool:
    """Tell whether one of the windows is open; without any it is always open"""
    return not windows or any(
        opens <= at for window in windows for opens, _closes in window.around(at)
    )


def opens(windows: Sequence[Window], at: Moment) -> Moment | None:
    """Return when it is open next, ``at`` itself when it is now; None: never"""
    if is_open(windows, at):
        return at
    starts = (opens for window in windows for opens, _closes in window.around(at))
    return min(starts, default=None)


def closes(windows: Sequence[Window], at: Moment) -> Moment | None:
    """Return when what is open at ``at`` closes; None: it is closed, or never closes

    Windows that follow each other without a gap are one.
    """
    spans = sorted(span for window in windows for span in window.around(at))
    end: Moment | None = None
    for start, stop in spans:
        if start <= (end or at):
            end = stop if end is None else max(end, stop)
    return end


def told(windows: Sequence[Window], moment: Moment) -> str:
    """Return ``moment`` in words, in the time zone of the first window"""
    zone = windows[0].zone if windows else zoneinfo.ZoneInfo("UTC")
    local = moment.replace(tzinfo=datetime.UTC).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} {zone.key}"
