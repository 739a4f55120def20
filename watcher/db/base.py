"""What every table class is made of."""

import datetime
import uuid as uuids
from typing import Any, ClassVar

from sqlalchemy import DateTime
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.schema import MetaData


def utcnow() -> datetime.datetime:
    """This process' clock as the columns keep time: UTC without a zone"""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def new_uuid() -> str:
    """A random UUID as text"""
    return str(uuids.uuid4())


class Base(DeclarativeBase):
    """Root of the mapped classes; ``Base.metadata`` is the expected schema"""

    metadata: ClassVar[MetaData] = MetaData()
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime.datetime: DateTime()}


class Bookkeeping:
    """Columns of every published table; ``deleted_at`` alone decides visibility"""

    created_at: Mapped[datetime.datetime | None] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime.datetime | None] = mapped_column(onupdate=utcnow)
    deleted_at: Mapped[datetime.datetime | None]
    # The row's own id once it is deleted, so that (name, deleted) stays unique.
    deleted: Mapped[int | None] = mapped_column(default=0)
