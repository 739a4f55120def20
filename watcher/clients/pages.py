"""Lists that come in pages, each of which begins after the last row of the one before."""

from collections.abc import Iterator
from typing import Any

from watcher import exception
from watcher.clients.http import Service

STEPS_BACK = 20  # rows before a deleted page marker that are tried in its place


def pages(
    http: Service,
    path: str,
    noun: str,
    version: str,
    *,
    page: int,
    key: str = "id",
    links: bool = True,
    **filters: Any,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of all pages, each row once

    What is at a page's end may be deleted before the next page is asked for; the one
    before it then marks the place. Lists without ``links`` end with an empty page, since
    the service may hold pages to be smaller than asked.
    """
    seen: set[str] = set()
    markers: list[str] = []
    while True:
        params = dict(filters, limit=page)
        if markers:
            params["marker"] = markers[-1]
        try:
            body = http.get(path, version, **params)
        except exception.ClientError as error:
            if error.http_status not in (400, 404) or len(markers) < 2:
                raise
            markers.pop()
            continue
        rows = body[noun]
        yield from (row for row in rows if str(row[key]) not in seen)
        seen.update(str(row[key]) for row in rows)
        if not rows or (links and not body.get(f"{noun}_links")):
            return
        markers = [str(row[key]) for row in rows[-STEPS_BACK:]]
