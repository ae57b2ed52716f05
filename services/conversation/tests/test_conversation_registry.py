"""What the conversation remembers of the registry, and what it does while that is silent."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid5

import pytest
from conversation_house import House, handlers_at, house_at
from conversation_talk import ANN, ANN_SENDS, SPACE, World, a_registration, an_event

from contracts import (
    ChoiceTapped,
    Content,
    EventAnswer,
    EventsAnswer,
    FindEvent,
    InboundMessage,
    ListEvents,
    ListRegistrations,
    TextSaid,
)
from conversation.handlers import Handlers
from conversation.registry import Known, Registry
from conversation.settings import Settings
from runtime.service import Service
from runtime.testing import eventually

_numbers = itertools.count()
CARD = an_event()
MARK = "I can't check right now"


def item(content: Content | str, sent_at: datetime | None = None) -> InboundMessage:
    number = next(_numbers)
    now = datetime.now(UTC)
    return InboundMessage(
        id=uuid5(SPACE, f"heard {number}"),
        occurred_at=now,
        correlation_id=uuid5(SPACE, f"heard {number}"),
        address=ANN,
        sender=ANN_SENDS,
        content=TextSaid(text=content) if isinstance(content, str) else content,
        sent_at=sent_at or now,
    )


async def answer_to(house: House, handlers: Handlers, content: Content | str) -> str:
    await handlers.hear(item(content))
    return (await house.messages())[-1].text


async def test_a_silent_registry_s_events_are_told_as_they_were(
    provisioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversation.registry.FRESH_SECONDS", 0.0)
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        assert MARK not in await answer_to(house, handlers, "/events")
        house.world.silent = True
        assert MARK in await answer_to(house, handlers, "/events")
        # The card was never asked for by itself: the list is enough.
        card = await answer_to(house, handlers, f"/start event_{CARD.code}")
        assert MARK in card
        assert "12 seats left" in card
        assert "can't look that up" in await answer_to(house, handlers, "/my")
        house.world.silent = False
        async with asyncio.timeout(10):
            while MARK in await answer_to(house, handlers, "/events"):
                await asyncio.sleep(0.1)


async def test_news_of_an_event_does_not_make_what_was_known_unknown(provisioned: str) -> None:
    async with house_at(provisioned) as house, a_registry(provisioned) as registry:
        await registry.answer(ListEvents())
        registry.expect_news()
        house.world.silent = True
        known = await registry.answer(ListEvents())
        assert known is not None
        assert known.last_known_at is not None
        assert known.answer == EventsAnswer(events=(CARD,))


async def test_a_claim_in_the_silence_is_kept_and_told_at_once(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        await handlers.hear(item("/events"))
        house.world.silent = True
        for text in ("1", "yes", "Ann Lee", "ann@example.com"):
            await handlers.hear(item(text))
        confirm = (await house.messages())[-1].choices[0].id
        wish = ChoiceTapped(choice_id=confirm)
        assert "Your request is safe" in await answer_to(house, handlers, wish)
        assert len(await house.claims()) == 1
        assert "This is what I can do" in await answer_to(house, handlers, "/help")


@asynccontextmanager
async def a_registry(url: str) -> AsyncIterator[Registry]:
    """The memory alone, at a broker."""
    service = Service("conversation", Settings(nats_url=url))
    registry = Registry(service.broker, service.clock)
    service.own(registry)
    app = service.build()
    async with app.router.lifespan_context(app):
        await eventually(lambda: service.health.started)
        yield registry


async def test_what_is_too_old_is_not_told(
    provisioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_at(provisioned) as house, a_registry(provisioned) as registry:
        await registry.answer(ListEvents())
        house.world.silent = True
        assert await until_silent(registry) is not None
        monkeypatch.setattr("conversation.registry.LAST_KNOWN_AGE_MAX", timedelta())
        assert await registry.answer(ListEvents()) is None


async def until_silent(registry: Registry) -> Known | None:
    """The list once it is not fresh any more."""
    async with asyncio.timeout(10):
        while (known := await registry.answer(ListEvents())) and known.last_known_at is None:
            await asyncio.sleep(0.05)
    return known


async def test_that_there_is_nothing_is_never_told_from_memory(provisioned: str) -> None:
    async with house_at(provisioned, World([])) as house, a_registry(provisioned) as registry:
        assert await registry.answer(ListEvents()) == Known(EventsAnswer(events=()))
        house.world.silent = True
        assert await until_silent(registry) is None
        assert await registry.answer(FindEvent(code="ABCDEF")) is None


async def test_the_memory_is_bounded(provisioned: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conversation.registry.REMEMBERED_MAX", 2)
    codes = ("AAAAAA", "BBBBBB", "CCCCCC")
    events = [an_event(number, code=code) for number, code in enumerate(codes)]
    async with house_at(provisioned, World(events)) as house, a_registry(provisioned) as registry:
        for code in codes:
            await registry.answer(FindEvent(code=code))
        house.world.silent = True
        registry.expect_news()
        first, _, last = [await registry.answer(FindEvent(code=code)) for code in codes]
        assert first is None
        assert last is not None
        assert last.answer == EventAnswer(event=events[2])


async def test_personal_answers_are_not_remembered(provisioned: str) -> None:
    world = World([CARD], [a_registration(CARD)])
    async with house_at(provisioned, world) as house, a_registry(provisioned) as registry:
        assert await registry.answer(ListRegistrations(address=ANN)) is not None
        house.world.silent = True
        assert await registry.answer(ListRegistrations(address=ANN)) is None


async def test_one_looks_whether_the_registry_is_back_and_the_others_do_not_wait(
    provisioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversation.registry.SILENT_SECONDS", 0.0)
    async with house_at(provisioned) as house, a_registry(provisioned) as registry:
        house.world.silent = True
        assert await registry.answer(ListEvents()) is None
        house.asked.clear()
        house.gate.clear()
        looking = asyncio.create_task(registry.answer(ListEvents()))
        await eventually(lambda: house.asked)
        for _ in range(20):
            assert await registry.answer(ListEvents()) is None
        assert house.asked == [ListEvents()]
        house.world.silent = False
        house.gate.set()
        assert await looking == Known(EventsAnswer(events=(CARD,)))
        assert await registry.answer(ListEvents()) == Known(EventsAnswer(events=(CARD,)))


@pytest.mark.parametrize("bounded", [True, False])
async def test_a_flood_is_shed_without_a_write(
    provisioned: str, monkeypatch: pytest.MonkeyPatch, bounded: bool
) -> None:
    """Without the bound every message costs an answer, which shows what the bound is for."""
    monkeypatch.setattr("conversation.dialogue.pace.BURST", 5 if bounded else 1000)
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        now = datetime.now(UTC)
        flood = [item("help", sent_at=now) for _ in range(20)]
        for one in flood[:6]:
            await handlers.hear(one)
        revision = await house.revision(flood[0])
        for one in flood[6:]:
            await handlers.hear(one)
        told = await house.messages()
        if bounded:
            assert "a lot at once" in told[-1].text
            assert len(told) == 6
            assert await house.revision(flood[0]) == revision
        else:
            assert len(told) == 20


async def test_twenty_messages_in_one_second_are_all_answered(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        # A backlog: said long ago, worked on now.
        at = datetime.now(UTC) - timedelta(minutes=30)
        for _ in range(20):
            await handlers.hear(item("help", sent_at=at))
        assert len(await house.messages()) == 20
