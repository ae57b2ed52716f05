"""How many people a WhatsApp portfolio writes to first in a day, over all its processes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from notifier_house import PHONE_ID, whatsapp_address

from contracts import Address
from contracts.topology import Tier
from notifier.tier import TierLimit
from runtime.broker import Broker
from runtime.failures import Unavailable
from runtime.provision import provision
from runtime.settings import ServiceSettings

TIER = Tier(portfolio="99", recipients=20)
PEOPLE = 50


@pytest_asyncio.fixture
async def brokers(provisioned: str) -> AsyncIterator[list[Broker]]:
    """Two processes, and the portfolio's stream."""
    found = [Broker("notifier", ServiceSettings(nats_url=provisioned)) for _ in range(2)]
    for broker in found:
        await broker.frame.connect()
    await provision(found[0].jetstream, [], tiers=[TIER])
    yield found
    await found[0].jetstream.delete_stream(TIER.stream)
    for broker in found:
        await broker.frame.stop()


def person(number: int, account: str = PHONE_ID) -> Address:
    return whatsapp_address(f"1650555{number:04}").model_copy(update={"account": account})


async def test_two_processes_admit_exactly_as_many_people_as_they_may(
    brokers: list[Broker],
) -> None:
    first, second = (TierLimit(broker, TIER) for broker in brokers)
    # Everybody from both, at the same time and from two numbers of the portfolio.
    admitted = await asyncio.gather(
        *(
            limit.admit(person(number, account))
            for number in range(PEOPLE)
            for limit, account in ((first, "1"), (second, "2"))
        )
    )
    pairs = list(zip(admitted[::2], admitted[1::2], strict=True))
    assert all(one == other for one, other in pairs), "one person counts once"
    assert sum(one for one, _ in pairs) == TIER.recipients


async def test_without_the_stream_two_processes_would_admit_twice_as_many() -> None:
    """The negative control: each counts by itself, as it would without the broker."""
    counted: list[set[int]] = [set(), set()]
    for number in range(PEOPLE):
        mine = counted[number % 2]
        if len(mine) < TIER.recipients:
            mine.add(number)
    assert len(counted[0] | counted[1]) == 2 * TIER.recipients


async def test_who_was_written_to_today_may_be_written_to_again_when_it_is_full(
    brokers: list[Broker],
) -> None:
    limit = TierLimit(brokers[0], TIER)
    for number in range(TIER.recipients):
        assert await limit.admit(person(number))
    assert not await limit.admit(person(PEOPLE))
    assert await limit.admit(person(3))
    assert not await limit.admit(person(PEOPLE))


async def test_nobody_is_admitted_when_nobody_can_tell(brokers: list[Broker]) -> None:
    missing = TierLimit(brokers[0], replace(TIER, portfolio="0"))
    with pytest.raises(Unavailable, match="task streams"):
        await missing.admit(person(1))


async def test_a_larger_tier_admits_more_at_once(brokers: list[Broker]) -> None:
    limit = TierLimit(brokers[0], TIER)
    admitted = [await limit.admit(person(number)) for number in range(PEOPLE)]
    assert sum(admitted) == TIER.recipients
    await provision(brokers[0].jetstream, [], tiers=[replace(TIER, recipients=30)])
    admitted = [await limit.admit(person(number)) for number in range(PEOPLE)]
    assert sum(admitted) == 30
