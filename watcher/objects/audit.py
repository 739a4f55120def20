"""Names that outside packages read of audits."""

import enum

from watcher.domain import states


class State:
    """Names of the states of audits"""

    PENDING = states.PENDING
    ONGOING = states.ONGOING
    SUCCEEDED = states.SUCCEEDED
    FAILED = states.FAILED
    CANCELLED = states.CANCELLED
    DELETED = states.DELETED
    SUSPENDED = states.SUSPENDED


class AuditType(enum.Enum):
    """Names of the types of audits"""

    ONESHOT = states.ONESHOT
    CONTINUOUS = states.CONTINUOUS
    EVENT = states.EVENT
