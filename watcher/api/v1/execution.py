"""Execution rules of a template, an audit or a plan: what operators say of carrying out."""

from collections.abc import Mapping
from typing import Any

import jsonschema
from jsonschema import exceptions

from watcher.api import again, errors, examples
from watcher.api.call import Call
from watcher.api.collection import Collection
from watcher.api.expose import DOCUMENT, expose
from watcher.db import execution_rules, history
from watcher.domain.execution import SCHEMA, Rules

LONGEST = 300
PATH = "{id}/execution"
_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


class Executed(Collection):
    """A noun whose plans may be told when, how fast and how far they are carried out"""

    @expose("GET", PATH, rule="get", answers=SCHEMA)
    def execution(self, call: Call, ident: str) -> Any:
        """Show the execution rules of just this row; empty when there are none"""
        found = self.find(call, ident)
        return call.db.read(execution_rules.get, self.noun.name, found.uuid) or {}

    @expose(
        "PUT",
        PATH,
        rule="execution",
        body=DOCUMENT,
        argument="execution",
        takes=SCHEMA,
        answers=SCHEMA,
        refuses=(409,),
        examples=examples.EXECUTION,
    )
    def set_execution(self, call: Call, ident: str) -> Any:
        """Set the execution rules, instead of those that there were"""
        document = checked(call.body)
        wanted = self.ident(ident)

        def put(tx: Any) -> None:
            old = call.judged(self.table.get(tx, wanted))
            execution_rules.put(tx, self.noun.name, old.uuid, document)
            self._note(tx, old, "execution rules set on request")

        again.change(call.db, put)
        return document

    @expose("DELETE", PATH, rule="execution", status=204)
    def delete_execution(self, call: Call, ident: str) -> None:
        """Remove the execution rules, if there are any"""
        wanted = self.ident(ident)

        def delete(tx: Any) -> None:
            old = call.judged(self.table.get(tx, wanted))
            if execution_rules.delete(tx, self.noun.name, old.uuid):
                self._note(tx, old, "execution rules removed on request")

        again.change(call.db, delete)

    def _note(self, tx: Any, row: Any, reason: str) -> None:
        state = getattr(row, "state", None)
        name = self.noun.name
        history.add(
            tx, resource=name, uuid=row.uuid, old=state, new=state, reason=reason
        )


def checked(document: Any) -> Mapping[str, Any]:
    """Return execution rules that can be understood

    :raises InvalidInput: they cannot; it names the part and says what is allowed
    """
    wrong = exceptions.best_match(_VALIDATOR.iter_errors(document))
    if wrong is not None:
        where = ".".join(str(part) for part in wrong.absolute_path)
        raise errors.InvalidInput(
            where or "execution", wrong.instance, wrong.message[:LONGEST]
        )
    try:
        Rules.of(document)
    except ValueError as error:
        raise errors.InvalidInput("window", document["window"], str(error)) from None
    return dict(document)
