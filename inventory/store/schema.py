"""How any of our tables is made: its key, its version, its document, and columns to look up by.

The same on SQLite and PostgreSQL. An index on a column also holds the key, so that a filtered page
in key order is a walk along it and never a sort.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class DocumentText(sa.types.TypeDecorator[str]):
    """A record as the JSON text that pydantic wrote: pydantic alone parses it, and only once.

    On PostgreSQL it is `text` and not `jsonb`, which would be parsed, reordered and printed again
    by the server at every read. No query looks into a document; people can: `document::json`.
    """

    impl = sa.Text
    cache_ok = True


@compiles(DocumentText, "sqlite")
def _as_the_first_schema_made_it(_type: DocumentText, _compiler: Any, **_: Any) -> str:
    return "JSON"


DOCUMENT = DocumentText()


def text_type(length: int = 255) -> sa.types.TypeEngine[str]:
    """Text compared by its bytes on both databases.

    A page's order, and so its cursor, would otherwise differ between them, a prefix could not use
    an index, and an upgrade of the operating system's locales could corrupt one.
    """
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def text(name: str) -> sa.Column[str]:
    """Text that is looked up."""
    return sa.Column(name, text_type(), nullable=False, info={"indexed": True})


def unique(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """Text that no two records share."""
    return sa.Column(name, text_type(), nullable=nullable, unique=True)


def later(name: str) -> sa.Column[str]:
    """Text that is looked up and came after the first schema: a migration fills it in."""
    return sa.Column(name, text_type(), nullable=False, server_default="", info={"indexed": True})


def number(name: str, kind: type[sa.types.TypeEngine[Any]] = sa.Integer) -> sa.Column[Any]:
    """A number that is looked up."""
    return sa.Column(name, kind, nullable=False, server_default="0", info={"indexed": True})


def moment(name: str) -> sa.Column[float]:
    """A time that is looked up, in seconds since 1970."""
    return sa.Column(name, sa.Double, nullable=False, info={"indexed": True})


def record_table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """A table of records."""
    table = sa.Table(
        name,
        metadata,
        sa.Column("key", text_type(), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        *columns,
        # Seconds since 1970, of the change that wrote it; 0: from before this was kept.
        sa.Column("created_at", sa.Double, nullable=False, server_default="0"),
        sa.Column("updated_at", sa.Double, nullable=False, server_default="0"),
        sa.Column("document", DOCUMENT, nullable=False),
    )
    for column in columns:
        if column.info.get("indexed"):
            sa.Index(f"ix_{name}_{column.name}", table.c[column.name], table.c.key)
    return table
