"""Has everything been worked off? Asked of the broker and of the platforms."""

import asyncio
from typing import Any

import httpx

POLL_SECONDS = 0.1


async def until_quiet(simulator: str, monitor: str, seconds_max: float) -> dict[str, int]:
    """Wait until no webhook is pending and every consumer's queue is empty.

    Args:
        simulator: its URL.
        monitor: URL of nats-server's monitor.
        seconds_max: how long to wait.

    Returns:
        How many messages each stream has ever stored.

    Raises:
        TimeoutError: something still waits; the message says what.
    """
    before: dict[str, int] | None = None
    waiting = "nothing was looked at"
    try:
        async with (
            asyncio.timeout(seconds_max),
            httpx.AsyncClient(timeout=5, trust_env=False) as client,
        ):
            while True:
                waiting, counts = await _look(client, simulator, monitor)
                # Twice the same: nothing was between two places when we looked.
                if not waiting and counts == before:
                    return counts
                before = counts
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise TimeoutError(f"not quiet after {seconds_max:.0f} s: {waiting}") from None


async def _look(
    client: httpx.AsyncClient, simulator: str, monitor: str
) -> tuple[str, dict[str, int]]:
    try:
        stats = await client.get(f"{simulator}/sim/stats")
        jetstream = await client.get(f"{monitor}/jsz?consumers=true&config=true")
        return what_waits(stats.raise_for_status().json(), jetstream.raise_for_status().json())
    except httpx.HTTPError as error:
        return f"{type(error).__name__} while looking", {}


def what_waits(stats: Any, jetstream: Any) -> tuple[str, dict[str, int]]:
    """What is still to be worked off, in words, and each stream's count.

    Args:
        stats: the simulator's `/sim/stats`.
        jetstream: nats-server's `/jsz` with consumers.
    """
    waiting = [f"webhooks {pending}" for pending in _pending(stats) if pending]
    counts: dict[str, int] = {}
    for account in jetstream.get("account_details") or []:
        for stream in account.get("stream_detail") or []:
            name = stream["name"]
            # The permits of a ring go round for ever, and nobody works off a bucket.
            if name.startswith(("RING_", "KV_")):
                continue
            counts[name] = stream["state"]["last_seq"]
            if name == "PARKED" and stream["state"]["messages"]:
                # It has no consumer: wakes fetch what stands there when its time has come.
                waiting.append(f"parked {stream['state']['messages']}")
            for consumer in stream.get("consumer_detail") or []:
                left = consumer["num_pending"] + consumer["num_ack_pending"]
                if left:
                    waiting.append(f"{consumer['name']} {left}")
    return ", ".join(waiting), counts


def _pending(stats: Any) -> list[int]:
    """Every number called `pending`, wherever it stands."""
    if not isinstance(stats, dict):
        return []
    here = [stats["pending"]] if isinstance(stats.get("pending"), int) else []
    return here + [number for inner in stats.values() for number in _pending(inner)]
