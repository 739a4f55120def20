"""Payload of the event about services."""

from watcher.domain.records import Service
from watcher.notifications import envelope
from watcher.notifications.envelope import Payload

ACTIVE = "ACTIVE"
FAILED = "FAILED"


def updated(service: Service, old_state: str | None, state: str) -> Payload:
    """Return the payload of service.update"""
    step = envelope.wrap(
        "ServiceStatusUpdatePayload", "1.0", {"old_state": old_state, "state": state}
    )
    data = {
        # Misspelt since the first release; consumers read it under this name.
        "sevice_host": service.host,
        "name": service.name,
        "last_seen_up": envelope.plain(service.last_seen_up),
        "status_update": step,
    }
    return envelope.wrap("ServiceUpdatePayload", "1.0", data)
