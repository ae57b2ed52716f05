"""A chat that began under a phone number goes on under the scoped id, and loses nothing."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from conversation_house import handlers_at, house_at
from conversation_moving import (
    BY_ID,
    BY_NUMBER,
    NUMBER,
    a_process,
    hear,
    item,
    outcome_of,
    reach_the_last_look,
    stored_under,
)

from contracts import derived_id
from conversation.dialogue import Stage, State
from conversation.document import ChatDocument
from conversation.store import NUMBER_IS_THEIRS_DAYS
from runtime.testing_redis import RedisServer


@pytest_asyncio.fixture(params=["jetstream", "redis"])
async def settings(
    request: pytest.FixtureRequest, redis_server: RedisServer
) -> AsyncIterator[dict[str, str]]:
    """Which store."""
    in_redis = {"state_store": "redis", "redis_url": redis_server.url}
    yield in_redis if request.param == "redis" else {}


async def test_the_dialogue_goes_on_under_the_scoped_id(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        await handlers.hear(wish := item("confirm", BY_ID))
        assert [claim.id for claim in await house.claims()] == [derived_id(wish.id, 0)]
        said = await house.messages()
        assert {message.address for message in said} == {BY_NUMBER}  # the claim says it later
        (move,) = await house.moves()
        assert (move.chat, move.previous, move.phone) == (BY_ID, NUMBER, NUMBER)
        assert not move.number_changed
        alias, document = await stored_under(provisioned, settings, BY_NUMBER, BY_ID)
    assert alias is not None
    assert document is not None
    assert alias == ChatDocument(state=State(), moved_to="US.77", begun_at=alias.begun_at)
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
        _, document = await stored_under(provisioned, settings, BY_NUMBER, BY_ID)
        assert document is not None
        assert document.state.waiting is None
        assert document.has_seen(wish.id)


async def test_without_a_known_number_it_is_another_chat(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned), handlers_at(provisioned, **settings) as handlers:
        await handlers.hear(item("/start", BY_NUMBER))
        await handlers.hear(item("/start", BY_ID, phone=None))
        before, document = await stored_under(provisioned, settings, BY_NUMBER, BY_ID)
        assert before is not None
        assert before.moved_to is None
        # Both were used as they are: which of them counts is for proof to say, and not for us.
        await handlers.hear(item("/start", BY_ID))
        after, document = await stored_under(provisioned, settings, BY_NUMBER, BY_ID)
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


@pytest.mark.parametrize("is_theirs", [True, False])
async def test_a_number_says_who_it_is_only_while_it_was_heard_of_lately(
    provisioned: str, settings: dict[str, str], is_theirs: bool
) -> None:
    """After months it may be somebody else's: nobody's seats go along by the number alone."""
    silence = timedelta(days=NUMBER_IS_THEIRS_DAYS) + timedelta(hours=-1 if is_theirs else 1)
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        await handlers.hear(said := item("/help", BY_NUMBER))
        before, _ = await stored_under(provisioned, settings, BY_NUMBER, BY_ID)
        first, second = item("/help", BY_ID, later=silence), item("/help", BY_ID, later=silence)
        await handlers.hear(first)
        assert len(await house.moves()) == is_theirs
        await handlers.hear(second)
        after, there = await stored_under(provisioned, settings, BY_NUMBER, BY_ID)
        assert len(await house.moves()) == is_theirs
    assert after is not None
    assert there is not None
    assert (after.moved_to is not None) == is_theirs
    assert there.has_seen(said.id) == is_theirs, "the chat went along, or nothing of it"
    assert is_theirs or after == before, "what was there stays there, for whoever writes from it"
    assert there.has_seen(first.id)
    assert there.has_seen(second.id)


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
        alias, document = await stored_under(provisioned, settings, BY_NUMBER, BY_ID)
    assert alias is not None
    assert document is not None
    assert alias.moved_to == "US.77"
    assert all(document.has_seen(each.id) for each in heard)
    assert document.state.stage is Stage.CONFIRMING


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
        assert [move.id for move in await house.moves()] == [derived_id(wish.id, "identity")]
        alias, document = await stored_under(provisioned, {}, BY_NUMBER, BY_ID)
    assert alias is not None
    assert document is not None
    assert alias.moved_to == "US.77"
    assert alias.state.profile.name is None
    assert document.has_seen(wish.id)
