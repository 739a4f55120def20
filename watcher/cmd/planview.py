"""Shows how far a plan is: a table with bars in a terminal, plain lines elsewhere."""

import datetime
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

Row = Mapping[str, Any]
# States as they are coloured where colours are shown.
COLOURS = {
    "SUCCEEDED": "green", "ONGOING": "cyan", "FAILED": "red", "CANCELLING": "yellow",
    "CANCELLED": "yellow", "SKIPPED": "magenta", "SUPERSEDED": "yellow",
}  # fmt: skip
# Columns that are left out where the terminal is narrower than that.
WIDE, MIDDLE, NARROW = 100, 70, 44
EVENTS = 5
# Lines of the table that come before what happened last.
LEAST = 6


class View(Protocol):
    """Where a plan is shown"""

    def __enter__(self) -> "View":
        """Begin"""

    def __exit__(self, *error: Any) -> None:
        """End; what was shown last stays"""

    def show(self, progress: Row, events: Sequence[Row]) -> None:
        """Show how far the plan is, and what happened since the last time"""

    def lost(self, why: str | None) -> None:
        """Say that the API cannot be reached, or, with None, that it can again"""


class Lines:
    """One line for each change, and one whenever another tenth of the plan is over"""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._tenth: int | None = None
        self._notes: tuple[str, ...] = ()

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *error: Any) -> None:
        self._out.flush()

    def show(self, progress: Row, events: Sequence[Row]) -> None:
        """Print what is new"""
        for event in events:
            self._print(line(event))
        found = tuple(notes(progress))
        for note in found:
            if note not in self._notes:
                self._print(f"{clock(progress['now'])} plan: {note}")
        self._notes = found
        tenth = None if progress["percent"] is None else int(progress["percent"] // 10)
        if tenth != self._tenth and progress["started_at"]:
            self._print(f"{clock(progress['now'])} plan: {summary(progress)}")
        self._tenth = tenth

    def lost(self, why: str | None) -> None:
        """Print it"""
        self._print("the API answers again" if why is None else f"no answer: {why}")

    def _print(self, text: str) -> None:
        print(text, file=self._out, flush=True)


class Screen:
    """A table that is drawn anew at each look"""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False)
        self._events: deque[Row] = deque(maxlen=EVENTS)
        self._progress: Row | None = None
        self._lost: str | None = None

    def __enter__(self) -> "Screen":
        self._live.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._live.stop()

    def show(self, progress: Row, events: Sequence[Row]) -> None:
        """Draw"""
        self._progress = progress
        self._events.extend(events)
        self._draw()

    def lost(self, why: str | None) -> None:
        """Say so below the table, which stays as it was"""
        self._lost = why
        self._draw()

    def _draw(self) -> None:
        remarks = []
        if self._lost is not None:
            remarks.append(Text(f"no answer: {self._lost}; trying again", style="red"))
        parts: list[Any] = remarks
        if self._progress is not None:
            parts = self._plan(self._progress, remarks)
        self._live.update(Group(*parts), refresh=True)

    def _plan(self, progress: Row, remarks: list[Text]) -> list[Any]:
        width = self._console.width
        state = Text(progress["state"], style=COLOURS.get(progress["state"], ""))
        title = Text.assemble("Plan ", progress["action_plan_uuid"], "  ", state)
        parts: list[Any] = [title]
        if progress["percent"] is not None:
            bar = ProgressBar(total=100, completed=progress["percent"], width=width - 9)
            row = Table.grid(padding=(0, 1))
            row.add_row(bar, f"{progress['percent']:5.1f} %")
            parts.append(row)
        parts.append(_one_line(summary(progress)))
        remarks = [*remarks, *(Text(note, style="yellow") for note in notes(progress))]
        parts += remarks
        used = len(parts) + sum(
            text.cell_len // width for text in (title, *remarks) if width
        )
        room = self._console.height - 1 - used
        events = min(len(self._events), max(0, room - LEAST))
        if progress["actions"]:
            # Beside the rows: the heading, and how many more there are.
            parts.append(table(progress, width, max(1, room - events - 2)))
        told = [*self._events][len(self._events) - events :]
        return parts + [_one_line(line(event), style="dim") for event in told]


def _one_line(text: str, style: str = "") -> Text:
    return Text(text, style=style, overflow="ellipsis", no_wrap=True)


def table(progress: Row, width: int, room: int) -> Table:
    """Return the running actions, as many as there is room for"""
    found = Table(box=None, padding=(0, 1, 0, 0), expand=True)
    found.add_column("action", no_wrap=True, overflow="ellipsis", ratio=2)
    found.add_column("done", no_wrap=True, ratio=2)
    found.add_column("", justify="right", no_wrap=True)
    if width >= MIDDLE:
        found.add_column("left", justify="right", no_wrap=True)
    if width >= NARROW:
        found.add_column("for", justify="right", no_wrap=True)
    if width >= WIDE:
        found.add_column("ends about", justify="right", no_wrap=True)
    rows = progress["actions"]
    for row in rows[:room]:
        part = row["percent"]
        known = part is not None
        cells: list[Any] = [
            name(row),
            ProgressBar(total=100, completed=part)
            if known
            else Text(row["state"].lower()),
            f"{part:.0f} %" if known else "",
        ]
        if width >= MIDDLE:
            cells.append(size(row["bytes_remaining"]))
        if width >= NARROW:
            cells.append(lasting(row["started_at"], progress["now"]))
        if width >= WIDE:
            cells.append(clock(row["expected_end_at"], date=False))
        found.add_row(*cells)
    hidden = progress["states"].get("ONGOING", 0) + progress["states"].get(
        "CANCELLING", 0
    ) - len(rows[:room])  # fmt: skip
    if hidden > 0:
        found.add_row(f"and {hidden} more")
    return found


# Words --------------------------------------------------------------------------------


def summary(progress: Row) -> str:
    """Return how far a plan is, in a line"""
    states = progress["states"]
    parts = []
    if progress["percent"] is not None:
        parts.append(f"{progress['percent']:.1f} % over")
    parts += [f"{count} {state}" for state, count in states.items() if count]
    if progress["ended_at"]:
        parts.append(f"took {lasting(progress['started_at'], progress['ended_at'])}")
    elif progress["started_at"]:
        parts.append(f"for {lasting(progress['started_at'], progress['now'])}")
    if progress["expected_end_at"]:
        parts.append(f"ends about {clock(progress['expected_end_at'], date=False)}")
    return ", ".join(parts) or "no actions"


def notes(progress: Row) -> list[str]:
    """Return what an operator should know besides"""
    found = []
    if progress["state"] == "RECOMMENDED":
        found.append(
            f"nobody started it; watcher-plan start {progress['action_plan_uuid']}"
        )
    if progress["state"] == "PENDING":
        found.append("it waits for an applier")
    if progress["paused"]:
        found.append("it is paused: nothing more begins until it is resumed")
    if progress["waits_for_takeover"]:
        host = (progress["applier"] or {}).get("host") or "unknown"
        found.append(f"its applier on {host} is gone; another one will go on with it")
    if progress["status_message"]:
        found.append(progress["status_message"])
    return found


def line(event: Row) -> str:
    """Return one step of the history as a line"""
    old, new = event["old_state"], event["new_state"]
    step = new if old in (None, new) else f"{old} -> {new}"
    who = "plan" if event["resource"] == "action_plan" else name(event)
    text = f"{clock(event['at'])} {who}: {step}"
    if event["reason"]:
        text += f": {event['reason']}"
    if event["resource"] == "action_plan" and event["actor"]:
        text += f" (by {event['actor']})"
    return " ".join(text.split())


def name(row: Row) -> str:
    """Return words for an action"""
    target = row["resource_name"] or row["resource_id"] or row["uuid"][:8]
    return f"{row['action_type'] or 'action'} {target}"


def clock(stamp: str | None, *, date: bool = True) -> str:
    """Return a time of the API in UTC, to the second"""
    if not stamp:
        return ""
    moment = datetime.datetime.fromisoformat(stamp).replace(tzinfo=None)
    return moment.strftime("%Y-%m-%d %H:%M:%SZ" if date else "%H:%M:%SZ")


def lasting(since: str | None, until: str | None) -> str:
    """Return the time from one moment to another, in two units at most"""
    if not since or not until:
        return ""
    moments = (datetime.datetime.fromisoformat(stamp) for stamp in (until, since))
    later, earlier = moments
    seconds = max(0, int((later - earlier).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def size(count: int | None) -> str:
    """Return a number of bytes with a unit"""
    if count is None:
        return ""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if value >= 10 else f"{value:.1f} {units[0]}"
