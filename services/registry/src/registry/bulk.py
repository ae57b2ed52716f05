"""Many rows in one statement and one round trip, however many there are."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, TextClause, any_, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB, dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from registry.tables import Base

Row = Mapping[str, Any]
_POSTGRES = dialect()  # type: ignore[no-untyped-call]  # so in SQLAlchemy itself


class Bulk:
    """A statement over rows that come as one array per column.

    `unnest` instead of many parameters: the statement is the same for two rows and for a hundred,
    so PostgreSQL and the driver prepare it once. A value that all rows share is sent once.
    """

    def __init__(
        self, table: type[Base], columns: Sequence[str], sql: str, *, empty_left_out: bool = False
    ) -> None:
        """Keep the parts.

        Args:
            table: where the columns' types are looked up.
            columns: those that rows may have, the first in every row a value of its own; JSON
                columns take JSON as text.
            sql: with `{columns}` and `{rows}` in it; the rows are a relation of these columns.
            empty_left_out: a column without any value is not in the statement at all.
        """
        self._types = {name: table.__table__.c[name].type for name in columns}
        self._sql = sql
        self._empty_left_out = empty_left_out
        self._statements: dict[tuple[str, ...], TextClause] = {}

    async def run(self, connection: AsyncConnection, rows: Sequence[Row]) -> Sequence[Any]:
        """Execute it for these rows; none is no statement at all.

        Returns:
            What the statement returns, if it does.
        """
        if not rows:
            return ()
        form: list[str] = []
        values: dict[str, Any] = {}
        for place, name in enumerate(self._types):
            column = [row.get(name) for row in rows]
            first = column[0]
            # By identity: cheap, and what a batch shares is the same object.
            if place > 0 and all(value is first for value in column):
                if first is None and self._empty_left_out:
                    continue
                values[name] = first
                form.append(f"{name}=")
            else:
                values[name] = column
                form.append(name)
        key = tuple(form)
        statement = self._statements.get(key)
        if statement is None:
            statement = self._statements[key] = self._compiled(key)
        result = await connection.execute(statement, values)
        return result.all() if result.returns_rows else ()

    def _compiled(self, form: Sequence[str]) -> TextClause:
        selected, arrays, names, binds = [], [], [], []
        for part in form:
            name = part.removesuffix("=")
            wire, sql_type = _on_the_wire(self._types[name])
            if part == name:
                arrays.append(f"CAST(:{name} AS {sql_type}[])")
                names.append(f'"{name}"')
                value = f'"{name}"'
                binds.append(bindparam(name, type_=ARRAY(wire)))
            else:
                value = f"CAST(:{name} AS {sql_type})"
                binds.append(bindparam(name, type_=wire))
            as_json = wire is not self._types[name]
            selected.append(
                f'CAST({value} AS jsonb) AS "{name}"' if as_json else f'{value} AS "{name}"'
            )
        # Names of tables and columns are our own; values only ever travel as parameters.
        rows = (
            f"(SELECT {', '.join(selected)} FROM unnest({', '.join(arrays)}) "  # noqa: S608
            f"WITH ORDINALITY AS u({', '.join(names)}, _place) ORDER BY _place)"
        )
        columns = ", ".join(f'"{part.removesuffix("=")}"' for part in form)
        return text(self._sql.format(columns=columns, rows=rows)).bindparams(*binds)


def _on_the_wire(kind: TypeEngine[Any]) -> tuple[TypeEngine[Any], str]:
    wire = Text() if isinstance(kind, JSONB) else kind
    return wire, wire.compile(_POSTGRES)


def insert_many(table: type[Base], columns: Sequence[str], ending: str = "") -> Bulk:
    """An INSERT; `ending` is what follows the rows: ON CONFLICT …, RETURNING …."""
    sql = (
        f"INSERT INTO {table.__tablename__} ({{columns}}) "  # noqa: S608
        f"SELECT * FROM {{rows}} AS r {ending}"
    )
    return Bulk(table, columns, sql, empty_left_out=True)


def update_many(table: type[Base], key: str, columns: Sequence[str], condition: str = "") -> Bulk:
    """An UPDATE of rows by key; `condition` may look at the row (`t`) and the new one (`n`)."""
    changes = ", ".join(f"{name} = n.{name}" for name in columns)
    sql = (
        f"UPDATE {table.__tablename__} AS t SET {changes} "  # noqa: S608
        f"FROM {{rows}} AS n WHERE t.{key} = n.{key} {condition} RETURNING t.{key}"
    )
    return Bulk(table, (key, *columns), sql)


def one_of(column: InstrumentedAttribute[Any], parameter: str) -> ColumnElement[bool]:
    """`IN` with one array as the parameter: the same statement however many values there are."""
    return column == any_(bindparam(parameter, type_=ARRAY(column.type)))
