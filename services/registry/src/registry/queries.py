"""Answers to the conversation's questions, as of now."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    EventAnswer,
    EventCard,
    EventsAnswer,
    FindEvent,
    FindNotice,
    ListEvents,
    ListRegistrations,
    NoticeAnswer,
    RegistrationCard,
    RegistrationsAnswer,
)
from registry.book_store import SEAT_COLUMNS, position_in_line
from registry.database import Database
from registry.event_store import EVENT_COLUMNS, as_event
from registry.messages.tables import OrganiserMessage
from registry.people import find_person
from registry.rules import EVENT_HOURS_MAX, Event
from registry.seats import Seat, is_still_true
from registry.tables import IS_ACTIVE, EventRow, Registration, User
from registry.ways import ways_to
from runtime.clock import Clock
from runtime.failures import Retry, Unavailable

EVENTS_LISTED_MAX = 50
REGISTRATIONS_LISTED_MAX = 50
UNTOLD = datetime(9999, 1, 1, tzinfo=UTC)
"""In place of the time of a draft: never past, so that nobody takes it for over."""

A = TypeVar("A")


async def read(database: Database, work: Callable[[AsyncConnection], Awaitable[A]]) -> A:
    """Look something up for somebody who waits for it.

    Raises:
        Unavailable: PostgreSQL is away, or busy: to whoever waits that is the same.
    """
    try:
        return await database.run(work)
    except Retry as error:
        raise Unavailable("postgres") from error


class Queries:
    """Reads for chats. Nothing here writes."""

    def __init__(self, *, database: Database, clock: Clock, proof_by_email: bool = False) -> None:
        self._database = database
        self._clock = clock
        self._proof_by_email = proof_by_email

    async def _read(self, work: Callable[[AsyncConnection], Awaitable[A]]) -> A:
        return await read(self._database, work)

    async def list_events(self, _query: ListEvents) -> EventsAnswer:
        """What one can register for, the soonest first."""
        return await self._read(partial(_list_events, self._clock.now()))

    async def find_event(self, query: FindEvent) -> EventAnswer:
        """The event behind an id or a code; of a draft nothing but that there is one."""
        return await self._read(partial(_find_event, query))

    async def list_registrations(self, query: ListRegistrations) -> RegistrationsAnswer:
        """The seats of whoever is behind this chat."""
        answer = await self._read(partial(_list_registrations, query, self._clock.now()))
        return answer.model_copy(update={"proof_by_email": self._proof_by_email})

    async def find_notice(self, query: FindNotice) -> NoticeAnswer:
        """Who is to be told a notice, if it is still true."""
        return await self._read(partial(_find_notice, query, self._clock.now()))


async def _list_events(now: datetime, connection: AsyncConnection) -> EventsAnswer:
    rows = await connection.execute(
        select(*EVENT_COLUMNS)
        .where(EventRow.status == "published", EventRow.date_time > now)
        .order_by(EventRow.date_time, EventRow.id)
        .limit(EVENTS_LISTED_MAX)
    )
    return EventsAnswer(events=tuple(as_event(row).card() for row in rows.mappings()))


async def _find_event(query: FindEvent, connection: AsyncConnection) -> EventAnswer:
    found = select(*EVENT_COLUMNS)
    if query.event_id is not None:
        found = found.where(EventRow.id == query.event_id)
    elif query.code is not None:
        found = found.where(EventRow.code == query.code.strip().upper())
    else:
        return EventAnswer(event=None)
    row = (await connection.execute(found)).mappings().one_or_none()
    if row is None:
        return EventAnswer(event=None)
    card = as_event(row).card()
    return EventAnswer(event=_untold(card) if card.status == "draft" else card)


def _untold(draft: EventCard) -> EventCard:
    """A card that says only id, code, state and version.

    Posters are printed before an event is published. Whoever scans one early must hear that it is
    on its way, and nothing that the organiser may still change.
    """
    return EventCard(
        id=draft.id,
        code=draft.code,
        title="",
        description="",
        starts_at=UNTOLD,
        timezone="UTC",
        location="",
        max_participants=0,
        seats_left=0,
        status="draft",
        version=draft.version,
    )


async def _list_registrations(
    query: ListRegistrations, now: datetime, connection: AsyncConnection
) -> RegistrationsAnswer:
    person = await find_person(connection, query.address, now)
    rows = await connection.execute(
        select(*EVENT_COLUMNS, *_SEAT_COLUMNS)
        .join_from(Registration, EventRow)
        .where(
            Registration.user_id == person,
            IS_ACTIVE,
            EventRow.status == "published",
            EventRow.date_time > now - timedelta(hours=EVENT_HOURS_MAX),
        )
        .order_by(EventRow.date_time, EventRow.id)
        .limit(REGISTRATIONS_LISTED_MAX)
    )
    cards = []
    for row in rows.mappings().all():
        event, seat = as_event(row), _seat(row)
        # Nobody is in line for what has begun.
        if seat.status == "confirmed" or event.starts_at > now:
            cards.append(await _card(connection, event, seat))
    return RegistrationsAnswer(registrations=tuple(cards), known=person is not None)


async def _find_notice(
    query: FindNotice, now: datetime, connection: AsyncConnection
) -> NoticeAnswer:
    # A promised seat is told to whom it is promised, everything else to whose it is.
    told = Registration.transfer_to if query.kind == "transfer-offered" else Registration.user_id
    found = (
        select(
            *EVENT_COLUMNS,
            *_SEAT_COLUMNS,
            User.id.label("told_id"),
            User.email,
            User.language,
            User.muted,
        )
        .join_from(Registration, EventRow)
        .join(User, User.id == told)
        .where(Registration.id == query.registration_id)
    )
    row = (await connection.execute(found)).mappings().one_or_none()
    if row is None:
        return NoticeAnswer()
    if row["muted"]:
        # Nothing but answers to what they do themselves, not even about their own seat.
        return NoticeAnswer()
    event, seat = as_event(row), _seat(row)
    words = None
    if query.kind == "organiser-message":
        words = await _words(connection, query.message_id, now)
        if words is None or seat.status == "cancelled":
            return NoticeAnswer()
    elif not is_still_true(query.kind, query.event_version, event, seat, now):
        return NoticeAnswer()
    ways = await ways_to(connection, row["told_id"], row["email"], marketing=words is not None)
    if not ways:
        return NoticeAnswer()
    best, *others = ways
    card = await _card(connection, event, seat)
    if query.kind == "transfer-offered":
        # Whose seat it is stays with its owner until the other says yes.
        card = card.model_copy(update={"ticket": None, "name": ""})
    return NoticeAnswer(
        address=best.address,
        email_to=best.email_to,
        alternatives=tuple(others),
        language=row["language"],
        registration=card,
        text=words,
        expires_at=(
            seat.transfer_expires_at if query.kind == "transfer-offered" else seat.offer_expires_at
        ),
    )


async def _words(connection: AsyncConnection, message_id: UUID | None, now: datetime) -> str | None:
    """An organiser's own words, while they may be told.

    Also of a message that is paused: whoever was handed over by then gets it.
    """
    found: str | None = await connection.scalar(
        select(OrganiserMessage.text).where(
            OrganiserMessage.id == message_id,
            OrganiserMessage.status != "cancelled",
            OrganiserMessage.expires_at > now,
        )
    )
    return found


_SEAT_COLUMNS = tuple(column.label(f"seat_{column.key}") for column in SEAT_COLUMNS)
"""Both have an id and a status."""


def _seat(row: RowMapping) -> Seat:
    return Seat(**{column.key: row[f"seat_{column.key}"] for column in SEAT_COLUMNS})


async def _card(connection: AsyncConnection, event: Event, seat: Seat) -> RegistrationCard:
    waits = seat.status == "waiting"
    position = await position_in_line(connection, event.id, seat) if waits else None
    return seat.card(event, position)
