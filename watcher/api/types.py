"""Types of fields and arguments: how a value is read, checked, shown and documented.

A type's ``read`` takes what the JSON body or the query held and raises ValueError with a
reason that the client may see; ``show`` is None when the record's value goes out as it is.
"""

import dataclasses
import datetime
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dateutil import parser
from oslo_utils import uuidutils

from watcher._i18n import _

TRUE = frozenset(("true", "t", "yes", "y", "on", "1"))
FALSE = frozenset(("false", "f", "no", "n", "off", "0"))
# 2026-3-1, 2026/03, 1 Mar 2026, March 1 2026 10:00; 10:00, T10:00Z
_DATE = re.compile(
    r"[0-9]{4}[-/.][0-9]{1,2}\b|(?=.*\b[0-9]{4}\b)[0-9a-z ,.:+-]*[a-z]{3}",
    re.IGNORECASE,
)
_LONGEST_TIME = 64
_CLOCK = re.compile(r"T?[0-9]{1,2}:[0-9]{2}")
# The largest id of a 32-bit column, which is what PostgreSQL has.
MAX_ID = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """How one kind of value is read and shown

    ``schema`` is the JSON schema of what is shown, and of what is read unless ``takes``
    says that more is. ``help`` tells what an argument of this type means.
    """

    name: str
    read: Callable[[Any], Any]
    show: Callable[[Any], Any] | None = None
    schema: Mapping[str, Any] = field(default_factory=dict)
    takes: Mapping[str, Any] | None = None
    help: str = ""

    @property
    def taken(self) -> Mapping[str, Any]:
        """Return the JSON schema of what is read"""
        return self.schema if self.takes is None else self.takes

    def but(self, **changed: Any) -> "Type":
        """Return the same type told in another way: its ``schema`` or ``help``"""
        return dataclasses.replace(self, **changed)


def _wrong(value: Any, wanted: str) -> ValueError:
    return ValueError(
        _("Wrong type. Expected '%(wanted)s', got '%(found)s'")
        % {"wanted": wanted, "found": type(value).__name__}
    )


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(value, "text")
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError(_("The text holds characters that cannot be stored"))
    return value


def text(longest: int | None = None) -> Type:
    """Return the type of text of at most ``longest`` characters"""

    def read(value: Any) -> str:
        value = _read_text(value)
        if longest is not None and len(value) > longest:
            raise ValueError(
                _("Text of %(found)d characters; at most %(longest)d are allowed")
                % {"found": len(value), "longest": longest}
            )
        return value

    schema: dict[str, Any] = {"type": "string"}
    if longest is not None:
        schema["maxLength"] = longest
    return Type(name="text", read=read, schema=schema)


def choice(*values: str) -> Type:
    """Return the type of text that is one of ``values``"""

    def read(value: Any) -> str:
        value = _read_text(value)
        if value not in values:
            raise ValueError(
                _("Value should be one of: %s") % ", ".join(sorted(values))
            )
        return value

    return Type(
        name="text", read=read, schema={"type": "string", "enum": sorted(values)}
    )


def told(values: Iterable[str]) -> Type:
    """Return the type of text that is one of ``values``, which its reader has to check"""
    return TEXT.but(schema={"type": "string", "enum": list(values)})


def _read_uuid(value: Any) -> str:
    value = _read_text(value)
    if not uuidutils.is_uuid_like(value):
        raise ValueError(_("Value should be UUID format"))
    # One spelling is stored; what some databases would find in others, all do.
    return str(uuid.UUID(value))


def _read_integer(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(_("Value should be an integer"))
    return value


def _read_boolean(value: Any) -> bool:
    if isinstance(value, int):
        # Integers always passed: 0 is false, everything else is true.
        return bool(value)
    if isinstance(value, str) and value in TRUE | FALSE:
        return value in TRUE
    raise ValueError(_("Value should be a boolean"))


def _read_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(_("Value is not a valid dict"))
    return value


def _read_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(_("Value is not a valid list"))
    return value


def _read_scope(value: Any) -> list[Any]:
    # An empty object was always taken for an empty list.
    return [] if value == {} else _read_list(value)


def _other_spelling(text: str, today: datetime.datetime) -> datetime.datetime:
    """Return the moment told in words or parts; what is missing is today's

    A year, or a time alone, must be recognisable as such: other texts mean different
    things to different people.
    """
    try:
        if not (_DATE.match(text) or _CLOCK.match(text)):
            raise ValueError(text)
        found: datetime.datetime = parser.parse(text, default=today, tzinfos=_offset)
        found.utcoffset()
    except (ValueError, OverflowError):
        raise ValueError(_("Value is not a date and time")) from None
    return found


def _offset(name: str | None, seconds: int | None) -> int | None:
    if name and seconds is None:
        raise ValueError(name)
    return seconds


def read_time(
    value: Any,
    zone: datetime.tzinfo | None = None,
    now: Callable[[], datetime.datetime] = datetime.datetime.now,
) -> datetime.datetime:
    """Return naive UTC of whole seconds; text without an offset is in ``zone``

    Without ``zone`` that is the zone of this server, as published.
    """
    value = _read_text(value).strip()
    if len(value) > _LONGEST_TIME:
        raise ValueError(_("Value is not a date and time"))
    try:
        moment = datetime.datetime.fromisoformat(value)
    except ValueError:
        today = datetime.datetime.combine(now().date(), datetime.time())
        moment = _other_spelling(value, today)
    try:
        if moment.tzinfo is None:
            # None means the local zone to astimezone() as well.
            moment = moment.replace(tzinfo=zone)
        moment = moment.astimezone(datetime.UTC)
    except (OverflowError, ValueError, OSError):
        raise ValueError(_("The time lies too far away")) from None
    if moment.year < 1000:
        raise ValueError(_("The time lies too far away"))
    return moment.replace(tzinfo=None, microsecond=0)


def _show_stamp(value: datetime.datetime | None) -> str | None:
    return None if value is None else value.isoformat() + "+00:00"


def _show_time(value: datetime.datetime | None) -> str | None:
    return None if value is None else value.isoformat()


_NAIVE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"

TEXT = text()
NAME = text(63)
LONG_TEXT = text(255)
UUID = Type(name="uuid", read=_read_uuid, schema={"type": "string", "format": "uuid"})
INTEGER = Type(name="int", read=_read_integer, schema={"type": "integer"})
BOOLEAN = Type(
    name="bool",
    read=_read_boolean,
    schema={"type": "boolean"},
    takes={
        "title": "boolean",
        "anyOf": [
            {"type": "boolean"},
            {"type": "integer"},
            {"enum": sorted(TRUE | FALSE)},
        ],
    },
)
OBJECT = Type(name="dict", read=_read_object, show=dict, schema={"type": "object"})
LIST = Type(name="list", read=_read_list, show=list, schema={"type": "array"})
SCOPE = Type(
    name="list",
    read=_read_scope,
    show=list,
    schema={"type": "array"},
    takes={"$ref": "#/components/schemas/Scope"},
)
# Bookkeeping times carry their offset on the wire, times that clients set do not.
STAMP = Type(
    name="datetime",
    read=read_time,
    show=_show_stamp,
    schema={"type": "string", "format": "date-time"},
)
TIME = Type(
    name="datetime",
    read=read_time,
    show=_show_time,
    schema={"type": "string", "title": "time", "pattern": f"^{_NAIVE}$"},
    takes={
        "title": "time",
        "anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "string", "pattern": f"^{_NAIVE}$"},
            {"type": "string", "format": "date"},
        ],
    },
)
