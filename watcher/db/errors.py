"""What a database driver's error means, whatever the driver calls it."""

import enum
import re

from sqlalchemy import exc

from watcher import exception

SQLITE_BUSY, SQLITE_LOCKED = 5, 6
# Read-only, not readable, damaged, full, not there, no database.
SQLITE_FILE = (8, 10, 11, 13, 14, 26)
SQLITE_UNIQUE = (2067, 1555)
SQLITE_FOREIGN_KEY = 787


class Kind(enum.Enum):
    """What to do about an error"""

    DUPLICATE = "a unique key is taken"
    REFERENCE = "a foreign key points nowhere"
    DEADLOCK = "another transaction was in the way; try again"
    AWAY = "the server cannot be reached, or does not let us do it now"
    DATA = "a value does not fit its column"
    SCHEMA = "a table or a column is missing"
    OTHER = "a fault of ours or of the schema"


class Again(Exception):
    """Raised inside a transaction that must be rolled back and run once more"""


_MYSQL = {
    1062: Kind.DUPLICATE,
    1216: Kind.REFERENCE,
    1217: Kind.REFERENCE,
    1451: Kind.REFERENCE,
    1452: Kind.REFERENCE,
    1020: Kind.DEADLOCK,
    1205: Kind.DEADLOCK,
    1213: Kind.DEADLOCK,
    # Full, read-only, out of connections, shut for us: an operator has to see to it.
    1021: Kind.AWAY,
    1040: Kind.AWAY,
    1041: Kind.AWAY,
    1044: Kind.AWAY,
    1045: Kind.AWAY,
    1047: Kind.AWAY,
    1049: Kind.AWAY,
    1053: Kind.AWAY,
    1114: Kind.AWAY,
    1129: Kind.AWAY,
    1130: Kind.AWAY,
    1142: Kind.AWAY,
    1203: Kind.AWAY,
    1226: Kind.AWAY,
    1290: Kind.AWAY,
    1317: Kind.AWAY,
    1836: Kind.AWAY,
    1927: Kind.AWAY,
    2002: Kind.AWAY,
    2003: Kind.AWAY,
    2006: Kind.AWAY,
    2013: Kind.AWAY,
    2014: Kind.AWAY,
    2055: Kind.AWAY,
    1054: Kind.SCHEMA,
    1146: Kind.SCHEMA,
    1264: Kind.DATA,
    1265: Kind.DATA,
    1267: Kind.DATA,
    1292: Kind.DATA,
    1366: Kind.DATA,
    1406: Kind.DATA,
    3988: Kind.DATA,
}
_POSTGRESQL = {
    "23505": Kind.DUPLICATE,
    "23503": Kind.REFERENCE,
    "40001": Kind.DEADLOCK,
    "40P01": Kind.DEADLOCK,
    "55P03": Kind.DEADLOCK,
    "42703": Kind.SCHEMA,
    "42P01": Kind.SCHEMA,
    "25006": Kind.AWAY,
    "42501": Kind.AWAY,
    "53100": Kind.AWAY,
    "53200": Kind.AWAY,
    "53300": Kind.AWAY,
    "53400": Kind.AWAY,
    "57014": Kind.AWAY,
    "57P01": Kind.AWAY,
    "57P02": Kind.AWAY,
    "57P03": Kind.AWAY,
}
# MariaDB names the column of a character that its tables cannot hold, or of a long text.
_COLUMN = re.compile(r"for column (?:`\w+`\.)*[`'](\w+)[`']")


def kind(error: exc.DBAPIError) -> Kind:
    """Classify ``error`` by the driver's own number, never by its text"""
    if error.connection_invalidated:
        return Kind.AWAY
    orig = error.orig
    number = orig.args[0] if orig is not None and orig.args else None
    sqlite_code = getattr(orig, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return _sqlite(sqlite_code)
    # First the number: drivers of MariaDB may carry an SQL state besides.
    if isinstance(number, int):
        return _MYSQL.get(number, Kind.OTHER)
    if hasattr(orig, "sqlstate") or hasattr(orig, "pgcode"):
        return _postgresql(error)
    return Kind.OTHER


def _sqlite(code: int) -> Kind:
    if code in SQLITE_UNIQUE:
        return Kind.DUPLICATE
    if code == SQLITE_FOREIGN_KEY:
        return Kind.REFERENCE
    if code & 0xFF in (SQLITE_BUSY, SQLITE_LOCKED):
        return Kind.DEADLOCK
    if code & 0xFF in SQLITE_FILE:
        return Kind.AWAY
    return Kind.OTHER


def _postgresql(error: exc.DBAPIError) -> Kind:
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    if state is None:
        # Without a state the server never answered (refused, reset, timed out), or the
        # driver itself turned a value down.
        if isinstance(error, exc.DataError):
            return Kind.DATA
        away = isinstance(error, exc.OperationalError)
        return Kind.AWAY if away else Kind.OTHER
    if state.startswith("08"):
        return Kind.AWAY
    if state.startswith("22"):
        return Kind.DATA
    return _POSTGRESQL.get(state, Kind.OTHER)


def is_duplicate(error: exc.DBAPIError) -> bool:
    """Tell whether a unique key refused the row"""
    return kind(error) is Kind.DUPLICATE


def translate(error: exc.DBAPIError) -> Exception:
    """Return the error that callers outside this package should see"""
    what = kind(error)
    if what is Kind.AWAY:
        return exception.DatabaseUnavailable(reason=str(error.orig))
    if what is Kind.SCHEMA:
        return exception.DatabaseUnavailable(
            reason="it lacks tables or columns of this release; run watcher-db-manage "
            "upgrade"
        )
    if what is Kind.DEADLOCK:
        return exception.DatabaseUnavailable(
            reason="too many transactions were in each other's way"
        )
    if what is Kind.DUPLICATE:
        return exception.Conflict("A row with the same unique key exists")
    if what is Kind.REFERENCE:
        return exception.Invalid("The request refers to a row that does not exist")
    if what is Kind.DATA:
        return exception.Invalid(_of_column(error))
    return error


def _of_column(error: exc.DBAPIError) -> str:
    """Say that a value is refused, and of which column when the driver tells it"""
    text = "A value cannot be stored by this database"
    found = _COLUMN.search(str(error.orig))
    return f"{text}: that of {found[1]}" if found else text
