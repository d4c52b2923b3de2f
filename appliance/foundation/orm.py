"""The declarative base, and the column shapes every table shares."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, MetaData, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

# Named constraints can be dropped by a migration; anonymous ones cannot.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

OrgId = Annotated[UUID, mapped_column(Uuid, primary_key=True, sort_order=-3)]
Day = Annotated[date, mapped_column(Date, primary_key=True, sort_order=-2)]  # of receipt; a partition key
Id = Annotated[UUID, mapped_column(Uuid, primary_key=True, sort_order=-1)]
At = Annotated[datetime, mapped_column(DateTime(timezone=True))]
# Which transaction wrote the row; what a feed reads by (foundation/feed.py).
Tx = Annotated[int, mapped_column(BigInteger, server_default=text("app.tx()"))]
Json = Annotated[Any, mapped_column(JSONB)]


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012 — SQLAlchemy's own contract
