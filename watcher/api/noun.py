"""Nouns: every field declared once, and what follows from the declaration.

A field says what it is called, what it holds, since which microversion, in which views it
is shown and whether clients may give it. Output, input checks and documentation are made
from that.
"""

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from watcher._i18n import _
from watcher.api import errors, types

ABSENT: Any = object()

# Views: where a field is shown. Lists show less than details do.
NOWHERE, DETAIL, LISTED = 0, 1, 2
# What a client may do with a field when it creates a row.
UNKNOWN, READ_ONLY, OPTIONAL, REQUIRED = "unknown", "read-only", "optional", "required"

Serializer = Callable[[Any, str], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a noun

    ``below`` is what is shown before ``since``; the field is left out when it is ABSENT.
    ``nullable`` is about POST, ``mandatory`` means that PATCH cannot empty it, and
    ``removable`` that "remove" is a way to do so.
    ``stored`` False: the value is not an attribute of the record but computed.
    ``always``: it is never null in answers, for a reason that the rest does not tell.
    """

    name: str
    type: types.Type
    help: str
    show: int = DETAIL
    since: int = 0
    below: Any = ABSENT
    create: str = UNKNOWN
    default: Any = None
    nullable: bool = True
    patch: bool = False
    mandatory: bool = False
    removable: bool = True
    stored: bool = True
    always: bool = False

    def read(self, value: Any) -> Any:
        """Check a value that a client sent

        :raises InvalidInput: it is not a value of this field
        """
        if value is None:
            if self.nullable:
                return self.empty()
            raise errors.InvalidInput(self.name, value, _("Value must not be null."))
        try:
            return self.type.read(value)
        except ValueError as error:
            raise errors.InvalidInput(self.name, value, str(error)) from None

    def empty(self) -> Any:
        """Return the value that stands for null"""
        return self.default() if callable(self.default) else self.default


@dataclass(frozen=True, kw_only=True)
class Noun:
    """A kind of resource: its fields, how it may be sorted and filtered

    ``named`` False: paths know its rows by UUID alone. ``together`` is a JSON schema of
    which fields of a new row may stand beside each other, for readers of the description.
    """

    name: str
    plural: str
    kind: str
    fields: Sequence[Field]
    sort_keys: Sequence[str]
    marker: types.Type = types.UUID
    key: str = "uuid"
    filters: Mapping[str, types.Type] = field(default_factory=dict)
    named: bool = True
    together: Mapping[str, Any] = field(default_factory=dict)

    @functools.cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Return the fields by their names"""
        return {item.name: item for item in self.fields}

    @functools.cached_property
    def json_fields(self) -> frozenset[str]:
        """Return the names of the fields that hold structured values"""
        return frozenset(
            item.name
            for item in self.fields
            if item.type.schema.get("type") in ("object", "array")
        )

    def serializer(self, view: int, minor: int) -> Serializer:
        """Return the function that makes the dictionary of a record

        It is put together once for each view and microversion, so that a page costs
        one attribute fetch and one dictionary for each row.
        """
        made = self._serializers.get((view, minor))
        if made is None:
            made = self._serializers[view, minor] = self._compile(view, minor)
        return made

    @functools.cached_property
    def _serializers(self) -> dict[tuple[int, int], Serializer]:
        return {}

    def _compile(self, view: int, minor: int) -> Serializer:
        shown = [f for f in self.fields if f.show and f.show >= view and f.stored]
        plain = [f for f in shown if f.since <= minor]
        constant = {
            f.name: f.below for f in shown if f.since > minor and f.below is not ABSENT
        }
        names = tuple(f.name for f in plain)
        fetch = operator.attrgetter(*names)
        convert = tuple((f.name, f.type.show) for f in plain if f.type.show)
        key, plural = self.key, self.plural

        def serialize(record: Any, base: str) -> dict[str, Any]:
            row = dict(zip(names, fetch(record), strict=True))
            for name, show in convert:
                row[name] = show(row[name])
            row.update(constant)
            row["links"] = links(base, f"{plural}/{row[key]}")
            return row

        return serialize

    @functools.cached_property
    def patchable(self) -> tuple[str, ...]:
        """Return the names of the fields that PATCH may change"""
        return tuple(item.name for item in self.fields if item.patch)

    def read(self, body: Any) -> dict[str, Any]:
        """Check the body of a POST; fields that it leaves out have their default

        :raises UnknownAttribute: it has keys that the noun does not take
        :raises InvalidInput: a value is missing, read-only or of the wrong type
        """
        if not isinstance(body, dict):
            raise errors.InvalidInput(self.name, body, _("Value is not a valid dict"))
        fields = self.by_name
        unknown = [
            key for key in body if key not in fields or fields[key].create == UNKNOWN
        ]
        if unknown:
            raise errors.UnknownAttribute(
                argument=self.name, keys=", ".join(sorted(unknown))
            )
        values = {}
        for item in self.fields:
            if item.create == UNKNOWN:
                continue
            if item.name in body:
                value = body[item.name]
                if item.create == READ_ONLY:
                    raise errors.InvalidInput(
                        item.name, value, _("Cannot set read only field.")
                    )
                values[item.name] = item.read(value)
            elif item.create == REQUIRED:
                raise errors.InvalidInput(
                    item.name, None, _("Mandatory field missing.")
                )
            elif item.create == OPTIONAL:
                values[item.name] = item.empty()
        return values


def links(base: str, path: str) -> list[dict[str, str]]:
    """Return the two links that every resource has; they omit any prefix, as published"""
    return [
        {"href": f"{base}/v1/{path}", "rel": "self"},
        {"href": f"{base}/{path}", "rel": "bookmark"},
    ]


STAMPS = (
    Field(
        name="created_at",
        type=types.STAMP,
        always=True,
        help="When the row was made, UTC",
    ),
    Field(name="updated_at", type=types.STAMP, help="When it last changed, UTC"),
    Field(name="deleted_at", type=types.STAMP, help="When it was deleted, UTC"),
)
STORED_KEYS = ("id", "uuid", "created_at", "updated_at", "deleted_at")
