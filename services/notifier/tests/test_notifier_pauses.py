"""What a platform finds too fast pauses what it means, on every replica, and nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Literal

import pytest
import pytest_asyncio
from notifier_house import BOT, NOON, PHONE_ID, telegram_address, whatsapp_address

from contracts import Address
from contracts.topology import PEERS, ring
from notifier.again import JITTER_SHARE_MAX
from notifier.floods import Floods, Refusal
from notifier.limits import ACCOUNT_PAUSE_SECONDS_DEFAULT, Limits
from notifier.pauses import PAUSE_SECONDS_MAX, SLOW_FACTOR_MAX, SLOW_SECONDS, Pause
from notifier.peers import Peers
from notifier.permits import Paused
from notifier.verdicts import Throttled
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.documents import Documents
from runtime.health import Health
from runtime.settings import ServiceSettings

HEARD_SECONDS_MAX = 0.2
TELEGRAM, WHATSAPP = ring("telegram", BOT), ring("whatsapp", PHONE_ID)


class Replica:
    """The limits of two accounts, in one process."""

    def __init__(self, broker: Broker, peers: Documents) -> None:
        self.peers = Peers(peers)
        health = Health("notifier", 1, Clock())
        self.telegram, self.whatsapp = (
            Limits(broker, health, peers, one) for one in (TELEGRAM, WHATSAPP)
        )

    def of(self, address: Address) -> Limits:
        return self.telegram if address.platform == "telegram" else self.whatsapp

    async def refused(
        self,
        address: Address,
        after_seconds: float | None = None,
        *,
        scope: Literal["chat", "account"] = "chat",
        reason: str = "telegram-429",
    ) -> float:
        """A platform refused a call; how long this chat waits now."""
        verdict = Throttled(reason=reason, scope=scope, after_seconds=after_seconds)
        return await self.of(address).throttled(await self.peers.open(address), verdict)


@pytest_asyncio.fixture
async def replicas(provisioned: str) -> AsyncIterator[list[Replica]]:
    """Three processes."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(3):
            broker = Broker("notifier", ServiceSettings(nats_url=provisioned))
            await broker.frame.connect()
            stack.push_async_callback(broker.frame.stop)
            found.append(Replica(broker, await broker.bucket(PEERS)))
            for limits in (found[-1].telegram, found[-1].whatsapp):
                limits.start()
                stack.push_async_callback(limits.close)
        # They listen as soon as the broker has heard so.
        for replica in found:
            await replica.peers.open(telegram_address())
        yield found


async def paused_within(limits: list[Limits], seconds: float) -> None:
    """Wait until all of these know of a pause.

    Raises:
        TimeoutError: one has not heard of it.
    """
    async with asyncio.timeout(seconds):
        while not all(one.pauses.seconds for one in limits):
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("seconds", [1.0, 30.0, 6 * 3600.0])
async def test_every_replica_knows_of_a_pause_at_once(
    replicas: list[Replica], seconds: float
) -> None:
    first, *others = replicas
    began = time.monotonic()
    pausing = asyncio.create_task(
        first.refused(telegram_address(), seconds, scope="account"), name="a 429 at bot scope"
    )
    await paused_within([one.telegram for one in others], HEARD_SECONDS_MAX)
    assert await pausing == pytest.approx(seconds, abs=HEARD_SECONDS_MAX)
    for one in others:
        assert one.telegram.pauses.until == first.telegram.pauses.until
        assert not one.whatsapp.pauses.seconds, "another account goes on"
    with pytest.raises(Paused) if seconds > 1 else pytest.raises(TimeoutError):
        async with asyncio.timeout(max(0.5 - (time.monotonic() - began), 0.01)):
            await others[0].telegram.permits.take("reply")


async def test_who_waits_for_a_permit_is_sent_to_park_within_the_same_time(
    replicas: list[Replica],
) -> None:
    first, second, _ = replicas
    # More than the ring holds, so that some wait.
    waiting = [
        asyncio.create_task(second.telegram.permits.take("bulk"))
        for _ in range(3 * TELEGRAM.permits)
    ]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    await first.refused(telegram_address(), 30, scope="account")
    _, still = await asyncio.wait(waiting, timeout=HEARD_SECONDS_MAX)
    assert not still
    sent_to_park = [task for task in waiting if isinstance(task.exception(), Paused)]
    assert len(sent_to_park) >= TELEGRAM.permits


async def test_the_longest_pause_wins_and_a_success_ends_none(replicas: list[Replica]) -> None:
    seconds = (5.0, 40.0, 2.0, 21_600.0, 9.0, 1.0)
    await asyncio.gather(
        *(
            replicas[number % 3].refused(telegram_address(str(number)), each, scope="account")
            for number, each in enumerate(seconds)
        )
    )
    await replicas[1].refused(telegram_address(), 1, scope="account")
    # A call that was under way is accepted: its chat is booked, nothing else changes.
    await (await replicas[2].peers.open(telegram_address("77"))).book()
    await paused_within([one.telegram for one in replicas], 1)
    for one in replicas:
        assert one.telegram.pauses.seconds == pytest.approx(21_600, abs=5)


async def test_a_pause_is_known_to_a_process_that_starts_later(
    provisioned: str, replicas: list[Replica]
) -> None:
    await replicas[0].refused(telegram_address(), 60, scope="account")
    broker = Broker("notifier", ServiceSettings(nats_url=provisioned))
    await broker.frame.connect()
    late = Replica(broker, await broker.bucket(PEERS))
    late.telegram.start()
    await paused_within([late.telegram], 2)
    await late.telegram.close()
    await broker.frame.stop()


async def test_a_pause_holds_where_it_was_learnt_while_nothing_can_be_written(
    replicas: list[Replica], provisioned: str
) -> None:
    broker = Broker("notifier", ServiceSettings(nats_url=provisioned))
    await broker.frame.connect()
    await broker.jetstream.delete_stream(f"KV_{PEERS.name}")
    await replicas[0].telegram.pauses.pause(30)
    assert replicas[0].telegram.pauses.seconds > 29
    with pytest.raises(Paused):
        await replicas[0].telegram.permits.take("reply")
    await broker.frame.stop()


async def test_one_chat_that_gets_too_much_pauses_no_bot(replicas: list[Replica]) -> None:
    for one in replicas:
        await one.refused(telegram_address(), 30)
    with pytest.raises(TimeoutError):
        await paused_within([replicas[0].telegram], 0.5)
    for one in replicas:
        assert (await one.peers.open(telegram_address())).wait_seconds() > 29


async def test_three_chats_at_three_replicas_pause_the_bot_for_the_longest_they_were_told(
    replicas: list[Replica],
) -> None:
    """No replica alone has seen more than one of them."""
    for number, one in enumerate(replicas):
        await one.refused(telegram_address(str(number)), 10.0 + number)
    await paused_within([one.telegram for one in replicas], 1)
    async with asyncio.timeout(2):
        while min(one.telegram.pauses.seconds for one in replicas) < 11:
            await asyncio.sleep(0.01)
    assert max(one.telegram.pauses.seconds for one in replicas) <= 12


def test_three_chats_within_two_seconds_are_three_chats() -> None:
    now = 0.0
    floods = Floods(lambda: now)
    for number in range(6):
        now += 0.6
        assert floods.count(Refusal(chat=str(number), seconds=5)) is None


async def test_a_pair_backs_off_and_the_number_goes_on(replicas: list[Replica]) -> None:
    waits = [
        await replicas[number % 3].refused(whatsapp_address(), reason="whatsapp-131056")
        for number in range(3)
    ]
    # The pair's burst is used up as well, so it waits for its pace at least.
    assert waits[:2] == [pytest.approx(6, abs=0.3), pytest.approx(6, abs=0.3)]
    assert 16 - 0.3 <= waits[2] <= 16 * (1 + JITTER_SHARE_MAX) + 0.3
    assert not any(one.whatsapp.pauses.seconds for one in replicas)
    assert (await replicas[0].peers.open(whatsapp_address("16505550000"))).wait_seconds() == 0


async def test_a_number_that_is_too_fast_goes_at_half_its_rate_for_a_while(
    replicas: list[Replica],
) -> None:
    await replicas[0].refused(whatsapp_address(), 1.0, scope="account", reason="whatsapp-130429")
    await paused_within([one.whatsapp for one in replicas], HEARD_SECONDS_MAX)
    calls: list[float] = []

    async def send(limits: Limits) -> None:
        while True:
            if (await limits.permits.take("bulk")).use():
                calls.append(time.monotonic())

    sending = [asyncio.create_task(send(one.whatsapp)) for one in replicas[:2] for _ in range(8)]
    async with asyncio.timeout(15):
        while not calls or calls[-1] < calls[0] + 2.5:
            await asyncio.sleep(0.05)
    for task in sending:
        task.cancel()
    await asyncio.gather(*sending, return_exceptions=True)
    assert most_in_a_second(calls) <= WHATSAPP.permits / 2 + 2
    assert len(calls) / (calls[-1] - calls[0]) > 0.35 * WHATSAPP.permits


def most_in_a_second(calls: list[float]) -> int:
    """The fullest window of a second, wherever it begins."""
    return max(sum(start <= at < start + 1 for at in calls) for start in calls)


def test_half_the_rate_recovers_step_by_step() -> None:
    pause = Pause(until=NOON)
    assert pause.factor(NOON) == 1
    for factor in (2, 4, 8, 8):
        pause = pause.slow(NOON)
        assert pause.factor(NOON) == factor
    steps = [pause.factor(NOON + timedelta(seconds=n * SLOW_SECONDS)) for n in range(5)]
    assert steps == [SLOW_FACTOR_MAX, 4, 2, 1, 1]


async def test_without_a_time_the_account_waits_a_little(replicas: list[Replica]) -> None:
    seconds = await replicas[0].refused(whatsapp_address(), scope="account", reason="whatsapp-4")
    assert seconds == pytest.approx(ACCOUNT_PAUSE_SECONDS_DEFAULT, abs=0.3)
    assert replicas[0].whatsapp.pauses.factor == 1


async def test_a_platform_that_asks_for_a_month_is_asked_again_after_a_day(
    replicas: list[Replica],
) -> None:
    seconds = await replicas[0].refused(telegram_address(), 30 * 86_400, scope="account")
    assert seconds == pytest.approx(PAUSE_SECONDS_MAX, abs=1)
