"""A million chats as they are stored: real documents of other chats, under other numbers."""

import asyncio
import sys
import time

from benchmarks.chats import FIRST_CHAT, address
from benchmarks.waiting import Inbound
from contracts.topology import FSM

SAMPLES = 100
PUBLISHED_UNCONFIRMED_MAX = 2_000
"""Then one is confirmed, and with it all before it: the stream takes them in one order."""

STORED_SECONDS_MAX = 30.0


async def store_chats(source: Inbound, target: Inbound, count: int) -> None:
    """Write `count` documents into the target's bucket, as like as may be to the source's."""
    bucket = await source.jetstream.key_value(FSM.name)
    samples: list[tuple[bytes, bytes]] = []
    for number in range(SAMPLES):
        chat = address(number)
        entry = await bucket.get(f"{chat.platform}.{chat.chat_key}")
        samples.append((chat.chat_id.encode(), entry.value or b""))
    began = time.perf_counter()
    for number in range(count):
        chat_id, document = samples[number % SAMPLES]
        chat = address(number)
        subject = f"$KV.{FSM.name}.{chat.platform}.{chat.chat_key}"
        body = document.replace(chat_id, str(FIRST_CHAT + number).encode())
        if number % PUBLISHED_UNCONFIRMED_MAX:
            await target.client.publish(subject, body)
        else:
            await target.jetstream.publish(subject, body, timeout=30)
    await target.client.flush(timeout=60)
    state = (await target.jetstream.stream_info(f"KV_{FSM.name}")).state
    async with asyncio.timeout(STORED_SECONDS_MAX):
        while state.messages < count:  # the last ones are still on their way to the disk
            await asyncio.sleep(0.1)
            state = (await target.jetstream.stream_info(f"KV_{FSM.name}")).state
    sys.stdout.write(
        f"  {count:,} chats stored in {time.perf_counter() - began:.0f} s, "
        f"{state.bytes / 2**30:.1f} GiB\n"
    )
