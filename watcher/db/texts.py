"""Text that must fit its column."""

import re

from watcher import exception

MARK = "..."
UNKNOWN = "\ufffd"
# What not every database takes: zeros, halves of characters, and characters of four bytes
# where tables were made as the published guide says. Names of servers may hold them.
_REFUSED = re.compile("[\0\ud800-\udfff\U00010000-\U0010ffff]")
STATUS_MESSAGE = 255


def cut(text: str, limit: int = STATUS_MESSAGE) -> str:
    """Return ``text`` of the program's own as each database takes it, at most ``limit`` long

    One that is longer ends with a marker; characters that cannot be stored are replaced.
    """
    text = _REFUSED.sub(UNKNOWN, text)
    if len(text) <= limit:
        return text
    return text[: limit - len(MARK)] + MARK


def too_long(field: str, limit: int) -> exception.Invalid:
    """Error for text of a user that its column cannot hold"""
    return exception.Invalid(
        f"Value of '{field}' is too long: at most {limit} characters are allowed"
    )
