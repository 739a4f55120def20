"""Reads queries and bodies; whatever is sent, the worst answer is a 4xx."""

import json
import math
import urllib.parse
from collections.abc import Mapping
from typing import Any

from oslo_log import log

from watcher._i18n import _
from watcher.api import errors, types

LOG = log.getLogger(__name__)

FORM = "application/x-www-form-urlencoded"
DEEPEST = 50
# The name of a document that says nothing to us: its numbers may be of any size.
ANYTHING = "body"
_LONGEST_NUMBER = 18
_LONGEST_NAME = 80
_MOST_ARGUMENTS = 100


def query(text: str, known: Mapping[str, types.Type]) -> dict[str, Any]:
    """Return the arguments of a query string by their declared types

    :raises UnknownArgument: there are others than ``known``
    :raises InvalidInput: one is given twice or cannot be read
    """
    given: dict[str, list[str]] = {}
    for name, value in _pairs(text):
        given.setdefault(name, []).append(value)
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise errors.UnknownArgument(names=", ".join(unknown))
    values = {}
    for name, found in given.items():
        if len(found) > 1:
            raise errors.InvalidInput(name, found, _("The argument is given twice"))
        try:
            values[name] = known[name].read(found[0])
        except ValueError as error:
            raise errors.InvalidInput(name, found[0], str(error)) from None
    return values


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return urllib.parse.parse_qsl(
            text,
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_ARGUMENTS,
        )
    except ValueError:
        raise errors.InvalidInput(
            "query", text, _("The query string cannot be read")
        ) from None


def read(request: Any, limit: int) -> bytes:
    """Return the body of ``request``

    :raises BodyTooLarge: it has more than ``limit`` bytes
    :raises LengthRequired: it comes in chunks, and the server hands over none
    :raises BodyBroken: the client does not send all of it
    """
    if (request.content_length or 0) > limit:
        raise errors.BodyTooLarge(limit=limit)
    if not request.is_body_readable:
        if (
            request.content_length is None
            and "HTTP_TRANSFER_ENCODING" in request.environ
        ):
            raise errors.LengthRequired
        return b""
    try:
        found: bytes = request.body_file.read(limit + 1)
    except Exception as error:  # each server has errors of its own for this
        LOG.info("A body could not be read: %s", error)
        raise errors.BodyBroken from None
    if len(found) > limit:
        raise errors.BodyTooLarge(limit=limit)
    return found


def document(request: Any, argument: str, limit: int) -> Any:
    """Return the JSON document of a mandatory body

    :raises MissingArgument: it is empty
    :raises UnknownMediaType: it is something else than JSON
    :raises NotJson: it is broken, too deep, or has numbers that nobody can store
    """
    raw = read(request, limit)
    media_type = (request.content_type or "").lower()
    if not raw.strip():
        raise errors.MissingArgument(name=argument)
    if media_type in ("", FORM):
        names = [name for name, _value in _pairs(raw.decode("utf-8", "replace"))]
        raise errors.UnknownArgument(names=", ".join(names)[:200])
    if media_type != "application/json":
        raise errors.UnknownMediaType(media_type=media_type)
    return parse(raw, stored=argument != ANYTHING)


def empty(request: Any, argument: str, limit: int) -> None:
    """Check that a body says nothing: none at all, or an empty JSON object

    :raises Invalid: it says something
    """
    raw = read(request, limit)
    found = parse(raw) if raw.strip() else {}
    if not isinstance(found, dict):
        raise errors.InvalidInput(argument, found, _("Value is not a valid dict"))
    if found:
        keys = ", ".join(sorted(found))
        raise errors.UnknownAttribute(argument=argument, keys=keys)


def parse(raw: bytes, *, stored: bool = True) -> Any:
    """Return what the JSON text ``raw`` says

    Unless ``stored`` nobody reads it: numbers stay text, and keys may come twice.

    :raises NotJson: it cannot be read
    """
    try:
        value = json.loads(
            raw,
            object_pairs_hook=_unlike if stored else None,
            parse_constant=_refuse,
            parse_float=_finite if stored else str,
            parse_int=_storable if stored else str,
        )
    except RecursionError:
        raise errors.NotJson(reason=_("nested too deeply")) from None
    except ValueError as error:
        raise errors.NotJson(reason=str(error)) from None
    if too_deep(value):
        raise errors.NotJson(reason=_("nested more than %d levels deep") % DEEPEST)
    return value


def _unlike(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            # One of the values would be lost without a word.
            raise ValueError(_("%s is given twice") % name[:_LONGEST_NAME])
        found[name] = value
    return found


def _refuse(text: str) -> Any:
    raise ValueError(_("%s is not a JSON number") % text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(_("number out of range"))
    return value


def _storable(text: str) -> int:
    if len(text.lstrip("-")) > _LONGEST_NUMBER:
        raise ValueError(_("number out of range"))
    return int(text)


def too_deep(value: Any) -> bool:
    """Tell whether ``value`` is nested so deeply that walking it could fail"""
    level = [value]
    for _depth in range(DEEPEST):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return any(isinstance(item, dict | list) for item in level)
