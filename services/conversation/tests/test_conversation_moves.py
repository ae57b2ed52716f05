"""A chat that began under a phone number goes on under the scoped id, and loses nothing."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid5

import pytest
import pytest_asyncio
from conversation_house import handlers_at, house_at
from conversation_stores import stores_at
from conversation_talk import SPACE, a_registration, an_event

from contracts import (
    Address,
    CommandOutcome,
    InboundMessage,
    SeatClaimed,
    Sender,
    TextSaid,
    derived_id,
)
from conversation.dialogue import Stage
from conversation.document import ChatDocument
from conversation.handlers import Handlers
from runtime.failures import Retry
from runtime.testing_redis import RedisServer

NUMBER = "16505551234"
BY_NUMBER = Address(platform="whatsapp", account="106540352242922", chat_id=NUMBER)
BY_ID = Address(platform="whatsapp", account="106540352242922", chat_id="US.77")
TO_THE_LAST_LOOK = ("/start", "1", "yes", "Ann Lee", "ann@example.com")

_numbers = itertools.count()


def item(text: str, address: Address, phone: str | None = NUMBER) -> InboundMessage:
    now = datetime.now(UTC)
    input_id = uuid5(SPACE, f"moving {next(_numbers)}")
    return InboundMessage(
        id=input_id,
        occurred_at=now,
        correlation_id=input_id,
        address=address,
        sender=Sender(name="Ann", phone=phone),
        content=TextSaid(text=text),
        sent_at=now,
    )


def outcome_of(command_id: UUID, address: Address) -> CommandOutcome:
    return CommandOutcome(
        id=derived_id(command_id, "outcome"),
        occurred_at=datetime.now(UTC),
        correlation_id=command_id,
        address=address,
        command_id=command_id,
        outcome=SeatClaimed(registration=a_registration(an_event())),
    )


@pytest_asyncio.fixture(params=["jetstream", "redis"])
async def settings(
    request: pytest.FixtureRequest, redis_server: RedisServer
) -> AsyncIterator[dict[str, str]]:
    """Which store."""
    in_redis = {"state_store": "redis", "redis_url": redis_server.url}
    yield in_redis if request.param == "redis" else {}


async def under_both(url: str, settings: dict[str, str]) -> list[ChatDocument | None]:
    redis_urls = [settings["redis_url"]] if settings else None
    async with stores_at(url, redis_urls) as (store,):
        return [(await store.read(address)).document for address in (BY_NUMBER, BY_ID)]


async def reach_the_last_look(handlers: Handlers, address: Address) -> None:
    for text in TO_THE_LAST_LOOK:
        await handlers.hear(item(text, address))


async def test_the_dialogue_goes_on_under_the_scoped_id(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        await handlers.hear(wish := item("confirm", BY_ID))
        assert [claim.id for claim in await house.claims()] == [derived_id(wish.id, 0)]
        said = await house.messages()
        assert {message.address for message in said} == {BY_NUMBER}  # the claim says it later
        alias, document = await under_both(provisioned, settings)
    assert alias is not None
    assert document is not None
    assert alias == ChatDocument(state=alias.state, moved_to="US.77")
    assert document.state.waiting is not None
    assert document.has_seen(wish.id)


async def test_what_comes_under_the_number_later_is_taken_in_and_answered_there(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        await handlers.hear(wish := item("confirm", BY_NUMBER))
        (claim,) = await house.claims()
        await handlers.hear(item("/help", BY_ID))
        told = len(await house.messages())
        # The registry answers the address that the command came from.
        await handlers.hear(outcome_of(claim.id, BY_NUMBER))
        ticket = (await house.messages())[-1]
        assert len(await house.messages()) > told
        assert "You're in" in " ".join(message.text for message in (await house.messages())[told:])
        assert ticket.address in (BY_NUMBER, BY_ID)
        await handlers.hear(item("/start", BY_NUMBER))
        assert (await house.messages())[-1].address == BY_NUMBER
        _, document = await under_both(provisioned, settings)
        assert document is not None
        assert document.state.waiting is None
        assert document.has_seen(wish.id)


async def test_without_a_known_number_it_is_another_chat(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned), handlers_at(provisioned, **settings) as handlers:
        await handlers.hear(item("/start", BY_NUMBER))
        await handlers.hear(item("/start", BY_ID, phone=None))
        before, document = await under_both(provisioned, settings)
        assert before is not None
        assert before.moved_to is None
        # Both were used as they are: which of them counts is for proof to say, and not for us.
        await handlers.hear(item("/start", BY_ID))
        after, document = await under_both(provisioned, settings)
        assert after == before
        assert document is not None


async def test_a_number_that_has_moved_on_takes_nobody_else_along(
    provisioned: str, settings: dict[str, str]
) -> None:
    """Numbers are given to others after a while; the scoped id is another one then."""
    stranger = BY_ID.model_copy(update={"chat_id": "US.99"})
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        await handlers.hear(item("/help", BY_ID))
        await handlers.hear(item("confirm", stranger))
        assert await house.claims() == []


async def test_two_lanes_that_move_and_write_at_once_lose_nothing(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with (
        house_at(provisioned) as house,
        handlers_at(provisioned, **settings) as one,
        handlers_at(provisioned, **settings) as other,
    ):
        await reach_the_last_look(one, BY_NUMBER)
        heard = [item("/help", address) for address in (BY_NUMBER, BY_ID) * 4]
        by_number = (hear(one, each) for each in heard if each.address == BY_NUMBER)
        by_id = (hear(other, each) for each in heard if each.address == BY_ID)
        await asyncio.gather(*by_number, *by_id)
        answers = {message.correlation_id for message in await house.messages()}
        assert {each.id for each in heard} <= answers
        alias, document = await under_both(provisioned, settings)
    assert alias is not None
    assert document is not None
    assert alias.moved_to == "US.77"
    assert all(document.has_seen(each.id) for each in heard)
    assert document.state.stage is Stage.CONFIRMING


async def hear(handlers: Handlers, one: InboundMessage) -> None:
    """As the stream does: what was contended comes again."""
    while True:
        try:
            await handlers.hear(one)
        except Retry:
            continue
        return


def a_process(url: str, crash_at: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "conversation"],
        env={**os.environ, "NATS_URL": url, "TURNOUT_TEST": "1", "TURNOUT_CRASH_AT": crash_at},
        stdout=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("point", ["after-forwarding", "after-arrival"])
async def test_a_move_that_was_cut_short_is_finished_by_the_next(
    provisioned: str, point: str
) -> None:
    async with house_at(provisioned) as house:
        async with handlers_at(provisioned) as handlers:
            await reach_the_last_look(handlers, BY_NUMBER)
        process = a_process(provisioned, f"conversation.{point}:1")
        await house.says(wish := item("confirm", BY_ID))
        assert await asyncio.to_thread(process.wait, 20) == -signal.SIGKILL
        assert await house.claims() == []
        async with handlers_at(provisioned) as handlers:
            # The other lane may be the first to find it.
            await handlers.hear(item("/help", BY_NUMBER))
            await handlers.hear(wish)
        assert [claim.id for claim in await house.claims()] == [derived_id(wish.id, 0)]
        alias, document = await under_both(provisioned, {})
    assert alias is not None
    assert document is not None
    assert alias.moved_to == "US.77"
    assert alias.state.profile.name is None
    assert document.has_seen(wish.id)
