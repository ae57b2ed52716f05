"""What a person wrote was set aside and is sent again: answered, after what they wrote since."""

import asyncio
import os
import subprocess
import sys

import pytest
from conversation_house import House, house_at
from conversation_talk import ANN
from test_conversation_handlers import a_process, item, until_worked_off

from contracts import InboundMessage, derived_id
from runtime.broker import Broker
from runtime.settings import ServiceSettings


async def dead(url: str, *arguments: str) -> int:
    """`./task dead`; its exit code."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime.dead", *arguments),
        env=os.environ | {"NATS_URL": url},
        stdout=subprocess.DEVNULL,
    )
    return await asyncio.wait_for(process.wait(), 60)


async def set_aside(url: str, *inputs: InboundMessage) -> None:
    """As the runtime does it after a bug that is repaired by now."""
    broker = Broker("tester", ServiceSettings(nats_url=url))
    await broker.frame.connect()
    for one in inputs:
        await broker.set_aside(
            f"inbound.telegram.7.{ANN.chat_key}",
            one.model_dump_json().encode(),
            reason="bug: KeyError",
            id=f"INBOUND-1-{one.id}",
            origin="conversation-inbound",
            headers={"Turnout-Message-Id": str(one.id), "Turnout-Deliveries": "8"},
        )
    await broker.stop()


async def answered(house: House, count: int) -> list[str]:
    """Whose answers were published, in their order, as soon as there are so many."""
    async with asyncio.timeout(20):
        while len(house.published) < count:
            await asyncio.sleep(0.02)
    return house.published


def answer_to(one: InboundMessage) -> str:
    return str(derived_id(one.id, 0))


async def kept_at(house: House) -> list[str]:
    jetstream = house.client.jetstream()
    info = await jetstream.stream_info("DEAD", subjects_filter=">")
    return sorted(info.state.subjects or {})


@pytest.mark.parametrize("forgotten", [False, True], ids=["redriven", "forgotten"])
async def test_an_input_sent_again_is_answered_at_the_chat_s_tail(
    provisioned: str, forgotten: bool
) -> None:
    """Unless the chat was forgotten before: then there is nothing to send again."""
    first, second, since = item("/start"), item("/events"), item("/my")
    async with house_at(provisioned) as house:
        await set_aside(provisioned, first, second)
        assert await kept_at(house) == [f"dead.inbound.telegram.{ANN.chat_key}"]
        await house.says(since)
        if forgotten:
            assert await dead(provisioned, "forget", "telegram", ANN.chat_key) == 0
        again = await dead(provisioned, "redrive", "--origin", "conversation-inbound")
        assert again == (1 if forgotten else 0)

        with a_process(provisioned):
            expected = [since] if forgotten else [since, first, second]
            assert await answered(house, len(expected)) == [answer_to(one) for one in expected]
            await until_worked_off(house)
        assert house.published == [answer_to(one) for one in expected]
        assert await kept_at(house) == []


async def test_an_input_that_was_answered_is_not_answered_anew(provisioned: str) -> None:
    """The stream does not know it any more; the chat's document does."""
    said, since = item("/start"), item("/events")
    async with house_at(provisioned) as house:
        with a_process(provisioned):
            await house.says(said)
            assert await answered(house, 1) == [answer_to(said)]
            await until_worked_off(house)
            await set_aside(provisioned, said)
            assert await dead(provisioned, "redrive", "--all") == 0
            await house.says(since)
            await until_worked_off(house)
            assert answer_to(since) in await answered(house, 2)
        assert len(await house.messages()) == 2


async def test_an_input_that_nobody_understands_is_kept_under_its_chat(provisioned: str) -> None:
    """It dies again, for this release understands it no better; the chat goes on meanwhile."""
    strange = item("/start").model_dump_json().replace('"kind":"text"', '"kind":"hologram"')
    since = item("/start")
    async with house_at(provisioned) as house:
        with a_process(provisioned):
            await house.client.jetstream().publish(since.route(), strange.encode())
            await house.says(since)
            assert await answered(house, 1) == [answer_to(since)]
            assert await kept_at(house) == [f"dead.inbound.telegram.{ANN.chat_key}"]
            assert await dead(provisioned, "redrive", "--all") == 0
            await until_worked_off(house)
        assert await kept_at(house) == [f"dead.inbound.telegram.{ANN.chat_key}"]
