"""Everything that the tables hold of a person, for the person alone: as text and as JSON.

What is about others stays out: which scanner let somebody in, and who promised them a seat or is
promised one.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, and_, false, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Address, ExportAnswer, ExportPerson
from registry.database import Database
from registry.delivery_tables import NoticeDelivery, Reachability
from registry.export_words import summarise
from registry.move_tables import ChatMove
from registry.people import find_people
from registry.person_tables import ConsentRow, EmailProof, Link
from registry.queries import read
from registry.tables import (
    Audit,
    Base,
    EventRow,
    IdentityRow,
    Notice,
    Registration,
    User,
    UserState,
)
from runtime.clock import Clock

ROWS_PER_TABLE_MAX = 500
"""The newest; somebody with more asks the organiser."""
EXPORT_BYTES_MAX = 1_000_000
"""Of the JSON; with the summary and the chat's part the file stays far below 2 MB, and the answer,
where each quotation mark takes two bytes, below what the broker carries at once."""

Rows = list[dict[str, Any]]


class Exports:
    """Answers `ExportPerson`. Nothing here writes, and nothing is logged."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def export_person(self, query: ExportPerson) -> ExportAnswer:
        """What is kept about whoever is behind this chat; for an unknown chat, that nothing is."""
        now = self._clock.now()
        kept = await read(self._database, partial(_collect, query.address, now))
        return ExportAnswer(
            summary=summarise(kept, query.language, now), data=_within(kept, EXPORT_BYTES_MAX)
        )


async def _collect(address: Address, now: datetime, connection: AsyncConnection) -> dict[str, Any]:
    found = await find_people(connection, {address: now})
    person = found.people.get(address)
    chats = {address, found.homes[address]}
    kept: dict[str, Any] = {"exported_at": now, "known": person is not None}
    if person is not None:
        kept |= await _of_person(connection, person)
        chats |= {
            Address(**{name: chat[name] for name in _CHAT})
            for chat in kept["chats"]
            if chat["platform"] in ("telegram", "whatsapp")
        }
    kept |= await _of_chats(connection, chats, person)
    return kept


_CHAT = ("platform", "account", "chat_id")


async def _of_person(connection: AsyncConnection, person: UUID) -> dict[str, Any]:
    profile = (
        (await connection.execute(select(*User.__table__.c).where(User.id == person)))
        .mappings()
        .one()
    )
    registrations = await _rows(
        connection,
        select(
            *_columns(Registration, without=("user_id", "checked_in_by", "transfer_to")),
            Registration.transfer_to.is_not(None).label("promised_to_somebody"),
            EventRow.title.label("event"),
            EventRow.date_time.label("starts_at"),
            EventRow.timezone,
            EventRow.location,
        )
        .join_from(Registration, EventRow)
        .where(Registration.user_id == person)
        .order_by(Registration.created_at.desc(), Registration.id),
    )
    promised = await _rows(
        connection,
        select(
            EventRow.title.label("event"),
            EventRow.date_time.label("starts_at"),
            Registration.transfer_expires_at.label("expires_at"),
        )
        .join_from(Registration, EventRow)
        .where(Registration.transfer_to == person),
    )
    mine = [row["id"] for row in registrations]
    events = list({row["event_id"] for row in registrations})
    return {
        "profile": dict(profile),
        "chats": await _rows(
            connection,
            select(*_columns(IdentityRow, without=("user_id",))).where(
                IdentityRow.user_id == person
            ),
        ),
        "registrations": registrations,
        "promised_to_you": promised,
        "consents": await _rows(
            connection,
            select(*_columns(ConsentRow, without=("id", "user_id")))
            .where(ConsentRow.user_id == person)
            .order_by(ConsentRow.at),
        ),
        "links": await _rows(
            connection,
            select(*_columns(Link, without=("user_id",))).where(Link.user_id == person),
        ),
        "reminders": await _rows(
            connection,
            select(*_columns(Notice, without=("id",)))
            .where(Notice.registration_id.in_(mine))
            .order_by(Notice.due_at.desc()),
        ),
        "deliveries": await _rows(
            connection,
            select(*_columns(NoticeDelivery, without=("id", "standing", "place")))
            .where(NoticeDelivery.event_id.in_(events), NoticeDelivery.registration_id.in_(mine))
            .order_by(NoticeDelivery.id.desc()),
        ),
        "changes": [
            row | {name: _without_scanner(row[name]) for name in ("before", "after")}
            for row in await _rows(
                connection,
                select(*_columns(Audit, without=("id", "user_id")))
                .where(Audit.event_id.in_(events), Audit.registration_id.in_(mine))
                .order_by(Audit.id.desc()),
            )
        ],
    }


async def _of_chats(
    connection: AsyncConnection, chats: set[Address], person: UUID | None
) -> dict[str, Any]:
    mail = and_(Reachability.platform == "email", Reachability.chat_id == str(person))
    return {
        "reachability": await _rows(
            connection,
            select(*_columns(Reachability)).where(
                or_(_any_of(Reachability, chats), mail if person is not None else false())
            ),
        ),
        "earlier_ids": await _rows(
            connection,
            select(*_columns(ChatMove)).where(
                or_(
                    *(
                        and_(
                            ChatMove.platform == chat.platform,
                            ChatMove.account == chat.account,
                            ChatMove.moved_to == chat.chat_id,
                        )
                        for chat in chats
                    )
                )
            ),
        ),
        # Not their ids: a code follows from its id.
        "codes_asked_for": await _rows(
            connection,
            select(EmailProof.email, EmailProof.by_email, EmailProof.created_at)
            .where(_any_of(EmailProof, chats))
            .order_by(EmailProof.created_at.desc()),
        ),
        "dialogues": await _rows(
            connection,
            select(*_columns(UserState, without=("user_id",))).where(
                or_(
                    *(
                        and_(
                            UserState.platform == chat.platform,
                            UserState.account == chat.account,
                            UserState.chat == chat.chat_id,
                        )
                        for chat in chats
                    )
                )
            ),
        ),
    }


def _columns(table: type[Base], without: Sequence[str] = ()) -> list[ColumnElement[Any]]:
    return [column for column in table.__table__.c if column.name not in without]


def _any_of(table: type[Reachability | EmailProof], chats: set[Address]) -> ColumnElement[bool]:
    return or_(
        *(
            and_(
                table.platform == chat.platform,
                table.account == chat.account,
                table.chat_id == chat.chat_id,
            )
            for chat in chats
        )
    )


async def _rows(connection: AsyncConnection, query: Select[*tuple[Any, ...]]) -> Rows:
    found: Sequence[RowMapping] = (
        (await connection.execute(query.limit(ROWS_PER_TABLE_MAX))).mappings().all()
    )
    return [dict(row) for row in found]


def _without_scanner(entry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {key: value for key, value in entry.items() if key != "checked_in_by"}


def _within(kept: dict[str, Any], bytes_max: int) -> str:
    """The whole as JSON; of what is too long the older half is left out until it fits."""
    kept = dict(kept)
    while len(text := _as_json(kept)) > bytes_max:
        lists = {name: rows for name, rows in kept.items() if isinstance(rows, list)}
        longest = max(lists, key=lambda name: len(_as_json(lists[name])))
        kept[longest] = lists[longest][: len(lists[longest]) // 2]
        kept["left_out"] = sorted({*kept.get("left_out", ()), longest})
    return text.decode()


def _as_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=_plain).encode()


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
