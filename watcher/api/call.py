"""What a handler is given: one request, already checked, and the parts it may use."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from oslo_config import cfg

from watcher import exception
from watcher.api import errors, types
from watcher.context import RequestContext

_PLAIN = (str, int, float, bool, datetime.datetime, type(None))


class Store(Protocol):
    """The database as handlers use it"""

    def read(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Return ``fn(tx, ...)`` of a reader transaction"""

    def write(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Return ``fn(tx, ...)`` of a writer transaction"""

    def acting(self, actor: str) -> "Store":
        """Return the same database for another actor of the history"""


class Judge(Protocol):
    """The policy as handlers use it"""

    def check(
        self,
        ctx: RequestContext,
        rule: str,
        target: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise PolicyNotAuthorized unless ``ctx`` may do ``rule`` on ``target``"""

    def foresee(self, ctx: RequestContext, rule: str) -> bool:
        """Judge without the row; False is for the row to decide"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the API is built from"""

    conf: cfg.ConfigOpts
    db: Store
    rpc: Any
    enforcer: Judge
    plugins: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request on its way through a handler

    ``host_url`` is scheme and host alone, which links start with; ``app_url`` has the
    prefix that the application is mounted at.
    """

    parts: Parts
    ctx: RequestContext
    rule: str | None
    minor: int
    host_url: str
    app_url: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None

    @property
    def db(self) -> Store:
        """Return the database; what is written is put down to whoever asks"""
        who = user(self.ctx)
        return self.parts.db.acting(who) if who else self.parts.db

    def since(self, minor: int) -> None:
        """Refuse unless the request's microversion is ``minor`` or later"""
        if self.minor < minor:
            raise errors.FeatureNotThere

    def judged(self, record: Any) -> Any:
        """Return ``record`` when the policy lets the caller have just this row"""
        if self.rule is not None:
            # Rows belong to no project: no rule that asks for one lets anybody in.
            self.parts.enforcer.check(self.ctx, self.rule, _target(record))
        return record


def user(ctx: RequestContext) -> str | None:
    """Return who is asking, as operators know him; None when nobody says"""
    # Servers hand headers over byte by byte; names are written in UTF-8.
    names = [
        str(text).encode("latin-1", "replace").decode("utf-8", "replace")
        for text in (ctx.user_name, ctx.user_id)
        if text
    ]
    return f"{names[0]} ({names[1]})" if len(names) > 1 else "".join(names) or None


def _target(record: Any) -> dict[str, Any]:
    """Return the columns of ``record`` as rules compare them, fit for a policy server"""
    found = {
        item.name: getattr(record, item.name) for item in dataclasses.fields(record)
    }
    return {
        name: value.isoformat() if isinstance(value, datetime.datetime) else value
        for name, value in found.items()
        if isinstance(value, _PLAIN)
    }


def ident(text: str, missing: Callable[[str], exception.ResourceNotFound]) -> str:
    """Return a path's identifier as the database is asked for it: a UUID or a name

    Row ids are nobody's business, so a number is a name like any other.

    :raises ResourceNotFound: no row can have it
    """
    if "\0" in text:
        raise missing(text.replace("\0", "?"))
    return text


def uuid(name: str, text: str) -> str:
    """Return a path's identifier that must be a UUID, as UUIDs are stored

    :raises InvalidInput: it is not one
    """
    try:
        return types.UUID.read(text)  # type: ignore[no-any-return]
    except ValueError as error:
        raise errors.InvalidInput(name, text, str(error)) from None
