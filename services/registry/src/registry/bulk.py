"""Many rows in one statement and one round trip, however many there are."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, TextClause, any_, bindparam, literal, text
from sqlalchemy.dialects.postgresql import JSONB, dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from registry.tables import Base

Row = Mapping[str, Any]


class Bulk:
    """A statement over rows that come as one array per column.

    `unnest` instead of many parameters: the statement is the same for one row and for a hundred,
    so PostgreSQL and the driver prepare it once.
    """

    def __init__(self, table: type[Base], columns: Sequence[str], sql: str) -> None:
        """Compile it.

        Args:
            table: where the columns' types are looked up.
            columns: those that each row has; JSON columns take JSON as text.
            sql: with `{columns}` and `{rows}` in it; the rows are a relation of these columns.
        """
        self._columns = tuple(columns)
        self._statement = _compiled(table, self._columns, sql)

    async def run(self, connection: AsyncConnection, rows: Sequence[Row]) -> Sequence[Any]:
        """Execute it for these rows; none is no statement at all.

        Returns:
            What the statement returns, if it does.
        """
        if not rows:
            return ()
        arrays = {name: [row.get(name) for row in rows] for name in self._columns}
        result = await connection.execute(self._statement, arrays)
        return result.all() if result.returns_rows else ()


def is_one_of(column: InstrumentedAttribute[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """`IN` with one array: the same statement however many values there are."""
    return column == any_(literal(list(values), ARRAY(column.type)))


# Table and column names below are our own; values only ever travel as parameters.


def insert_many(table: type[Base], columns: Sequence[str], ending: str = "") -> Bulk:
    """An INSERT; `ending` is what follows the rows: ON CONFLICT …, RETURNING …."""
    sql = (
        f"INSERT INTO {table.__tablename__} ({{columns}}) "  # noqa: S608
        f"SELECT * FROM {{rows}} AS r {ending}"
    )
    return Bulk(table, columns, sql)


def update_many(table: type[Base], key: str, columns: Sequence[str], condition: str = "") -> Bulk:
    """An UPDATE of rows by key; `condition` may look at the row (`t`) and the new one (`n`)."""
    changes = ", ".join(f"{name} = n.{name}" for name in columns)
    sql = (
        f"UPDATE {table.__tablename__} AS t SET {changes} "  # noqa: S608
        f"FROM {{rows}} AS n WHERE t.{key} = n.{key} {condition} RETURNING t.{key}"
    )
    return Bulk(table, (key, *columns), sql)


def _compiled(table: type[Base], columns: Sequence[str], sql: str) -> TextClause:
    arrays, casts, binds = [], [], []
    postgres = dialect()  # type: ignore[no-untyped-call]  # so in SQLAlchemy itself
    for name in columns:
        kind = table.__table__.c[name].type
        as_text = isinstance(kind, JSONB)
        wire = Text() if as_text else kind
        arrays.append(f"CAST(:{name} AS {wire.compile(postgres)}[])")
        casts.append(f'CAST("{name}" AS jsonb) AS "{name}"' if as_text else f'"{name}"')
        binds.append(bindparam(name, type_=ARRAY(wire)))
    names = ", ".join(f'"{name}"' for name in columns)
    rows = (
        f"(SELECT {', '.join(casts)} FROM unnest({', '.join(arrays)}) "  # noqa: S608
        f"WITH ORDINALITY AS u({names}, _place) ORDER BY _place)"
    )
    return text(sql.format(columns=names, rows=rows)).bindparams(*binds)
