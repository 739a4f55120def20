"""Text that must fit its column."""

import re

from watcher import exception

MARK = "..."
UNKNOWN = "\ufffd"
# What no database takes: zeros and halves of characters.
_REFUSED = re.compile("[\0\ud800-\udfff]")
# Characters of four bytes, which fit where tables were made for them.
_WIDE = re.compile("[\U00010000-\U0010ffff]")
STATUS_MESSAGE = 255


def cut(text: str, limit: int = STATUS_MESSAGE) -> str:
    """Return ``text`` of the program's own as each database takes it, at most ``limit`` long

    One that is longer ends with a marker; characters that cannot be stored are replaced.
    """
    text = _REFUSED.sub(UNKNOWN, text)
    if len(text) <= limit:
        return text
    return text[: limit - len(MARK)] + MARK


def plain(text: str) -> str:
    """Return ``text`` of the program's own without what some databases refuse

    Names of servers may hold it, which are part of what the program says.
    """
    return _WIDE.sub(UNKNOWN, _REFUSED.sub(UNKNOWN, text))


def too_long(field: str, limit: int) -> exception.Invalid:
    """Error for text of a user that its column cannot hold"""
    return exception.Invalid(
        f"Value of '{field}' is too long: at most {limit} characters are allowed"
    )
