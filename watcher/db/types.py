"""Column types and SQL functions that behave alike on every supported engine."""

import datetime
import json
import logging
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    DateTime,
    Double,
    Float,
    Integer,
    Text,
    exc,
    literal,
    literal_column,
    type_coerce,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from watcher import exception

LOG = logging.getLogger(__name__)

# MariaDB and MySQL cut DATETIME to whole seconds unless told otherwise.
PreciseDateTime = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
# Only INTEGER PRIMARY KEY counts up by itself on SQLite (it holds 64 bits all the same).
BigId = BigInteger().with_variant(Integer(), "sqlite")
# TEXT ends at 64 KiB there, which is little for a plan of thousands of actions.
LongText = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
# SQLite has one floating type, and the published schema calls it FLOAT.
DoubleFloat = Double[float]().with_variant(Float(), "sqlite")


class WrongJsonKind(exception.IllegalArgumentException, exc.DontWrapMixin):
    """A list was given where the column keeps an object, or the other way round"""

    msg_fmt = "The column takes a JSON %(wanted)s, not %(found)s"


class _Json(TypeDecorator[Any]):
    """JSON text; NULL and text that cannot be read give the empty value"""

    impl = Text
    cache_ok = True
    kind: ClassVar[type] = dict

    def __init__(self, *, long: bool = False) -> None:
        super().__init__()
        self.long = long

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if self.long and dialect.name in ("mysql", "mariadb"):
            return mysql.LONGTEXT()
        return Text()

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        if value is None:
            value = self.kind()
        if self.kind is list and isinstance(value, tuple):
            value = list(value)
        if not isinstance(value, self.kind):
            wanted = "object" if self.kind is dict else "list"
            raise WrongJsonKind(wanted=wanted, found=type(value).__name__)
        # ASCII only: databases made by the published guide keep no four-byte characters.
        return json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        if not value:
            return self.kind()
        try:
            found = json.loads(value)
        except ValueError:
            LOG.debug("A JSON column holds text that is not JSON; read as empty")
            return self.kind()
        return found if isinstance(found, self.kind) else self.reshape(found)

    def reshape(self, found: Any) -> Any:
        """Read what a release of long ago wrote in the other shape"""
        return self.kind()


class JsonDict(_Json):
    """A JSON object, a dict in Python"""

    cache_ok = True
    kind = dict


class JsonList(_Json):
    """A JSON list; an object of an old row reads as a list of that one object"""

    cache_ok = True
    kind = list

    def reshape(self, found: Any) -> Any:
        return [found] if isinstance(found, dict) and found else []


class UtcNow(FunctionElement[datetime.datetime]):
    """The database's own clock at the start of the statement, naive UTC

    It counts microseconds (SQLite: milliseconds, written with six digits so that it
    compares as text with stored times).
    """

    type = DateTime()
    inherit_cache = True
    name = "utcnow"


def utcnow_plus(seconds: float) -> UtcNow:
    """The database's clock moved by ``seconds``, which may be negative"""
    return UtcNow(literal(float(seconds), Double()))


@compiles(UtcNow, "sqlite")
def _sqlite_now(element: UtcNow, compiler: SQLCompiler, **kw: Any) -> str:
    shift = "".join(
        f", printf('%+f seconds', {compiler.process(clause, **kw)})"
        for clause in element.clauses
    )
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now'{shift}) || '000')"


@compiles(UtcNow, "mysql", "mariadb")
def _mysql_now(element: UtcNow, compiler: SQLCompiler, **kw: Any) -> str:
    now = "UTC_TIMESTAMP(6)"
    for clause in element.clauses:
        seconds = compiler.process(clause, **kw)
        now = f"DATE_ADD({now}, INTERVAL ROUND({seconds} * 1000000) MICROSECOND)"
    return now


@compiles(UtcNow, "postgresql")
def _postgresql_now(element: UtcNow, compiler: SQLCompiler, **kw: Any) -> str:
    # Not clock_timestamp(): it is volatile, so no index could be used with it.
    now = "timezone('UTC', statement_timestamp())"
    for clause in element.clauses:
        seconds = compiler.process(clause, **kw)
        now += f" + CAST({seconds} AS double precision) * interval '1 second'"
    return f"({now})"


class JsonNumber(FunctionElement[float]):
    """A number at a path of a JSON column that ``JsonDict`` wrote; NULL when there is none"""

    type = Double()
    inherit_cache = True
    name = "json_number"

    def __init__(self, column: Any, *path: str) -> None:
        # Text on every engine: the column's own type would read it as JSON.
        super().__init__(type_coerce(column, Text), *map(literal_column, path))


def _path(element: JsonNumber, compiler: SQLCompiler) -> tuple[str, list[str]]:
    column, *path = element.clauses
    return compiler.process(column), [str(key) for key in path]


@compiles(JsonNumber, "sqlite")
def _sqlite_number(element: JsonNumber, compiler: SQLCompiler, **kw: Any) -> str:
    column, path = _path(element, compiler)
    number = f"json_extract({column}, '$.{'.'.join(path)}')"
    return f"(CASE WHEN json_valid({column}) THEN CAST({number} AS REAL) END)"


@compiles(JsonNumber, "mysql", "mariadb")
def _mysql_number(element: JsonNumber, compiler: SQLCompiler, **kw: Any) -> str:
    column, path = _path(element, compiler)
    number = f"JSON_VALUE({column}, '$.{'.'.join(path)}')"
    return f"(CASE WHEN JSON_VALID({column}) THEN {number} + 0.0 END)"


@compiles(JsonNumber, "postgresql")
def _postgresql_number(element: JsonNumber, compiler: SQLCompiler, **kw: Any) -> str:
    # Text that is no JSON must not fail the statement, so it is not read as JSON.
    column, path = _path(element, compiler)
    within = "".join(f'"{key}": \\{{[^{{}}]*' for key in path[:-1])
    pattern = f'{within}"{path[-1]}": ([0-9]+(?:\\.[0-9]+)?)'
    return f"CAST(substring({column} from '{pattern}') AS double precision)"
