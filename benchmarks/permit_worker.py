"""A process that does nothing but take permits, and says when it had each."""

import asyncio
import json
import sys
import time

from contracts import Platform
from contracts.topology import ring
from notifier.permits import Permits
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.health import Health
from runtime.settings import ServiceSettings

WAITERS = 64
"""As many as there are lanes."""


async def main(nats_url: str, platform: Platform, account: str, permits: int) -> None:
    """Say that it is there; then take permits until the time of `time.monotonic`, which all
    processes here share, that comes on stdin.
    """
    broker = Broker("notifier", ServiceSettings(nats_url=nats_url))
    await broker.frame.connect()
    limiter = Permits(broker, Health("notifier", 1, Clock()), ring(platform, account, permits))
    granted: list[float] = []
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    until = float(await asyncio.to_thread(sys.stdin.readline))

    async def take() -> None:
        while True:
            await limiter.take("bulk")
            granted.append(time.monotonic())

    waiters = [asyncio.create_task(take()) for _ in range(WAITERS)]
    await asyncio.sleep(until - time.monotonic())
    for waiter in waiters:
        waiter.cancel()
    await limiter.close()
    await broker.frame.stop()
    sys.stdout.write(json.dumps(granted))


if __name__ == "__main__":
    url, account_id, permits_count = sys.argv[1:]
    asyncio.run(main(url, "telegram", account_id, int(permits_count)))
