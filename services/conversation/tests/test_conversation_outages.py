"""The admin hears once that the registry is silent, and once that it is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from conversation_house import House, house_at
from conversation_talk import NOW
from nats.aio.msg import Msg
from nats.js.errors import KeyNotFoundError

from contracts import AccountsAnswer, Address, ListAccounts
from contracts.queries import TelegramAccount
from contracts.topology import FSM
from conversation.outages import (
    KEY,
    NOTICED_AFTER_SECONDS,
    OVER_AFTER,
    Moment,
    Outage,
    Outages,
    seen,
)
from conversation.registry import Registry
from conversation.settings import Settings
from runtime.service import Service
from runtime.testing import eventually

ADMIN = Address(platform="telegram", account="123456", chat_id="99")
LONG = timedelta(seconds=NOTICED_AFTER_SECONDS)
SECOND = timedelta(seconds=1)


def begun() -> Outage:
    found = seen(None, "registry", LONG, NOW)
    assert found is not None
    return found


def test_a_blip_is_no_outage() -> None:
    assert seen(None, "registry", LONG - SECOND, NOW) is None
    assert seen(None, None, timedelta(), NOW) is None


def test_an_outage_begins_when_the_silence_began() -> None:
    assert begun().began_at == NOW - LONG
    assert begun().untold == "began"


def test_an_outage_is_over_once_nobody_has_met_silence_for_a_while() -> None:
    told = begun().and_told("began")
    assert told.untold is None
    assert seen(told, None, timedelta(), NOW + OVER_AFTER - SECOND) == told
    # Another replica still meets it: the same outage goes on.
    longer = seen(told, "registry", timedelta(), NOW + OVER_AFTER)
    assert longer is not None
    assert longer.id == told.id
    assert seen(longer, None, timedelta(), NOW + OVER_AFTER + SECOND) == longer
    over = seen(longer, None, timedelta(), NOW + OVER_AFTER * 2)
    assert over is not None
    assert over.over
    assert over.untold == "over"


def test_the_next_outage_is_another_one() -> None:
    over = seen(begun().and_told("began"), None, timedelta(), NOW + OVER_AFTER)
    assert over is not None
    later = NOW + timedelta(hours=1)
    assert seen(over.and_told("over"), "postgres", SECOND, later) == over.and_told("over")
    second = seen(over.and_told("over"), "postgres", LONG, later)
    assert second is not None
    assert second.id != over.id
    assert (second.missing, second.told, second.over) == ("postgres", (), False)


@asynccontextmanager
async def a_replica(url: str, chat: str | None = ADMIN.chat_id) -> AsyncIterator[None]:
    """A replica that only watches."""
    service = Service("conversation", Settings(nats_url=url))
    registry = Registry(service.broker, service.clock)
    service.own(registry)
    service.own(
        Outages(service.broker, registry, service.clock, chat=chat, language="en", look_seconds=0.1)
    )
    app = service.build()
    async with app.router.lifespan_context(app):
        await eventually(lambda: service.health.started)
        yield


@asynccontextmanager
async def a_house(url: str) -> AsyncIterator[House]:
    """One in which the notifier knows our bot."""

    async def accounts(message: Msg) -> None:
        bot = TelegramAccount(account=ADMIN.account, username="turnout_bot")
        await message.respond(AccountsAnswer(telegram=(bot,)).model_dump_json().encode())

    async with house_at(url) as house:
        await house.client.subscribe(ListAccounts.subject, cb=accounts)
        await house.client.flush()
        yield house


async def the_outage(house: House) -> Outage | None:
    bucket = await house.client.jetstream().key_value(FSM.name)
    try:
        return Outage.model_validate_json((await bucket.get(KEY)).value or b"")
    except KeyNotFoundError:
        return None


async def until_told(house: House, moment: Moment) -> None:
    async with asyncio.timeout(20):
        while (outage := await the_outage(house)) is None or moment not in outage.told:
            await asyncio.sleep(0.05)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test does not last as long as an outage."""
    monkeypatch.setattr("conversation.outages.NOTICED_AFTER_SECONDS", 0.3)
    monkeypatch.setattr("conversation.outages.OVER_AFTER", timedelta(seconds=0.5))


@pytest.mark.usefixtures("impatient")
async def test_three_replicas_tell_the_admin_once_when_it_begins_and_once_when_it_is_over(
    provisioned: str,
) -> None:
    async with (
        a_house(provisioned) as house,
        a_replica(provisioned),
        a_replica(provisioned),
        a_replica(provisioned),
    ):
        house.world.silent = True
        (began,) = await house.hears(1)
        assert began.address == ADMIN
        assert began.route().startswith("out.transactional.telegram.")
        assert "has not answered since" in began.text
        assert "(missing: postgres)" in began.text
        house.world.silent = False
        _, over = await house.hears(2)
        assert "answers again" in over.text
        await settled(house)
        assert len(await house.messages()) == 2


async def settled(house: House) -> None:
    """Every replica has looked a few times since."""
    looks = len(house.asked) + 12
    await eventually(lambda: len(house.asked) >= looks)


@pytest.mark.usefixtures("impatient")
async def test_who_noticed_it_may_die_and_the_end_is_told_all_the_same(provisioned: str) -> None:
    async with a_house(provisioned) as house:
        house.world.silent = True
        async with a_replica(provisioned):
            await house.hears(1)
        house.world.silent = False
        async with a_replica(provisioned):
            began, over = await house.hears(2)
            assert "answers again" in over.text
            assert over.id != began.id


@pytest.mark.usefixtures("impatient")
async def test_who_noticed_it_may_die_before_telling_and_another_tells(provisioned: str) -> None:
    async with a_house(provisioned) as house:
        house.world.silent = True
        outage = begun()
        bucket = await house.client.jetstream().key_value(FSM.name)
        await bucket.create(KEY, outage.model_dump_json().encode())
        async with a_replica(provisioned), a_replica(provisioned):
            (began,) = await house.hears(1)
            assert began.correlation_id == outage.id
            await settled(house)
        assert len(await house.messages()) == 1


@pytest.mark.usefixtures("impatient")
async def test_without_a_chat_the_outage_is_only_written_down(provisioned: str) -> None:
    async with a_house(provisioned) as house, a_replica(provisioned, chat=None):
        house.world.silent = True
        await until_told(house, "began")
        house.world.silent = False
        await until_told(house, "over")
        assert await house.messages() == []
