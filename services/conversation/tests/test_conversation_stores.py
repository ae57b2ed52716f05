"""Both stores keep one promise: no state is older than the last answer that was said."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid5

import nats
import pytest
import pytest_asyncio
from conversation_stores import Cable, Desk, stores_at
from conversation_talk import ANN, ANN_SENDS, OLGA, SPACE
from httpx import ASGITransport, AsyncClient
from pydantic import SecretStr, ValidationError

from contracts import Address, InboundMessage, TextSaid
from conversation.dialogue import State
from conversation.document import ChatDocument
from conversation.main import create_app
from conversation.settings import Settings
from conversation.stores import Store
from conversation.stores.redis_states import redis_key
from runtime import faults
from runtime.documents import Conflict
from runtime.failures import Unavailable
from runtime.service import Service
from runtime.testing import eventually
from runtime.testing_redis import RedisServer

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
REPLICAS = 3


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question is asked for itself, so that a test decides what is away when."""
    monkeypatch.setattr("conversation.stores.redis_states.AWAY_SECONDS", 0.0)
    monkeypatch.setattr("conversation.stores.registry_states.SILENT_SECONDS", 0.0)


@pytest_asyncio.fixture
async def desk(provisioned: str) -> AsyncIterator[Desk]:
    client = await nats.connect(provisioned)
    desk = Desk()
    await desk.open(client)
    yield desk
    await client.close()


@dataclass
class Setting:
    """Three replicas, and what they stand on."""

    stores: list[Store]
    desk: Desk
    redis: RedisServer
    cables: list[Cable]
    said: dict[Address, set[UUID]] = field(default_factory=lambda: {ANN: set(), OLGA: set()})


@pytest_asyncio.fixture
async def setting(
    provisioned: str, desk: Desk, redis_server: RedisServer
) -> AsyncIterator[Setting]:
    cables = [Cable(redis_server.port) for _ in range(REPLICAS)]
    for cable in cables:
        await cable.mend()
    async with stores_at(provisioned, [cable.url for cable in cables], REPLICAS) as stores:
        yield Setting(stores, desk, redis_server, cables)
    for cable in cables:
        await cable.cut()


@pytest_asyncio.fixture(params=["jetstream", "redis", "redis that is away"])
async def stores(
    request: pytest.FixtureRequest, provisioned: str, desk: Desk, redis_server: RedisServer
) -> AsyncIterator[list[Store]]:
    """Two replicas of each store."""
    if request.param == "redis that is away":
        redis_server.kill()
    urls = None if request.param == "jetstream" else [redis_server.url]
    async with stores_at(provisioned, urls, 2) as stores:
        yield stores


def an_input(number: int) -> UUID:
    return uuid5(SPACE, f"stored {number}")


def with_input(document: ChatDocument | None, number: int) -> ChatDocument:
    before = document or ChatDocument(state=State())
    return before.after(an_input(number), before.state, (), NOW)


async def takes_in(store: Store, number: int, address: Address = ANN) -> ChatDocument:
    """What a handler does with an input, without saying anything."""
    for _ in range(5):
        try:
            stored = await store.read(address)
            if stored.document is not None and stored.document.has_seen(an_input(number)):
                await store.confirm(stored)
                return stored.document
            document = with_input(stored.document, number)
            await store.write(stored, document)
        except Conflict:
            continue
        return document
    raise Conflict(address.platform)


def numbers(document: ChatDocument | None, upto: int = 20) -> list[int]:
    return [n for n in range(upto) if document is not None and document.has_seen(an_input(n))]


async def test_nobody_is_known_at_first(stores: list[Store]) -> None:
    stored = await stores[0].read(ANN)
    assert stored.document is None
    await stores[0].confirm(stored)


async def test_what_one_replica_wrote_the_other_reads(stores: list[Store]) -> None:
    for number in range(6):
        await takes_in(stores[number % 2], number)
    for store in stores:
        stored = await store.read(ANN)
        await store.confirm(stored)
        assert numbers(stored.document) == list(range(6))


@pytest.mark.parametrize("written_before", [0, 1, 2])
async def test_of_two_who_write_over_the_same_the_second_is_refused(
    stores: list[Store], written_before: int
) -> None:
    for number in range(written_before):
        await takes_in(stores[0], number)
    first, second = [await store.read(ANN) for store in stores]
    await stores[0].write(first, with_input(first.document, 8))
    with pytest.raises(Conflict):
        await stores[1].write(second, with_input(second.document, 9))
    stored = await stores[1].read(ANN)
    assert numbers(stored.document) == [*range(written_before), 8]


async def test_of_many_at_once_none_is_lost(stores: list[Store]) -> None:
    async def persist(number: int) -> None:
        while True:
            try:
                await takes_in(stores[number % 2], number)
            except Conflict:
                continue
            return

    await asyncio.gather(*(persist(number) for number in range(10)))
    assert numbers((await stores[0].read(ANN)).document) == list(range(10))


async def test_chats_with_two_bots_never_mix(stores: list[Store]) -> None:
    other = ANN.model_copy(update={"account": "654321"})
    await takes_in(stores[0], 1)
    await takes_in(stores[0], 2, other)
    assert numbers((await stores[1].read(ANN)).document) == [1]
    assert numbers((await stores[1].read(other)).document) == [2]


async def test_a_document_of_full_size_is_kept(stores: list[Store]) -> None:
    document = ChatDocument(state=State())
    for number in range(256):
        document = with_input(document, number)
    stored = await stores[0].read(ANN)
    await stores[0].write(stored, document)
    assert (await stores[1].read(ANN)).document == document


@pytest.mark.parametrize(
    ("chat", "key"),
    [
        (("telegram", "123"), "fsm:telegram:123"),
        (("telegram", "-100123"), "fsm:telegram:-100123"),
        (("whatsapp", "79161234567"), "fsm:whatsapp:+79161234567"),
        (("whatsapp", "RU.79161234567"), "fsm:whatsapp:RU.79161234567"),
    ],
)
def test_a_chat_is_found_in_redis_by_its_name(chat: tuple[str, str], key: str) -> None:
    platform, chat_id = chat
    address = Address.model_validate({"platform": platform, "account": "1", "chat_id": chat_id})
    assert redis_key(address) == key


async def test_with_redis_up_the_registry_has_every_state_too(setting: Setting) -> None:
    await takes_in(setting.stores[0], 1)
    await takes_in(setting.stores[1], 2)
    state = setting.desk.states[ANN]
    assert (state.revision.order, state.stage) == ((0, 2), "START")
    assert setting.desk.asked == 3  # whether there was one, and two writes


async def test_a_write_without_redis_raises_the_epoch(setting: Setting) -> None:
    await takes_in(setting.stores[0], 1)
    setting.redis.kill()
    for number in (2, 3):
        await takes_in(setting.stores[number % 2], number)
    assert setting.desk.states[ANN].revision.order == (2, 3)
    setting.redis.start()
    for number in (4, 5):
        await takes_in(setting.stores[0], number)
    assert setting.desk.states[ANN].revision.n == 5


@pytest.mark.parametrize("comes_back", ["empty", "old", "as it was"])
@pytest.mark.parametrize("broken", [False, True])
async def test_nobody_is_thrown_back_by_a_redis_that_comes_back(
    setting: Setting, comes_back: str, broken: bool
) -> None:
    """With the guarantee switched off somebody is, if it has old data."""
    if broken:
        faults.plant(Settings(turnout_test=True, turnout_break="epoch"))
    await takes_in(setting.stores[0], 1)
    old = setting.redis.copy()
    await takes_in(setting.stores[0], 2)
    setting.redis.kill()
    await takes_in(setting.stores[1], 3)
    setting.redis.start(None if comes_back == "empty" else old)
    after = [numbers(await takes_in(setting.stores[0], 4))]
    after.append(numbers(await takes_in(setting.stores[1], 5)))
    kept = [[1, 2, 3, 4], [1, 2, 3, 4, 5]]
    assert (after == kept) is (not broken or comes_back == "empty")


async def test_a_replica_that_alone_cannot_reach_redis_leaves_the_others_behind_and_they_notice(
    setting: Setting,
) -> None:
    one, other, _ = setting.stores
    await takes_in(one, 1)
    await setting.cables[1].cut()
    await takes_in(other, 2)
    stored = await one.read(ANN)
    assert numbers(stored.document) == [1]  # Redis has lived on and knows no better
    with pytest.raises(Conflict):
        await one.confirm(stored)
    assert numbers((await one.read(ANN)).document) == [1, 2]
    await takes_in(other, 3)
    assert numbers(await takes_in(one, 4)) == [1, 2, 3, 4]


async def test_the_dialogue_goes_on_without_the_registry_and_catches_up(setting: Setting) -> None:
    await takes_in(setting.stores[0], 1)
    setting.desk.mood = "is away"
    for number in (2, 3):
        await takes_in(setting.stores[number % 2], number)
    setting.desk.mood = "answers"
    assert setting.desk.states[ANN].revision.order == (0, 1)
    # Redis dies before PostgreSQL was told anything, and comes back with nothing.
    setting.redis.kill()
    setting.redis.start()
    assert numbers(await takes_in(setting.stores[0], 4)) == [1, 2, 3, 4]
    assert setting.desk.states[ANN].revision.n == 4


async def test_with_both_away_nothing_is_said(setting: Setting) -> None:
    await takes_in(setting.stores[0], 1)
    setting.desk.mood = "is away"
    setting.redis.kill()
    with pytest.raises(Unavailable, match="redis and postgres"):
        await takes_in(setting.stores[0], 2)


async def test_a_redis_with_old_data_is_no_redis_while_the_registry_is_away(
    setting: Setting,
) -> None:
    await takes_in(setting.stores[0], 1)
    old = setting.redis.copy()
    await takes_in(setting.stores[0], 2)
    setting.desk.mood = "is away"
    setting.redis.kill()
    setting.redis.start(old)
    for number in (2, 3):  # neither what it may have lost is said again, nor anything new
        with pytest.raises(Unavailable):
            await takes_in(setting.stores[0], number)
    setting.desk.mood = "answers"
    assert numbers(await takes_in(setting.stores[0], 3)) == [1, 2, 3]


async def test_what_only_postgres_has_is_waited_for(setting: Setting) -> None:
    """One replica wrote without Redis; then the registry goes, and another one has only Redis."""
    await takes_in(setting.stores[0], 1)
    await setting.cables[1].cut()
    await takes_in(setting.stores[1], 2)
    setting.desk.mood = "is away"
    with pytest.raises(Unavailable):
        await takes_in(setting.stores[0], 3)
    setting.desk.mood = "answers"
    assert numbers(await takes_in(setting.stores[0], 3)) == [1, 2, 3]


async def test_an_answer_that_was_lost_on_its_way_changes_nothing(setting: Setting) -> None:
    setting.desk.mood = "forgets to answer"
    with pytest.raises(Unavailable):
        await takes_in(setting.stores[0], 1)  # a chat that nobody knows: who can say what it was?
    setting.desk.mood = "answers"
    await takes_in(setting.stores[0], 1)
    setting.desk.mood = "forgets to answer"
    await takes_in(setting.stores[0], 2)
    setting.desk.mood = "answers"
    assert numbers(await takes_in(setting.stores[1], 3)) == [1, 2, 3]


async def test_what_was_written_to_redis_alone_is_not_believed(
    setting: Setting, provisioned: str
) -> None:
    """A replica died between Redis and the registry: nothing was said from it."""
    one, other, _ = setting.stores
    await takes_in(one, 1)
    before = setting.desk.states[ANN]
    await takes_in(one, 2)
    setting.desk.states[ANN] = before
    stored = await other.read(ANN)
    assert numbers(stored.document) == [1, 2]
    with pytest.raises(Conflict):
        await other.confirm(stored)
    assert numbers(await takes_in(other, 2)) == [1, 2]
    assert numbers(await takes_in(other, 3)) == [1, 2, 3]


async def test_a_value_that_is_not_ours_is_replaced(setting: Setting) -> None:
    await takes_in(setting.stores[0], 1)
    setting.redis._ask(f"HSET {redis_key(ANN)} {ANN.account} nonsense")
    assert numbers(await takes_in(setting.stores[0], 2)) == [1, 2]
    setting.redis.empty()
    setting.redis._ask(f"SET {redis_key(ANN)} nonsense")
    assert numbers(await takes_in(setting.stores[0], 3)) == [1, 2, 3]


async def test_redis_is_seen_on_health_and_makes_nobody_unready(
    provisioned: str, desk: Desk, redis_server: RedisServer
) -> None:
    settings = Settings(
        nats_url=provisioned, state_store="redis", redis_url=SecretStr(redis_server.url)
    )
    app = create_app(settings)
    service: Service = app.state.service
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app), base_url="http://conversation") as http,
    ):
        await eventually(lambda: service.health.started)
        assert (await http.get("/health")).json()["states"] == {"redis": "answers"}
        redis_server.kill()
        client = await nats.connect(provisioned)
        said = an_item("/start")
        await client.jetstream().publish(said.route(), said.model_dump_json().encode())
        await eventually(lambda: desk.states)
        await client.close()
        ready = await http.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["states"]["redis"].endswith("PostgreSQL carries on")
        assert (
            'turnout_state_redis_up{service="conversation"} 0.0'
            in (await http.get("/metrics")).text
        )


def an_item(text: str) -> InboundMessage:
    now = datetime.now(UTC)
    return InboundMessage(
        id=an_input(0),
        occurred_at=now,
        correlation_id=an_input(0),
        address=ANN,
        sender=ANN_SENDS,
        content=TextSaid(text=text),
        sent_at=now,
    )


def test_redis_without_a_place_stops_the_start_with_a_sentence() -> None:
    with pytest.raises(ValidationError, match="STATE_STORE=redis needs REDIS_URL"):
        Settings(state_store="redis")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_fails_no_state_is_older_than_the_last_one_said(
    setting: Setting, seed: int, tmp_path: Path
) -> None:
    weather = Weather(setting, random.Random(seed))
    chance = random.Random(seed + 100)
    blowing = asyncio.create_task(weather.blow())
    people = [
        asyncio.create_task(converse(setting, random.Random(chance.random()), address, share))
        for address in (ANN, OLGA)
        for share in range(2)
    ]
    try:
        await asyncio.gather(*people)
    finally:
        weather.ends = True
        await blowing
    assert weather.changes > 10


INPUTS_EACH = 40


async def converse(setting: Setting, chance: random.Random, address: Address, share: int) -> None:
    """Two of these share a chat, as two lanes do when a number moves to a scoped id."""
    for number in range(share * 1000, share * 1000 + INPUTS_EACH):
        while True:
            said_before = set(setting.said[address])
            try:
                document = await takes_in(chance.choice(setting.stores), number, address)
            except (Conflict, Unavailable):
                await asyncio.sleep(chance.uniform(0, 0.02))
                continue
            missing = [one for one in said_before if not document.has_seen(one)]
            assert not missing, f"{len(missing)} of {len(said_before)} are forgotten"
            setting.said[address].add(an_input(number))
            break


@dataclass
class Weather:
    """Everything fails now and then, alone or together."""

    setting: Setting
    chance: random.Random
    copies: list[Path] = field(default_factory=list)
    changes: int = 0
    ends: bool = False

    async def blow(self) -> None:
        while not self.ends:
            await asyncio.sleep(self.chance.uniform(0, 0.03))
            await self.chance.choice([self._cable, self._desk, self._redis, self._fine])()
            self.changes += 1

    async def _cable(self) -> None:
        cable = self.chance.choice(self.setting.cables)
        await self.chance.choice([cable.cut, cable.mend])()

    async def _desk(self) -> None:
        self.setting.desk.mood = self.chance.choice(["answers", "is away", "forgets to answer"])

    async def _redis(self) -> None:
        redis = self.setting.redis
        if self.chance.random() < 0.5:
            self.copies.append(await asyncio.to_thread(redis.copy, f"{len(self.copies)}.rdb"))
            return
        redis.kill()
        data = self.chance.choice([None, *self.copies])
        await asyncio.sleep(self.chance.uniform(0, 0.05))
        await asyncio.to_thread(redis.start, data)

    async def _fine(self) -> None:
        self.setting.desk.mood = "answers"
        for cable in self.setting.cables:
            await cable.mend()
