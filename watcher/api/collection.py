"""What every noun has: a list, a list with details, one row, and who may see them."""

from collections.abc import Mapping
from typing import Any

from watcher import exception
from watcher.api import call as calls
from watcher.api import noun as nouns
from watcher.api import query
from watcher.api.call import Call
from watcher.api.expose import DETAIL, ITEM, Resource, Route, expose


class Collection(Resource):
    """A noun that is read from one table

    ``table`` is the module of its queries; ``not_found`` is the error of its rows.
    """

    table: Any
    not_found: type[exception.ResourceNotFound]

    def arguments(self, route: Route) -> Mapping[str, Any]:
        """Return the arguments that a list takes; other methods take none"""
        return query.arguments(self.noun) if route.listing else {}

    @expose("GET", rule="get_all", listing=True, answers=nouns.LISTED)
    def get_all(self, call: Call) -> Any:
        """List, with the fields that tell rows apart"""
        return self.page(call, nouns.LISTED, "")

    @expose("GET", DETAIL, rule="detail", listing=True, answers=nouns.DETAIL)
    def detail(self, call: Call) -> Any:
        """List, with all fields"""
        return self.page(call, nouns.DETAIL, "/detail")

    @expose("GET", ITEM, rule="get", answers=nouns.DETAIL)
    def get_one(self, call: Call, ident: str) -> Any:
        """Show one"""
        return self.show(call, self.find(call, ident))

    def page(self, call: Call, view: int, suffix: str) -> dict[str, Any]:
        """Return a page of rows in ``view``"""
        asked = query.listed(
            self.noun, call, self.filters(call), self.parts.conf.api.max_limit
        )
        records = call.db.read(self.table.list, asked)
        serialize = self.noun.serializer(view, call.minor)
        extra = self.extra(call)

        def show(record: Any) -> dict[str, Any]:
            row = serialize(record, call.host_url)
            return {**row, **extra(record)} if extra else row

        return query.page(self.noun, call, asked, records, show, suffix)

    def show(self, call: Call, record: Any) -> dict[str, Any]:
        """Return all fields of ``record``"""
        row = self.noun.serializer(nouns.DETAIL, call.minor)(record, call.host_url)
        extra = self.extra(call)
        return {**row, **extra(record)} if extra else row

    def extra(self, call: Call) -> Any:
        """Return the function that computes what no record holds, or None"""
        return None

    def has(self, call: Call, ident: str) -> bool:
        """Tell whether a row has just this name; False where rows have none"""
        if "name" not in self.noun.by_name:
            return False
        try:
            call.db.read(
                self.table.get, self.ident(ident), show_deleted=call.ctx.show_deleted
            )
        except self.not_found:
            return False
        return True

    def filters(self, call: Call) -> dict[str, Any]:
        """Return the database's filters for what the client asked"""
        filters: dict[str, Any] = {}
        for name in ("goal", "strategy"):
            if name in self.noun.filters and name in call.query:
                filters |= query.by_uuid_or_name(name, call.query[name])
        return filters

    def ident(self, text: str) -> str | int:
        """Return a path's identifier as the table is asked for it"""
        if not self.noun.named:
            return calls.uuid(f"{self.noun.name}_uuid", text)
        return calls.ident(text, self.missing)

    def missing(self, ident: Any) -> exception.ResourceNotFound:
        """Return the error that says that there is no such row"""
        return self.not_found(**{self.noun.name: ident})

    def find(self, call: Call, ident: str) -> Any:
        """Return the row that a path names, deleted ones if the client asks for them

        :raises ResourceNotFound: there is none
        :raises PolicyNotAuthorized: there is, but not for this caller
        """
        return call.judged(
            call.db.read(
                self.table.get, self.ident(ident), show_deleted=call.ctx.show_deleted
            )
        )
