"""Services: the daemons, and whether their heartbeats still come."""

import datetime
from typing import Any

from watcher import exception
from watcher.api import noun, types
from watcher.api.call import Call
from watcher.api.collection import Collection
from watcher.api.noun import LISTED, Field, Noun
from watcher.db import services

ACTIVE, FAILED = "ACTIVE", "FAILED"

SERVICE = Noun(
    name="service",
    plural="services",
    kind="Service",
    key="id",
    fields=(
        Field(name="id", type=types.INTEGER, show=LISTED, help="Number of the row"),
        Field(name="name", type=types.LONG_TEXT, show=LISTED, help="Which daemon"),
        Field(name="host", type=types.LONG_TEXT, show=LISTED, help="Where it runs"),
        Field(
            name="status",
            type=types.choice(ACTIVE, FAILED),
            show=LISTED,
            stored=False,
            help="FAILED when no heartbeat came for [DEFAULT] service_down_time seconds",
        ),
        Field(name="last_seen_up", type=types.TIME, help="Last heartbeat, UTC"),
        *noun.STAMPS,
    ),
    sort_keys=(
        *("id", "created_at", "updated_at", "deleted_at"),
        *("name", "host", "last_seen_up"),
    ),
    marker=types.INTEGER,
)


class Services(Collection):
    """/v1/services"""

    name = "services"
    noun = SERVICE
    table = services
    not_found = exception.ServiceNotFound

    def extra(self, call: Call) -> Any:
        """Return the function that tells a service's status"""
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        limit = datetime.timedelta(seconds=self.parts.conf.service_down_time)
        return lambda record: {"status": status(record, now, limit)}


def status(record: Any, now: datetime.datetime, limit: datetime.timedelta) -> str:
    """Return ACTIVE when the last heartbeat is younger than ``limit``"""
    beat = record.last_seen_up or record.updated_at or record.created_at
    return ACTIVE if beat is not None and abs(now - beat) <= limit else FAILED
