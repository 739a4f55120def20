"""What a handler is given: one request, already checked, and the parts it may use."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from oslo_config import cfg
from oslo_utils import uuidutils

from watcher import exception
from watcher._i18n import _
from watcher.api import errors, types
from watcher.context import RequestContext


class Store(Protocol):
    """The database as handlers use it"""

    def read(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Return ``fn(tx, ...)`` of a reader transaction"""

    def write(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Return ``fn(tx, ...)`` of a writer transaction"""


class Judge(Protocol):
    """The policy as handlers use it"""

    def check(
        self,
        ctx: RequestContext,
        rule: str,
        target: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise PolicyNotAuthorized unless ``ctx`` may do ``rule`` on ``target``"""


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
        """Return the database"""
        return self.parts.db

    def since(self, minor: int) -> None:
        """Refuse unless the request's microversion is ``minor`` or later"""
        if self.minor < minor:
            raise errors.FeatureNotThere

    def judged(self, record: Any) -> Any:
        """Return ``record`` when the policy lets the caller have just this row"""
        if self.rule is not None:
            target = {
                item.name: getattr(record, item.name)
                for item in dataclasses.fields(record)
            }
            target.update(project_id=self.ctx.project_id, user_id=self.ctx.user_id)
            self.parts.enforcer.check(self.ctx, self.rule, target)
        return record


def ident(text: str, missing: Callable[[str], exception.ResourceNotFound]) -> str | int:
    """Return a path's identifier as the database is asked for it

    An integer literal is a row id, anything else a UUID or a name.

    :raises ResourceNotFound: no row can have it
    """
    if "\0" in text:
        raise missing(text.replace("\0", "?"))
    if text.isascii() and text.isdigit() and str(int(text[:20])) == text:
        number = int(text)
        if number > types.MAX_ID:
            raise missing(text)
        return number
    return text


def uuid(name: str, text: str) -> str:
    """Return a path's identifier that must be a UUID

    :raises InvalidInput: it is not one
    """
    if not uuidutils.is_uuid_like(text) or "\0" in text:
        raise errors.InvalidInput(name, text, _("Value should be UUID format"))
    return text
