"""Webhooks: what happens elsewhere starts EVENT audits."""

from collections.abc import Sequence
from typing import Any

from watcher import exception
from watcher.api import call, errors
from watcher.api.call import Call
from watcher.api.expose import DOCUMENT, ITEM, Resource, Route, expose
from watcher.db import audits, services
from watcher.domain.records import Audit

ENGINE = "watcher-decision-engine"
EXAMPLES = {
    "nothing": {},
    "alarm": {
        "alarm_name": "cpu_high",
        "severity": "moderate",
        "current": "alarm",
        "previous": "ok",
        "reason": "Transition to alarm due to 1 samples outside threshold",
    },
}


class Webhooks(Resource):
    """/v1/webhooks, at every microversion"""

    name = "webhooks"
    item = "audit"

    def rule(self, route: Route) -> str | None:
        """Return the rule of a method; none while the operator lets anybody in"""
        if not self.parts.conf.api.enable_webhooks_auth:
            return None
        return super().rule(route)

    def match(self, method: str, rest: Sequence[str]) -> tuple[Route, Sequence[str]]:
        """Return the route for ``rest`` of the path; see ``Resource.match``"""
        if not rest:
            if method == "POST":
                # As published: the route takes the method, but needs an identifier.
                raise errors.MissingArgument(name=self.item)
            raise errors.MethodNotAllowed(["POST"])
        return super().match(method, rest)

    def has(self, call: Call, ident: str) -> bool:
        """Tell whether an audit has just this name"""
        try:
            call.db.read(audits.get, ident)
        except exception.AuditNotFound:
            return False
        return True

    @expose(
        "POST",
        ITEM,
        rule="webhook:trigger",
        status=202,
        body=DOCUMENT,
        refuses=(404,),
        examples=EXAMPLES,
    )
    def trigger(self, call: Call, ident: str) -> None:
        """Let an EVENT audit run

        Any JSON is taken as the body, and ignored. An audit that ended runs once more; one
        that runs does so once more afterwards, however often it is triggered meanwhile. A
        cancelled or suspended one is refused.
        """
        wanted = _ident(ident)
        alive_s = float(self.parts.conf.service_down_time)

        def trigger(tx: Any) -> Audit:
            found = audits.get(tx, wanted)
            # Engines of the reference go by the message, and would never take the mark
            # away again.
            others = services.foreign(tx, alive_s)
            ours = all(service.name != ENGINE for service in others)
            return audits.trigger(tx, found.uuid, remember=ours)

        found = call.db.write(trigger)
        # Only a wake-up: the row waits for an engine whether or not this arrives.
        self.parts.rpc.decision_engine.trigger_audit(call.ctx, found.uuid)


def _ident(text: str) -> str:
    return call.ident(text, lambda ident: exception.AuditNotFound(audit=ident))
