"""A bounded load of POSTs over kept connections, cheap enough not to be the bottleneck."""

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Load:
    """What one round saw."""

    per_second: float
    p99_seconds: float


async def post(
    port: int, request: Callable[[int], bytes], *, requests: int, connections: int
) -> Load:
    """Send `requests` raw HTTP/1.1 requests to loopback over `connections` connections.

    Raises:
        AssertionError: one was not answered with 200.
    """
    numbers = iter(range(requests))
    taken: list[float] = []

    async def worker() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            started = time.perf_counter()
            writer.write(request(number))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            taken.append(time.perf_counter() - started)
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    seconds = time.perf_counter() - started
    return Load(requests / seconds, statistics.quantiles(taken, n=100)[98])
