"""List parameters, pages and the link to the next one."""

import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oslo_utils import uuidutils

from watcher import exception
from watcher._i18n import _
from watcher.api import types
from watcher.api.call import Call
from watcher.api.noun import Noun
from watcher.db.query import ListQuery

DIRECTIONS = ("asc", "desc")
LIMIT = types.INTEGER.but(
    schema={"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
    help="How many rows are wanted at most; never more than [api] max_limit are given",
)
DIRECTION = types.TEXT.but(
    schema={"type": "string", "enum": list(DIRECTIONS), "default": "asc"},
    help="Smallest first, or largest first",
)


def arguments(noun: Noun) -> Mapping[str, types.Type]:
    """Return the arguments that lists of ``noun`` take"""
    return {
        "limit": LIMIT,
        "marker": noun.marker.but(
            help=f"{noun.key} of the row before the first one that is wanted"
        ),
        "sort_key": types.TEXT.but(
            schema={"type": "string", "enum": list(noun.sort_keys), "default": "id"},
            help="What the rows are sorted by; among equals, by their age",
        ),
        "sort_dir": DIRECTION,
        **noun.filters,
    }


def listed(noun: Noun, call: Call, filters: Mapping[str, Any], most: int) -> ListQuery:
    """Return the database's query for what the client asked

    :raises Invalid: an argument has a value that makes no sense
    """
    query = call.query
    sort_key = query.get("sort_key", "id")
    if sort_key not in noun.sort_keys:
        raise exception.InvalidSortKey(sort_key=sort_key)
    limit = query.get("limit")
    if limit is not None and limit <= 0:
        raise exception.Invalid(_("Limit must be positive"))
    sort_dir = query.get("sort_dir", "asc")
    if sort_dir not in DIRECTIONS:
        raise exception.Invalid(
            _("Invalid sort direction: %s. Acceptable values are 'asc' or 'desc'")
            % sort_dir
        )
    marker = query.get("marker")
    if marker == "":
        # As published: an empty name is no marker.
        marker = None
    if isinstance(marker, int) and not 0 < marker <= types.MAX_ID:
        # No row can have it, and not every database can compare with it.
        marker = 0
    return ListQuery(
        filters=filters,
        limit=page_size(limit, most),
        marker=marker,
        sort_key=sort_key,
        sort_dir=sort_dir,
        show_deleted=call.ctx.show_deleted,
    )


def page_size(limit: int | None, most: int) -> int | None:
    """Return how many rows a page may have; None: all of them

    ``most`` is the operator's bound, 0 for none.
    """
    if limit is None:
        return most or None
    return min(limit, most or types.MAX_ID)


def page(
    noun: Noun,
    call: Call,
    query: ListQuery,
    records: Sequence[Any],
    show: Callable[[Any], dict[str, Any]],
    suffix: str,
) -> dict[str, Any]:
    """Return the body of a list; ``suffix`` is ``/detail`` or nothing"""
    body: dict[str, Any] = {noun.plural: [show(record) for record in records]}
    if records and len(records) == query.limit:
        arguments = {
            "sort_key": query.sort_key,
            "sort_dir": query.sort_dir,
            "limit": query.limit,
            "marker": getattr(records[-1], noun.key),
        }
        arguments.update((k, v) for k, v in call.query.items() if k in noun.filters)
        # Without the prefix: clients append what follows the host to their endpoint.
        body["next"] = (
            f"{call.host_url}/v1/{noun.plural}{suffix}?"
            f"{urllib.parse.urlencode(arguments)}"
        )
    return body


def by_uuid_or_name(noun: str, value: str) -> dict[str, str]:
    """Return the filter on a related ``noun``; integers are names here"""
    if uuidutils.is_uuid_like(value):
        return {f"{noun}_uuid": types.UUID.read(value)}
    return {f"{noun}_name": value}
