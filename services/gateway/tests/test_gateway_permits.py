"""What people write to a WhatsApp number counts against its limit, as what is sent does."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from gateway_cases import METADATA, PHONE_ID
from gateway_house import WAIT_SECONDS_MAX, Gateway, running, settings
from nats.aio.client import Client

from contracts.topology import WHATSAPP_PERMITS_PER_SECOND, ring
from runtime import faults

NUMBER_PER_SECOND = 80
"""What Meta takes, in and out (platforms.md B5)."""
WRITTEN_PER_SECOND = 25
SECONDS = 4.0
RING = ring("whatsapp", PHONE_ID)
ASK = f"$JS.API.CONSUMER.MSG.NEXT.{RING.stream}.{RING.consumer}"


def notification(*numbers: int) -> dict[str, Any]:
    """Texts by people, one each."""
    texts = [
        {
            "id": f"wamid.{number}",
            "from": f"1650555{number:0>4}",
            "timestamp": str(int(time.time())),
            "type": "text",
            "text": {"body": "hi"},
        }
        for number in numbers
    ]
    value = {"messaging_product": "whatsapp", "metadata": METADATA, "messages": texts}
    entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


async def until(gateway: Gateway, fact: Callable[[int], bool]) -> int:
    """How many permits are out, once it is as it should be."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while True:
            info = await gateway.jetstream.consumer_info(RING.stream, RING.consumer)
            if fact(info.num_ack_pending or 0):
                return info.num_ack_pending or 0
            await asyncio.sleep(0.02)


async def test_each_text_of_a_person_takes_a_permit(gateway: Gateway) -> None:
    assert (await gateway.whatsapp(notification(1))).status_code == 200
    assert await until(gateway, lambda out: out == 1)
    # They come back by themselves, so count those that have not yet.
    assert (await gateway.whatsapp(notification(*range(2, 7)))).status_code == 200
    assert await until(gateway, lambda out: out >= 5) <= 6
    assert (await gateway.whatsapp({"object": "whatsapp_business_account"})).status_code == 200


async def test_a_flood_of_texts_leaves_permits_for_the_answers(gateway: Gateway) -> None:
    assert (await gateway.whatsapp(notification(*range(60)))).status_code == 200
    out = await until(gateway, bool)
    assert out < WHATSAPP_PERMITS_PER_SECOND / 2


async def test_a_text_is_stored_whether_there_is_a_ring_or_not(gateway: Gateway) -> None:
    await gateway.jetstream.delete_stream(RING.stream)
    for number in range(3):
        assert (await gateway.whatsapp(notification(number))).status_code == 200
    assert len(await gateway.stored("INBOUND")) == 3


async def sending(client: Client, until_at: float) -> list[float]:
    """Take permits as a notifier with too much to send does, one after another."""
    granted = []
    while time.monotonic() < until_at:
        request = b'{"batch":1,"expires":400000000}'
        answer = await client.request(ASK, request, timeout=2, old_style=True)
        if not answer.headers:
            granted.append(time.monotonic())
    return granted


async def writing(gateway: Gateway, until_at: float) -> list[float]:
    """Let people write at a steady rate; when each did."""
    written: list[float] = []
    posts = []
    begins = time.monotonic()
    while (now := time.monotonic()) < until_at:
        written.append(now)
        posts.append(asyncio.create_task(gateway.whatsapp(notification(len(written)))))
        next_at = begins + len(written) / WRITTEN_PER_SECOND
        await asyncio.sleep(max(next_at - time.monotonic(), 0))
    for answer in await asyncio.gather(*posts):
        assert answer.status_code == 200
    return written


def most_in_a_second(times: list[float]) -> int:
    """The fullest window of a second, wherever it begins."""
    return max(sum(start <= at < start + 1 for at in times) for start in times)


@pytest.mark.parametrize("counted", [True, False])
async def test_in_and_out_together_keep_the_numbers_limit(provisioned: str, counted: bool) -> None:
    """And the control: it is broken as soon as what people write is not counted."""
    broken = {} if counted else {"turnout_test": True, "turnout_break": "inbound-permits"}
    async with running(settings(provisioned, **broken)) as http:
        gateway = await Gateway.reached(http, provisioned)
        until_at = time.monotonic() + SECONDS
        *out, written = await asyncio.gather(
            *(sending(gateway.client, until_at) for _ in range(2)), writing(gateway, until_at)
        )
        await gateway.close()
    faults.plant(settings(provisioned))
    most = most_in_a_second([*written, *(at for times in out for at in times)])
    if counted:
        assert most <= NUMBER_PER_SECOND
        assert most >= 0.8 * NUMBER_PER_SECOND, "and it is used"
    else:
        assert most > NUMBER_PER_SECOND
