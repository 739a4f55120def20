"""Every list, read page by page to its end, has every row just once."""

import json
import urllib.parse

from watcher.api import app

PAGE, SMALL_PAGE = 40, 3


class Broken(Exception):
    """A page could not be read"""


def flaws(get, live):
    """Yield where a list is wrong, and how

    ``get`` returns the answer to a GET, ``live`` how many rows of a kind there are.
    """
    for resource in app.RESOURCES:
        noun = getattr(resource, "noun", None)
        if noun is None or not hasattr(resource, "table"):
            continue
        for key in noun.sort_keys:
            for direction in ("asc", "desc"):
                query = f"sort_key={key}&sort_dir={direction}&limit={PAGE}"
                yield from _compared(get, noun, query, live(noun.plural))
        yield from _filtered(get, noun)


def _compared(get, noun, query, number):
    first = f"/v1/{noun.plural}?{query}"
    try:
        seen = [row[noun.key] for row in read(get, noun, first, 2 * number + PAGE)]
    except Broken as error:
        yield first, str(error)
        return
    if len(seen) != number or len(set(seen)) != number:
        yield first, f"{len(seen)} rows, {len(set(seen))} different; {number} are there"


def _filtered(get, noun):
    """Pages keep the filter: together they are what one page would be"""
    rows = list(read(get, noun, f"/v1/{noun.plural}/detail", 10_000))
    for name in noun.filters:
        shown = name if name in ("name", *rows[0]) else f"{name}_name"
        values = [row[shown] for row in rows if row.get(shown)]
        for value in sorted(set(values))[:3]:
            given = urllib.parse.urlencode({name: value})
            whole = f"/v1/{noun.plural}?{given}"
            try:
                wanted = [row[noun.key] for row in read(get, noun, whole, 10_000)]
                paged = f"{whole}&limit={SMALL_PAGE}"
                found = [row[noun.key] for row in read(get, noun, paged, 10_000)]
            except Broken as error:
                yield whole, str(error)
                continue
            if found != wanted:
                yield paged, f"{len(found)} rows in pages, {len(wanted)} in one"
            if len(wanted) < values.count(value):
                yield whole, f"{len(wanted)} rows, {values.count(value)} have it"


def read(get, noun, target, most):
    """Yield the rows of a list and of all pages behind it, at most that many"""
    number = 0
    while target and number <= most:
        answer = get(target)
        if answer.status != 200:
            raise Broken(f"{target} gives {answer.status} {answer.body[:300]!r}")
        body = json.loads(answer.body)
        number += len(body[noun.plural])
        yield from body[noun.plural]
        parts = urllib.parse.urlsplit(body.get("next", ""))
        target = f"{parts.path}?{parts.query}" if parts.path else ""
