"""watcher-db-manage purge: shows what would go, asks, and removes it."""

import argparse
from collections.abc import Mapping

from oslo_config import cfg
from oslo_utils import strutils

from watcher import exception
from watcher.db import purge
from watcher.db.session import Database

TITLES = {
    "goals": "Goals",
    "strategies": "Strategies",
    "audit_templates": "Audit Templates",
    "audits": "Audits",
    "action_plans": "Action Plans",
    "actions": "Actions",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command"""
    parser.add_argument(
        "-d",
        "--age-in-days",
        nargs="?",
        type=int,
        help="Keep what was deleted less than this many days ago.",
    )
    parser.add_argument(
        "-n",
        "--max-number",
        nargs="?",
        type=int,
        help="Remove at most this many objects, by whole goals.",
    )
    parser.add_argument(
        "-t", "--goal", nargs="?", help="Only what belongs to this deleted goal."
    )
    parser.add_argument(
        "-e",
        "--exclude-orphans",
        action="store_true",
        help="Leave live objects whose parent is deleted.",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="Tell what would be removed, no more."
    )
    parser.add_argument(
        "-y",
        "--yes",
        "--batch",
        dest="yes",
        action="store_true",
        help="Ask nothing: remove it, up to the limit if there is one.",
    )


def run(conf: cfg.ConfigOpts, db: Database) -> int:
    """Carry out the sub-command; return the exit status"""
    asked = conf.command
    wish = purge.Wish(
        age_days=asked.age_in_days or 0,
        max_number=asked.max_number,
        goal=asked.goal,
        orphans=not asked.exclude_orphans,
    )
    chosen = db.read(purge.choose, wish)
    if wish.max_number is not None and chosen.total > wish.max_number:
        print(table(chosen.counts))
        print(
            f"{chosen.total} objects could be purged, the limit is {wish.max_number};"
            " goals that fit as a whole are taken."
        )
        if not (asked.yes or _confirmed("Go up to the limit?")):
            return 0
        chosen = db.read(purge.within, wish, chosen)
    counts, heading = chosen.counts, "Objects that could be purged"
    if not asked.dry_run and _may_remove(chosen, asked.yes):
        counts, heading = purge.remove(db, chosen), "Purge results summary"
    print(f"{heading} (orphans {'included' if wish.orphans else 'excluded'}):")
    print(table(counts))
    return 0


def _may_remove(chosen: purge.Chosen, yes: bool) -> bool:
    if yes or not chosen.total:
        return True
    print(table(chosen.counts))
    return _confirmed(f"Remove these {chosen.total} objects for good?")


def _confirmed(question: str) -> bool:
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:
        print()
        raise exception.Invalid(
            "Nobody answers on standard input, so nothing was removed; use --yes"
        )
    return bool(strutils.bool_from_string(answer))


def table(counts: Mapping[str, int]) -> str:
    """Draw the numbers of objects by kind"""
    heads = [*TITLES.values(), "Total"]
    cells = [str(counts[name]) for name in TITLES]
    cells.append(str(sum(counts.values())))
    widths = [
        max(len(head), len(cell)) for head, cell in zip(heads, cells, strict=True)
    ]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    lines = [
        "|" + "|".join(f" {t:^{w}} " for t, w in zip(row, widths, strict=True)) + "|"
        for row in (heads, cells)
    ]
    return "\n".join((rule, lines[0], rule, lines[1], rule))
