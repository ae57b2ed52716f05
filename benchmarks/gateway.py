"""A signed Telegram webhook to JetStream's ack and 200, beside a route that only reads the body."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.load import post
from benchmarks.results import Comparison
from runtime.testing import NatsServer, free_port

ROUNDS = 5
REQUESTS_PER_ROUND = 2000
CONNECTIONS = 32
START_SECONDS_MAX = 30.0
SECRET = "demo-telegram-secret"  # noqa: S105 - the demo's, known to everybody


def webhook(number: int) -> bytes:
    """A text message of its own, so that none is a duplicate."""
    person = {"id": number % 500 + 1, "is_bot": False, "first_name": "Ann", "language_code": "en"}
    body = json.dumps(
        {
            "update_id": time.time_ns() % 10**12 + number,
            "message": {
                "message_id": number,
                "from": person,
                "chat": {"id": person["id"], "type": "private", "first_name": "Ann"},
                "date": 1_800_000_000,
                "text": "1",
            },
        }
    ).encode()
    head = (
        "POST /telegram HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-Telegram-Bot-Api-Secret-Token: {SECRET}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextmanager
def process(*command: str, **environment: str) -> Iterator[None]:
    """A process that ends with the block."""
    child = subprocess.Popen(  # noqa: S603 - our own modules, no outside input
        [sys.executable, *command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        child.terminate()
        child.wait(20)


async def answering(port: int) -> None:
    """Wait until the port is open."""
    async with asyncio.timeout(START_SECONDS_MAX):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def run() -> list[Comparison]:
    """Both sides in one run, taking turns."""
    rate = Comparison(
        "gateway: signed webhook → JetStream ack → 200",
        "webhooks/s",
        "bare FastAPI route that reads the body",
        aim=0.6,
    )
    tail = Comparison("gateway: p99 of the same", "ms", "the bare route's p99")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        nats = NatsServer(folder)
        nats.start()
        stack.callback(nats.kill)
        environment = {
            "NATS_URL": nats.url,
            "TELEGRAM_TOKEN": "123456:demo-telegram-token",
            "TELEGRAM_SECRET": SECRET,
            "WHATSAPP_PHONE_ID": "106540352242922",
            "WHATSAPP_APP_SECRET": "demo-whatsapp-secret",
            "WHATSAPP_VERIFY_TOKEN": "demo-verify-token",
            "LOG_LEVEL": "warning",
        }
        provisioning = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "runtime.provision"),
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await provisioning.wait() == 0, "the streams could not be made"
        ours, bare = free_port(), free_port()
        stack.enter_context(process("-m", "gateway", **environment, HTTP_PORT=str(ours)))
        stack.enter_context(process("-m", "benchmarks.bare_route", str(bare)))
        await asyncio.gather(answering(ours), answering(bare))
        await _warm(ours)
        await _warm(bare)
        for _ in range(ROUNDS):
            for port, rates, tails in (
                (ours, rate.ours, tail.ours),
                (bare, rate.yardstick, tail.yardstick),
            ):
                load = await post(
                    port, webhook, requests=REQUESTS_PER_ROUND, connections=CONNECTIONS
                )
                rates.append(load.per_second)
                tails.append(load.p99_seconds * 1000)
    return [rate, tail]


async def _warm(port: int) -> None:
    """The first requests pay for imports and connections."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            await post(port, webhook, requests=200, connections=4)
        except AssertionError:
            # 503 until the gateway has reached its broker.
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            return
