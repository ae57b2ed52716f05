"""The yardstick of a batch: nats-py's own window of publishes, and nothing else.

`python -m benchmarks.bare_publish URL COUNT WINDOW` prints messages a second, and
messages per second of its processor time.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime

import nats
import uvloop

from benchmarks.gateway_payloads import PHONE_ID, notification
from gateway import whatsapp


async def run(url: str, count: int, window: int) -> tuple[float, float]:
    """What a batch comes to, already made, published and acknowledged."""
    client = await nats.connect(url)
    jetstream = client.jetstream(publish_async_max_pending=window)
    # One person more often than the other is no matter here.
    reading = whatsapp.read(notification(time.time_ns(), count), {PHONE_ID}, datetime.now(UTC))
    made = [
        (each.route(), each.model_dump_json().encode(), {"Nats-Msg-Id": str(each.id)})
        for each in reading.messages.values()
    ]
    started, busy_before = time.perf_counter(), time.process_time()
    futures = [
        await jetstream.publish_async(subject, body, headers=headers)
        for subject, body, headers in made
    ]
    await asyncio.gather(*futures)
    seconds, busy_seconds = time.perf_counter() - started, time.process_time() - busy_before
    await client.close()
    return len(made) / seconds, len(made) / busy_seconds


if __name__ == "__main__":
    rates = uvloop.run(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    sys.stdout.write(" ".join(map(str, rates)))
