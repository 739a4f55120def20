"""The interval of continuous audits: seconds, or a cron expression in UTC."""

import datetime
from typing import Any

from watcher._i18n import _
from watcher.api import types
from watcher.domain import schedule

LONGEST = 36
_CRON = r"(@(hourly|daily|weekly|monthly|yearly)|[0-9A-Za-z*?,/#-]+( [0-9A-Za-z*?,/#-]+){4,6})"


def read(value: Any) -> str:
    """Return the interval as it is stored; an integer becomes text

    :raises ValueError: it is neither a positive number of seconds nor a cron expression
        whose moments are certain
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    value = types.TEXT.read(value)
    if len(value) > LONGEST:
        raise ValueError(
            _("Text of %(found)d characters; at most %(longest)d are allowed")
            % {"found": len(value), "longest": LONGEST}
        )
    if schedule.is_seconds(value):
        if not 0 < int(value) <= types.MAX_ID:
            raise ValueError(_("An interval is a positive number of seconds"))
        return str(value)
    if schedule.is_chance(value):
        raise ValueError(
            _("R and H stand for moments that are drawn by lot; name the moments")
        )
    try:
        # Asking for the next moment finds expressions that never come true.
        start = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        schedule.first(value, start)
    except schedule.NoMoment:
        raise ValueError(_("No moment matches this cron expression any more")) from None
    except ValueError as error:
        raise ValueError(
            _("Neither seconds nor a cron expression: %s") % error
        ) from None
    return str(value)


INTERVAL = types.Type(
    name="text",
    read=read,
    schema={"type": "string", "maxLength": LONGEST},
    takes={
        "title": "seconds or cron expression",
        "anyOf": [
            {"type": "string", "maxLength": LONGEST, "pattern": "^[1-9][0-9]{0,8}$"},
            {"type": "integer", "minimum": 1, "maximum": types.MAX_ID},
            {"type": "string", "maxLength": LONGEST, "pattern": f"^{_CRON}$"},
        ],
    },
)
