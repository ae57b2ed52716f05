"""Organisers' messages in the registry's tests: written, fed, and answered as the others do."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID, uuid4

import asyncpg
from registry_commands import new
from registry_house import House, QuietHouse, chat

from contracts import (
    Audience,
    CancelMessage,
    DeliveryReported,
    DeliveryStatus,
    FeedMessages,
    FindNotice,
    NoticeAnswer,
    NoticeDue,
    PauseMessage,
    ResumeMessage,
    SendMessage,
    derived_id,
)
from registry.messages.results import MessageRefused, MessagesFed, MessageWritten
from registry.messages.views import MessageView, find_view
from registry.notice_results import record
from registry.queries import Queries


def send(event_id: UUID, *, audience: Audience = "all", text: str = "Bring a pen.") -> SendMessage:
    return SendMessage(
        **new(), about_event_id=event_id, message_id=uuid4(), audience=audience, text=text
    )


class Desk:
    """An organiser, the clock, and whoever answers for the platforms."""

    def __init__(self, house: QuietHouse) -> None:
        self.house = house

    async def writes(self, event_id: UUID, *, audience: Audience = "all") -> UUID:
        command = send(event_id, audience=audience)
        result = (await self.house.carry_out(command)).result
        assert isinstance(result, MessageWritten), result
        return command.message_id

    async def refused(self, command: SendMessage | PauseMessage | CancelMessage) -> str:
        result = (await self.house.carry_out(command)).result
        assert isinstance(result, MessageRefused), result
        return result.reason

    async def pauses(self, message_id: UUID) -> None:
        await self.house.carry_out(PauseMessage(**new(), message_id=message_id))

    async def resumes(self, message_id: UUID) -> None:
        await self.house.carry_out(ResumeMessage(**new(), message_id=message_id))

    async def cancels(self, message_id: UUID) -> None:
        await self.house.carry_out(CancelMessage(**new(), message_id=message_id))

    async def ticks(self) -> list[NoticeDue]:
        """What a tick hands over."""
        stored = await self.house.carry_out(FeedMessages(**new(), due_at=self.house.clock.now()))
        assert isinstance(stored.result, MessagesFed)
        assert stored.result.handed_over == len(stored.messages)
        return [NoticeDue.model_validate_json(said.body) for said in stored.messages]

    async def reports(
        self,
        notices: Sequence[NoticeDue],
        status: DeliveryStatus = "accepted",
        *,
        reason: str | None = None,
    ) -> None:
        """What the notifier says of these."""
        reports = [
            DeliveryReported(
                **new(),
                platform="telegram",
                outbound_id=derived_id(notice.id, 0),
                status=status,
                source="notifier",
                reason=reason,
                notice_id=notice.id,
            )
            for notice in notices
        ]
        now = self.house.clock.now()
        await self.house.databases[0].run(partial(record, reports=reports, now=now))

    async def sees(self, message_id: UUID) -> MessageView:
        view = await self.house.databases[0].run(
            partial(find_view, message_id=message_id, language="en", now=self.house.clock.now())
        )
        assert view is not None
        return view

    async def asked(self, notice: NoticeDue) -> NoticeAnswer:
        query = FindNotice(
            kind=notice.kind,
            registration_id=notice.registration_id,
            event_version=notice.event_version,
            message_id=notice.message_id,
        )
        queries = Queries(database=self.house.databases[0], clock=self.house.clock)
        return await queries.find_notice(query)

    async def recipients(self, message_id: UUID) -> list[asyncpg.Record]:
        return await self.house.rows(
            "SELECT * FROM notice_deliveries WHERE message_id = $1 ORDER BY place", message_id
        )


async def crowd(house: House, event_id: UUID, count: int) -> None:
    """Confirmed people with a chat each, written straight into the tables."""
    await house.many_seats(event_id, count)
    await house.rows(
        "INSERT INTO identities (platform, account, chat_id, user_id, created_at, updated_at) "
        "SELECT 'telegram', $2, 't' || u.id, u.id, now(), now() FROM users AS u "
        "JOIN event_registrations AS r ON r.user_id = u.id WHERE r.event_id = $1 "
        "ON CONFLICT DO NOTHING",
        event_id,
        chat(1).account,
    )
