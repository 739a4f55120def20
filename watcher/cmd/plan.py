"""watcher-plan: shows how far action plans are, and starts, pauses or cancels them.

Talks to the REST API alone, with the rights of whoever calls it.
"""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from rich.console import Console

from watcher.cmd import planauth, planview
from watcher.cmd.planclient import BEGUN, Away, Plans, Refused
from watcher.conf import version

NAME = "watcher-plan"
DONE, BROKEN, USAGE, LATE, STOPPED = 0, 1, 2, 6, 130
# Exit status by the state that a plan ended in.
ENDS = {"SUCCEEDED": 0, "FAILED": 3, "CANCELLED": 4, "SUPERSEDED": 5, "DELETED": 5}
# Plans that a list looks through, in pages of 1,000, and those it tells the progress of.
LOOK_THROUGH, MOST_SHOWN = 5, 20
HELP = {"-h", "--help", "--version"}
ABOUT = "Shows how far action plans are, and starts, pauses, resumes or cancels them."
EPILOG = """\
The API is found as OpenStack's commands find it: OS_* variables, --os-cloud NAME of
clouds.yaml, or their --os-... options. An API without Keystone, such as that of
watcher-standalone, is named with --os-endpoint URL (OS_ENDPOINT), and its token, if it
demands one, with --os-token-file FILE.

exit status:
  0  the plan SUCCEEDED; or what was asked for was done
  1  it could not be done: no such plan, refused, no answer
  2  wrong use
  3  the plan FAILED
  4  the plan was CANCELLED
  5  the plan was SUPERSEDED or deleted
  6  it had not ended after --wait seconds
  130  interrupted; the plan goes on
"""
ACTIONS = {
    "start": "start a recommended plan",
    "pause": "let a running plan begin nothing more",
    "resume": "let a paused plan go on",
    "cancel": "cancel a plan; what runs is stopped where that is possible",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of everything but authentication"""
    found = argparse.ArgumentParser(
        prog=NAME, description=ABOUT, epilog=EPILOG, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    found.add_argument("--version", action="version", version=version())
    verbs = found.add_subparsers(dest="verb", metavar="COMMAND", required=True)

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        return verbs.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".",
            allow_abbrev=False,
        )  # fmt: skip

    listed = verb("list", "list the plans that wait, run or are being cancelled")
    listed.add_argument(
        "--all", action="store_true", help="the newest plans, whatever their state"
    )
    watched = verb("watch", "show a plan until it ends")
    _watching(watched)
    told = verb("history", "tell every change of state of a plan and its actions")
    told.add_argument("plan", metavar="PLAN", help="UUID of the plan")
    for name, text in ACTIONS.items():
        one = verb(name, text)
        if name == "start":
            one.add_argument(
                "--watch", action="store_true", help="then show it until it ends"
            )
            _watching(one)
        else:
            one.add_argument("plan", metavar="PLAN", help="UUID of the plan")
    return found


def _watching(found: argparse.ArgumentParser) -> None:
    found.add_argument("plan", metavar="PLAN", help="UUID of the plan")
    found.add_argument(
        "--plain", action="store_true",
        help="print a line for each change, as is done where the output is no terminal",
    )  # fmt: skip
    found.add_argument(
        "--interval", type=_seconds, default=2.0, metavar="SECONDS",
        help="time between two looks (default: 2)",
    )  # fmt: skip
    found.add_argument(
        "--wait", type=_seconds, metavar="SECONDS",
        help="end with status 6 when the plan has not ended by then",
    )  # fmt: skip


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 10**6:
        raise argparse.ArgumentTypeError("from 0.1 to 1000000 seconds")
    return value


def watch(
    plans: Plans, uuid: str, view: planview.View, *, interval_s: float,
    wait_s: float | None = None, clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:  # fmt: skip
    """Show a plan until it ends; return the exit status

    An API that was there and is gone is waited for.
    """
    deadline = None if wait_s is None else clock() + wait_s
    marker, lost, seen = 0, False, False
    with view:
        while True:
            try:
                progress = plans.progress(uuid)
                # After the state: what led to it is among them.
                events: list[planview.Row] = [*plans.history(uuid, marker)]
            except Away as error:
                if not seen:
                    raise
                if not lost:
                    view.lost(str(error))
                lost = True
            else:
                if lost:
                    view.lost(None)
                seen, lost = True, False
                marker = max([marker, *(event["id"] for event in events)])
                view.show(progress, events)
                if progress["state"] in ENDS:
                    return ENDS[progress["state"]]
            pause = interval_s
            if deadline is not None:
                pause = min(pause, deadline - clock())
                if pause <= 0:
                    return LATE
            sleep(pause)


def run(given: argparse.Namespace, plans: Plans, out: TextIO) -> int:
    """Do what the command line asks for; return the exit status"""
    if given.verb == "list":
        return _list(plans, out, everything=given.all)
    if given.verb == "history":
        for event in plans.history(given.plan):
            print(planview.line(event), file=out)
        return DONE
    if given.verb == "watch":
        return _watch(given, plans, out)
    if given.verb == "cancel":
        state = plans.cancel(given.plan)["state"]
    else:
        state = plans.act(given.plan, given.verb)["state"]
    print(f"Plan {given.plan} is {state}", file=out, flush=True)
    if given.verb == "start" and given.watch:
        return _watch(given, plans, out)
    return DONE


def _watch(given: argparse.Namespace, plans: Plans, out: TextIO) -> int:
    console = Console(file=out, highlight=False)
    terminal = console.is_terminal and not console.is_dumb_terminal
    view: planview.View = (
        planview.Screen(console)
        if terminal and not given.plain
        else planview.Lines(out)
    )
    return watch(plans, given.plan, view, interval_s=given.interval, wait_s=given.wait)


def _list(plans: Plans, out: TextIO, *, everything: bool) -> int:
    shown = 0
    for row in plans.newest(1 if everything else LOOK_THROUGH):
        if not everything and row["state"] not in BEGUN:
            continue
        if shown == MOST_SHOWN:
            print("and more", file=out)
            break
        shown += 1
        print(_brief(plans, row), file=out)
    if not shown:
        print("no plan" if everything else "no plan waits or runs", file=sys.stderr)
    return DONE


def _brief(plans: Plans, row: dict[str, Any]) -> str:
    progress = plans.progress(row["uuid"], limit=1)
    paused = " (paused)" if progress["paused"] else ""
    strategy = row.get("strategy_name") or "-"
    return (
        f"{row['uuid']}  {progress['state']}{paused}  {strategy}  "
        f"{planview.summary(progress)}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``watcher-plan``; return its exit status"""
    words = list(sys.argv[1:] if argv is None else argv)
    given = None
    try:
        if HELP & {*words} or not words:
            # Help is there without an API.
            verbs = {"list", "watch", "history", *ACTIONS}
            parser().parse_args(
                [word for word in words if word in HELP | verbs] or ["-h"]
            )
        adapter, rest = planauth.connect(words)
        given = parser().parse_args(rest)
        status = run(given, Plans(adapter), sys.stdout)
        sys.stdout.flush()
        return status
    except (planauth.Unusable, Refused, Away) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return BROKEN
    except KeyboardInterrupt:
        if getattr(given, "verb", None) in ("watch", "start"):
            print("The plan goes on.", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        # Whoever read the lines has seen enough; the interpreter shall not complain.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN


if __name__ == "__main__":
    sys.exit(main())
