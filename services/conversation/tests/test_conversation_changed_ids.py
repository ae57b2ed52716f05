"""Somebody has another number, or another scoped id: the chat goes on there, and only there."""

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
    moved,
    outcome_of,
    reach_the_last_look,
    stored_under,
)

from contracts import derived_id
from conversation.dialogue import Stage, State
from conversation.document import ChatDocument
from runtime.testing_redis import RedisServer

NEW_NUMBER = "16505559999"
BY_NEW_NUMBER = BY_NUMBER.model_copy(update={"chat_id": NEW_NUMBER})
BY_NEW_ID = BY_NUMBER.model_copy(update={"chat_id": "US.88"})
MONTHS = timedelta(days=90)


@pytest_asyncio.fixture(params=["jetstream", "redis"])
async def settings(
    request: pytest.FixtureRequest, redis_server: RedisServer
) -> AsyncIterator[dict[str, str]]:
    """Which store."""
    in_redis = {"state_store": "redis", "redis_url": redis_server.url}
    yield in_redis if request.param == "redis" else {}


async def test_the_dialogue_goes_on_under_the_new_number_without_a_word(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        said = len(await house.messages())
        await handlers.hear(moved(BY_NUMBER, BY_NEW_NUMBER, NEW_NUMBER))
        assert len(await house.messages()) == said
        await handlers.hear(wish := item("confirm", BY_NEW_NUMBER, NEW_NUMBER))
        assert [claim.id for claim in await house.claims()] == [derived_id(wish.id, 0)]
        left, document = await stored_under(provisioned, settings, BY_NUMBER, BY_NEW_NUMBER)
    assert left is not None
    assert document is not None
    assert (left.state, left.moved_to) == (State(), NEW_NUMBER)
    assert document.state.waiting is not None
    assert document.moved_to is None


async def test_it_is_told_twice_and_in_two_ways_and_the_chat_moves_once(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        await handlers.hear(item("/help", BY_ID))
        for _ in range(2):
            await handlers.hear(moved(BY_NUMBER, BY_NEW_NUMBER, NEW_NUMBER))
            await handlers.hear(moved(BY_ID, BY_NEW_ID))
        await handlers.hear(wish := item("confirm", BY_NEW_ID, NEW_NUMBER))
        assert [claim.id for claim in await house.claims()] == [derived_id(wish.id, 0)]


async def test_the_answer_to_a_wish_finds_the_person_at_the_new_number(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        await handlers.hear(item("confirm", BY_NUMBER))
        (claim,) = await house.claims()
        await handlers.hear(moved(BY_NUMBER, BY_NEW_NUMBER, NEW_NUMBER))
        told = len(await house.messages())
        await handlers.hear(outcome_of(claim.id, BY_NUMBER))
        answers = (await house.messages())[told:]
        assert "You're in" in " ".join(answer.text for answer in answers)
        assert {answer.address for answer in answers} == {BY_NEW_NUMBER}


async def test_who_takes_the_old_number_back_takes_the_chat_along(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        await handlers.hear(moved(BY_NUMBER, BY_NEW_NUMBER, NEW_NUMBER))
        await handlers.hear(moved(BY_NEW_NUMBER, BY_NUMBER, NUMBER))
        await handlers.hear(wish := item("confirm", BY_NUMBER))
        assert [claim.id for claim in await house.claims()] == [derived_id(wish.id, 0)]
        back, left = await stored_under(provisioned, settings, BY_NUMBER, BY_NEW_NUMBER)
    assert back is not None
    assert left is not None
    assert back.moved_to is None
    assert left.moved_to == NUMBER


async def test_a_stranger_who_gets_the_number_later_begins_anew(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        await handlers.hear(moved(BY_NUMBER, BY_NEW_NUMBER, NEW_NUMBER))
        for text in ("confirm", "/start"):
            await handlers.hear(item(text, BY_NUMBER, later=MONTHS))
        assert await house.claims() == []
        strangers, persons = await stored_under(provisioned, settings, BY_NUMBER, BY_NEW_NUMBER)
    assert strangers is not None
    assert persons is not None
    assert strangers.moved_to is None
    assert strangers.state.context.name is None
    assert persons.state.context.name == "Ann Lee"
    assert persons.state.stage is Stage.CONFIRMING


async def test_late_mail_from_the_old_number_is_still_the_person_s(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        late = item("confirm", BY_NUMBER)
        await handlers.hear(moved(BY_NUMBER, BY_NEW_NUMBER, NEW_NUMBER))
        await handlers.hear(late)
        assert [claim.id for claim in await house.claims()] == [derived_id(late.id, 0)]
        assert [claim.address for claim in await house.claims()] == [BY_NEW_NUMBER]


async def test_a_chat_that_has_begun_at_the_new_number_goes_on_as_it_is(
    provisioned: str, settings: dict[str, str]
) -> None:
    """Nothing tells that the news of the number comes before what is said there."""
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        await reach_the_last_look(handlers, BY_NEW_NUMBER, NEW_NUMBER)
        await handlers.hear(moved(BY_NUMBER, BY_NEW_NUMBER, NEW_NUMBER))
        await handlers.hear(wish := item("confirm", BY_NEW_NUMBER, NEW_NUMBER))
        assert [claim.id for claim in await house.claims()] == [derived_id(wish.id, 0)]
        left, _ = await stored_under(provisioned, settings, BY_NUMBER, BY_NEW_NUMBER)
    assert left is not None
    assert left == ChatDocument(
        state=State(), moved_to=NEW_NUMBER, left_at=left.left_at, begun_at=left.begun_at
    )


async def test_news_of_somebody_we_never_heard_of_leave_no_trace(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await handlers.hear(moved(BY_NUMBER, BY_NEW_NUMBER, NEW_NUMBER))
        assert await house.messages() == []
        assert await house.moves() == []
        stored = await stored_under(provisioned, settings, BY_NUMBER, BY_NEW_NUMBER)
    assert stored == [None, None]


async def test_a_move_amid_what_is_said_under_both_numbers_loses_nothing(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with (
        house_at(provisioned) as house,
        handlers_at(provisioned, **settings) as one,
        handlers_at(provisioned, **settings) as other,
    ):
        await reach_the_last_look(one, BY_NUMBER)
        old = [item("/help", BY_NUMBER) for _ in range(4)]
        new = [moved(BY_NUMBER, BY_NEW_NUMBER, NEW_NUMBER)]
        new += [item("/help", BY_NEW_NUMBER, NEW_NUMBER) for _ in range(4)]

        async def lane(by: list[object]) -> None:
            for each in by:
                await hear(one if by is old else other, each)  # type: ignore[arg-type]

        await asyncio.gather(lane(old), lane(new))  # type: ignore[arg-type]
        answers = {message.correlation_id for message in await house.messages()}
        assert {each.id for each in (*old, *new[1:])} <= answers
        left, document = await stored_under(provisioned, settings, BY_NUMBER, BY_NEW_NUMBER)
    assert left is not None
    assert document is not None
    assert left.is_emptied
    assert document.state.stage is Stage.CONFIRMING


async def test_the_registry_is_told_who_it_is_now_once(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        told = moved(BY_NUMBER, BY_NEW_NUMBER, NEW_NUMBER)
        for _ in range(2):
            await handlers.hear(told)
        (move,) = await house.moves()
    assert (move.chat, move.previous, move.phone) == (BY_NEW_NUMBER, NUMBER, NEW_NUMBER)
    assert (move.number_changed, move.at) == (True, told.sent_at)


@pytest.mark.parametrize("number_first", [True, False])
async def test_a_new_number_takes_nobody_away_from_a_scoped_id(
    provisioned: str, settings: dict[str, str], *, number_first: bool
) -> None:
    """Both are told of one change, in two messages; nothing says which comes first."""
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        await handlers.hear(first := item("/help", BY_ID))
        news = [moved(BY_NUMBER, BY_NEW_NUMBER, NEW_NUMBER), moved(BY_ID, BY_NEW_ID, NEW_NUMBER)]
        for told in news if number_first else reversed(news):
            await handlers.hear(told)
        await handlers.hear(later := item("/help", BY_NEW_ID, NEW_NUMBER, later=MONTHS))
        assert (await house.messages())[-1].address == BY_NEW_ID
        documents = await stored_under(
            provisioned, settings, BY_NUMBER, BY_NEW_NUMBER, BY_ID, BY_NEW_ID
        )
    left, other_name, before, now = documents
    assert left is not None
    assert other_name is not None
    assert before is not None
    assert now is not None
    assert left.left_at is not None
    assert other_name.left_at is None
    assert None not in (left.moved_to, other_name.moved_to, before.moved_to)
    assert now.has_seen(first.id)
    assert now.has_seen(later.id)


async def test_a_process_that_dies_between_telling_and_moving_does_both(provisioned: str) -> None:
    async with house_at(provisioned) as house:
        async with handlers_at(provisioned) as handlers:
            await reach_the_last_look(handlers, BY_NUMBER)
        process = a_process(provisioned, "conversation.after-telling-who:1")
        await house.says(told := moved(BY_NUMBER, BY_NEW_NUMBER, NEW_NUMBER))
        assert await asyncio.to_thread(process.wait, 20) == -signal.SIGKILL
        async with handlers_at(provisioned) as handlers:
            await handlers.hear(told)
            await handlers.hear(wish := item("confirm", BY_NEW_NUMBER, NEW_NUMBER))
        assert [move.id for move in await house.moves()] == [derived_id(told.id, "identity")]
        assert [claim.id for claim in await house.claims()] == [derived_id(wish.id, 0)]


@pytest.mark.parametrize("point", ["after-forwarding", "after-arrival"])
async def test_a_move_that_was_cut_short_is_finished_by_whoever_comes_next(
    provisioned: str, point: str
) -> None:
    async with house_at(provisioned) as house:
        async with handlers_at(provisioned) as handlers:
            await reach_the_last_look(handlers, BY_NUMBER)
        process = a_process(provisioned, f"conversation.{point}:1")
        await house.says(told := moved(BY_NUMBER, BY_NEW_NUMBER, NEW_NUMBER))
        assert await asyncio.to_thread(process.wait, 20) == -signal.SIGKILL
        async with handlers_at(provisioned) as handlers:
            # The number may have a new owner before anybody sees that the move is not done.
            await handlers.hear(item("/start", BY_NUMBER, later=MONTHS))
            await handlers.hear(told)
            await handlers.hear(wish := item("confirm", BY_NEW_NUMBER, NEW_NUMBER))
        assert [claim.id for claim in await house.claims()] == [derived_id(wish.id, 0)]
        assert [move.id for move in await house.moves()] == [derived_id(told.id, "identity")]
        strangers, _ = await stored_under(provisioned, {}, BY_NUMBER, BY_NEW_NUMBER)
    assert strangers is not None
    assert strangers.state.context.name is None
