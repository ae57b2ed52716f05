"""A platform that fails and does not say why: is it this message, or everything?"""

import asyncio

import httpx
from notifier_stage import Stage

from notifier.outage import STUMBLING_CHATS_MIN, Outage


def test_one_chat_that_fails_again_and_again_is_no_outage() -> None:
    outage = Outage("whatsapp", "1", now=lambda: 0.0)
    assert not any(outage.stumbled("ann", "whatsapp-131000") for _ in range(10))
    assert outage.reason is None


def test_several_chats_without_an_answer_that_is_well_are_one() -> None:
    outage = Outage("whatsapp", "1", now=lambda: 0.0)
    *first, last = [outage.stumbled(str(n), "whatsapp-131000") for n in range(STUMBLING_CHATS_MIN)]
    assert (any(first), last) == (False, True)
    outage.end()
    assert not outage.stumbled("ann", "whatsapp-131000")


async def test_a_platform_that_fails_at_everything_costs_no_message(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    """For longer than one message would be tried."""
    people = [await stage.person("whatsapp") for _ in range(5)]
    await stage.fault("500", "whatsapp")
    messages = [await stage.send(person) for person in people]
    await stage.until_parked(len(messages))
    # More calls than five messages with three tries each may make.
    async with asyncio.timeout(90):
        while len(await stage.calls(outcome="refused")) < 5 * 3 + 1:
            await asyncio.sleep(0.1)
    await stage.platforms.delete("/sim/faults")
    for message in messages:
        assert await stage.outcome(message) == ("accepted", None, False)
