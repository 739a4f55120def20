"""Text that must fit its column."""

from watcher import exception

MARK = "..."
STATUS_MESSAGE = 255


def cut(text: str, limit: int = STATUS_MESSAGE) -> str:
    """Return ``text`` of the program's own, cut with a marker to ``limit`` characters"""
    if len(text) <= limit:
        return text
    return text[: limit - len(MARK)] + MARK


def too_long(field: str, limit: int) -> exception.Invalid:
    """Error for text of a user that its column cannot hold"""
    return exception.Invalid(
        f"Value of '{field}' is too long: at most {limit} characters are allowed"
    )
