"""Registrations as a file for a spreadsheet, in the same memory for any length."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from contracts import RegistrationStatus
from registry.api.pages import Place
from registry.database import Database
from registry.registration_views import RegistrationView, list_registrations

_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell that begins with one of these is calculated by spreadsheets, whoever wrote it."""


async def lines(
    database: Database, event_id: UUID, status: RegistrationStatus | None, *, page_rows: int
) -> AsyncIterator[str]:
    """The file, a page at a time, each in a short transaction of its own."""
    yield _line(list(RegistrationView.model_fields))
    after: Place | None = None
    while page := await database.run(
        partial(list_registrations, event_id=event_id, status=status, after=after, limit=page_rows)
    ):
        yield "".join(_line([_cell(value) for _, value in view]) for view in page)
        after = (page[-1].created_at, page[-1].id)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_SIGNS) else text


def _line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
