"""Who wished to be forgotten leaves nothing in what the conversation keeps, not even a marker."""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest
import pytest_asyncio
from conversation_house import House, handlers_at, house_at
from conversation_moving import (
    BY_ID,
    BY_NUMBER,
    NUMBER,
    a_process,
    hear,
    item,
    moved,
    reach_the_last_look,
    stored_under,
)
from conversation_stores import Cable
from conversation_talk import SPACE
from nats.js.errors import NotFoundError
from redis.asyncio import Redis

from contracts import (
    Address,
    ChatForgotten,
    CommandOutcome,
    ForgetPerson,
    InboundMessage,
    PersonForgotten,
    derived_id,
)
from contracts.topology import DEAD, FSM, FSM_JOURNAL
from conversation.dialogue import Stage
from conversation.handlers import Handlers
from conversation.stores import document_key
from runtime.broker import Broker
from runtime.settings import ServiceSettings
from runtime.testing_redis import RedisServer

ANN = Address(platform="telegram", account="123456", chat_id="4242")
MARKS = (NUMBER, "US.77", "US=2E77", "Ann Lee", "ann@example.com")
KEPT_IN = (f"KV_{FSM.name}", f"KV_{FSM_JOURNAL.name}", DEAD.name)

_numbers = itertools.count()


@pytest_asyncio.fixture(params=["jetstream", "redis"])
async def settings(
    request: pytest.FixtureRequest, redis_server: RedisServer
) -> AsyncIterator[dict[str, str]]:
    """Which store."""
    in_redis = {"state_store": "redis", "redis_url": redis_server.url}
    yield in_redis if request.param == "redis" else {}


def forgotten(
    address: Address, *, at: datetime | None = None, elsewhere: bool = False
) -> ChatForgotten:
    now = datetime.now(UTC)
    item_id = uuid5(SPACE, f"forgotten {next(_numbers)}")
    return ChatForgotten(
        id=item_id,
        occurred_at=now,
        correlation_id=item_id,
        address=address,
        at=at or now,
        elsewhere=elsewhere,
    )


def outcome_of(command_id: UUID, at: datetime) -> CommandOutcome:
    """The registry has forgotten who is in this chat."""
    return CommandOutcome(
        id=derived_id(command_id, "outcome"),
        occurred_at=at,
        correlation_id=command_id,
        address=ANN,
        command_id=command_id,
        outcome=PersonForgotten(known=True, freed=0),
    )


async def found(house: House, settings: dict[str, str], *marks: str) -> set[tuple[str, str]]:
    """Where anything has one of these marks, in subjects, headers, keys and bodies."""
    hits: set[tuple[str, str]] = set()
    jetstream = house.client.jetstream()
    for stream in KEPT_IN:
        state = (await jetstream.stream_info(stream)).state
        for sequence in range(max(1, state.first_seq), state.last_seq + 1):
            try:
                message = await jetstream.get_msg(stream, sequence, direct=True)
            except NotFoundError:
                continue
            text = f"{message.subject} {message.headers} {(message.data or b'').decode()}"
            hits |= {(stream, mark) for mark in marks if mark in text}
    for address, kept in house.states.states.items():
        text = f"{address} {kept.model_dump_json()}"
        hits |= {("user_states", mark) for mark in marks if mark in text}
    if settings:
        async with Redis.from_url(settings["redis_url"], decode_responses=True) as redis:
            async for key in redis.scan_iter():
                text = f"{key} {await redis.hgetall(key)}"
                hits |= {("redis", mark) for mark in marks if mark in text}
    return hits


async def set_aside(house: House, address: Address, said_at: datetime | None = None) -> None:
    """A dead letter of this chat."""
    said = item("Ann Lee", address)
    if said_at is not None:
        said = said.model_copy(update={"occurred_at": said_at})
    broker = Broker("tester", ServiceSettings(nats_url=house.url))
    await broker.frame.connect()
    await broker.set_aside(
        f"inbound.{address.platform}.7.{address.chat_key}",
        said.model_dump_json().encode(),
        reason="r",
        id=str(said.id),
        origin="tester",
    )
    await broker.stop()


async def test_a_forgotten_chat_leaves_nothing_under_any_of_its_ids(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        await handlers.hear(item("/help", BY_ID))
        for address in (BY_NUMBER, BY_ID):
            await set_aside(house, address)
        before = await found(house, settings, *MARKS)
        assert {mark for _, mark in before} == set(MARKS), "the search finds what is there"
        for address in (BY_ID, BY_NUMBER):
            await handlers.hear(forgotten(address))
        assert await found(house, settings, *MARKS) == set()
        told = len(await house.messages())
        for address in (BY_NUMBER, BY_ID):
            await handlers.hear(forgotten(address))
        assert await found(house, settings, *MARKS) == set()
        assert len(await house.messages()) == told
        await handlers.hear(item("/start", BY_ID))
        (there,) = await stored_under(provisioned, settings, BY_ID)
        assert there is not None
        assert there.state.profile.name is None


async def test_a_deleted_document_would_have_left_its_key(provisioned: str) -> None:
    """Why it is purged instead; and the search above would have seen it."""
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        await handlers.hear(item("/start", BY_ID))
        bucket = await house.client.jetstream().key_value(FSM.name)
        await bucket.delete(document_key(BY_ID))
        assert await found(house, {}, "US=2E77") == {("KV_fsm", "US=2E77")}


async def test_the_chat_is_forgotten_with_the_id_that_still_leads_to_it(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        await handlers.hear(item("/help", BY_ID))
        await handlers.hear(forgotten(BY_NUMBER))
        assert await found(house, settings, *MARKS) == set()


async def test_who_has_the_number_now_is_not_forgotten_with_who_left_it(
    provisioned: str, settings: dict[str, str]
) -> None:
    other = BY_NUMBER.model_copy(update={"chat_id": "16505550000"})
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, BY_NUMBER)
        left = moved(BY_NUMBER, other, phone=other.chat_id)
        await handlers.hear(left)
        stranger = item("/start", BY_NUMBER, later=timedelta(days=2))
        await handlers.hear(stranger)
        await handlers.hear(forgotten(other))
        # As the registry says it: of a number only what came while it was theirs.
        await handlers.hear(forgotten(BY_NUMBER, at=left.sent_at + timedelta(days=1)))
        theirs, hers = await stored_under(provisioned, settings, BY_NUMBER, other)
        assert hers is None
        assert theirs is not None
        assert theirs.has_seen(stranger.id)
        assert await found(house, settings, other.chat_id, "Ann Lee", "ann@example.com") == set()


async def test_who_is_back_already_stays_and_only_what_was_before_goes(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, ANN, phone=None)
        at = datetime.now(UTC)
        await set_aside(house, ANN, said_at=at - timedelta(minutes=1))
        await handlers.hear(back := item("/help", ANN, phone=None, later=timedelta(seconds=10)))
        await handlers.hear(forgotten(ANN, at=at))
        (document,) = await stored_under(provisioned, settings, ANN)
        assert document is not None
        assert document.has_seen(back.id)
        assert document.state.heard_at == back.sent_at
        assert document.state.stage is Stage.START
        assert await found(house, settings, "Ann Lee", "ann@example.com") == set()
        # What they say from now on is kept, however often the rest is purged.
        await handlers.hear(item("1", ANN, phone=None, later=timedelta(seconds=20)))
        await set_aside(house, ANN, said_at=at + timedelta(minutes=1))
        (went_on,) = await stored_under(provisioned, settings, ANN)
        await handlers.hear(forgotten(ANN, at=at))
        assert (await stored_under(provisioned, settings, ANN)) == [went_on]
        assert await found(house, settings, "Ann Lee") == {("DEAD", "Ann Lee")}


async def test_the_chat_in_which_it_was_wished_is_new_at_once_and_goes_unless_they_return(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, ANN, phone=None)
        for text in ("/forget", "FORGET"):
            await handlers.hear(item(text, ANN, phone=None))
        (wish,) = [ForgetPerson.model_validate_json(one) for one in await house.stored("COMMANDS")]
        at = datetime.now(UTC)
        await handlers.hear(outcome_of(wish.id, at))
        (document,) = await stored_under(provisioned, settings, ANN)
        assert document is not None
        assert document.begun_at == at
        await handlers.hear(forgotten(ANN, at=at))
        assert await found(house, settings, "4242") == set()
        await set_aside(house, ANN, said_at=at - timedelta(minutes=1))
        await handlers.hear(item("/start", ANN, phone=None))
        (back,) = await stored_under(provisioned, settings, ANN)
        await handlers.hear(forgotten(ANN, at=at))
        assert await stored_under(provisioned, settings, ANN) == [back]
        assert await found(house, settings, "Ann Lee") == set()


async def test_a_wish_that_the_chat_has_lost_sight_of_leaves_nothing_either(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await reach_the_last_look(handlers, ANN, phone=None)
        at = datetime.now(UTC)
        await handlers.hear(outcome_of(uuid5(SPACE, "wish"), at))
        await handlers.hear(item("/help", ANN, phone=None, later=timedelta(seconds=10)))
        await handlers.hear(forgotten(ANN, at=at))
        assert await found(house, settings, "Ann Lee", "ann@example.com") == set()
        assert await found(house, settings, "4242") != set()


async def test_a_platform_s_clock_that_is_ahead_keeps_nothing(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        said = item("/start", ANN, phone=None)
        ahead = said.sent_at + timedelta(seconds=2)
        await handlers.hear(said.model_copy(update={"sent_at": ahead}))
        await handlers.hear(forgotten(ANN))
        assert await found(house, {}, "4242") == set()


async def test_a_chat_elsewhere_is_told_once(provisioned: str, settings: dict[str, str]) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned, **settings) as handlers:
        await handlers.hear(item("/language ru", BY_NUMBER))
        await handlers.hear(item("/help", BY_ID))
        before, at = len(await house.messages()), datetime.now(UTC)
        for address in (BY_NUMBER, BY_ID, BY_NUMBER, BY_ID):
            await handlers.hear(forgotten(address, at=at, elsewhere=True))
        (told,) = (await house.messages())[before:]
        assert told.address == BY_ID
        assert (told.language, told.priority) == ("ru", "transactional")
        assert "забыл" in told.text
        assert await found(house, settings, *MARKS) == set()


async def test_nobody_is_apologised_to_for_a_purge_that_was_set_aside(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        await handlers.apologise(forgotten(ANN), "bug: ValueError")
        assert await house.messages() == []


async def test_a_chat_of_which_nothing_is_known_is_told_nothing(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        await handlers.hear(forgotten(ANN, elsewhere=True))
        assert await house.messages() == []
        assert await house.stored("REACH") == []


@pytest.mark.parametrize(
    ("store", "point"),
    [
        ("jetstream", "before-forgetting"),
        ("jetstream", "after-forgetting"),
        ("redis", "before-forgetting"),
        ("redis", "after-drop"),
        ("redis", "after-forgetting"),
    ],
)
async def test_what_was_cut_short_is_done_by_the_repetition(
    provisioned: str,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    store: str,
    point: str,
) -> None:
    settings = {"state_store": "redis", "redis_url": redis_server.url} if store == "redis" else {}
    for name, value in settings.items():
        monkeypatch.setenv(name.upper(), value)
    async with house_at(provisioned) as house:
        async with handlers_at(provisioned, **settings) as handlers:
            await reach_the_last_look(handlers, BY_NUMBER)
            await handlers.hear(item("/help", BY_ID))
        before = len(await house.messages())
        process = a_process(provisioned, f"conversation.{point}:1")
        await house.says(wish := forgotten(BY_NUMBER, elsewhere=True))
        assert await asyncio.to_thread(process.wait, 30) == -signal.SIGKILL
        assert await found(house, settings, *MARKS) != set()
        async with handlers_at(provisioned, **settings) as handlers:
            await handlers.hear(wish)
            await handlers.hear(forgotten(BY_ID, at=wish.at))
        assert await found(house, settings, *MARKS) == set()
        assert len(await house.messages()) == before + 1


async def hear_all(handlers: Handlers, said: list[InboundMessage]) -> None:
    for each in said:
        await hear(handlers, each)


async def test_what_is_said_at_the_same_time_is_neither_lost_nor_mixed_with_what_was(
    provisioned: str, settings: dict[str, str]
) -> None:
    async with (
        house_at(provisioned) as house,
        handlers_at(provisioned, **settings) as one,
        handlers_at(provisioned, **settings) as other,
    ):
        for number in range(8):
            chat = ANN.model_copy(update={"chat_id": f"5{number}"})
            await reach_the_last_look(one, chat, phone=None)
            at = datetime.now(UTC)
            said = [
                item("/help", chat, phone=None, later=timedelta(seconds=n)) for n in (10, 11, 12)
            ]

            await asyncio.gather(hear_all(other, said), one.hear(forgotten(chat, at=at)))
            await one.hear(forgotten(chat, at=at))
            (document,) = await stored_under(provisioned, settings, chat)
            assert document is not None
            assert document.has_seen(said[-1].id)
            assert document.state.context.name is None
        answered = {message.correlation_id for message in await house.messages()}
        assert said[-1].id in answered
        assert await found(house, settings, "Ann Lee", "ann@example.com") == set()


async def test_a_redis_that_was_away_gives_back_nothing_after_the_next_purge(
    provisioned: str, redis_server: RedisServer
) -> None:
    cable = Cable(redis_server.port)
    await cable.mend()
    settings = {"state_store": "redis", "redis_url": cable.url}
    directly = settings | {"redis_url": redis_server.url}
    async with house_at(provisioned) as house:
        async with handlers_at(provisioned, **settings) as handlers:
            await reach_the_last_look(handlers, ANN, phone=None)
            at = datetime.now(UTC)
            await cable.cut()
            await handlers.hear(forgotten(ANN, at=at, elsewhere=True))
            told = len(await house.messages())
            assert {place for place, _ in await found(house, directly, "4242")} == {"redis"}
        await cable.mend()
        async with handlers_at(provisioned, **settings) as handlers:
            await handlers.hear(forgotten(ANN, at=at, elsewhere=True))
        assert await found(house, directly, "4242") == set()
        assert len(await house.messages()) == told
        await cable.cut()
