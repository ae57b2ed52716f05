"""What reading one item costs: ours, and the libraries' own, which the gateway does not import.

In a process of its own, for the libraries alone are larger than the gateway.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from aiogram.types import Update
from pywa import WhatsApp

from benchmarks.gateway_payloads import PHONE_ID, notification, update
from gateway import telegram, whatsapp

ITEMS = 300
REPETITIONS = 7


def _seconds_each(read: Callable[[bytes], object], bodies: list[bytes], items: int) -> float:
    """The best of some rounds: what disturbs only adds."""
    best = float("inf")
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        for body in bodies:
            read(body)
        best = min(best, (time.perf_counter() - started) / items)
    return best


def measure() -> dict[str, float]:
    """Seconds per item, by reader."""
    now = datetime.now(UTC)
    updates = [update(number) for number in range(ITEMS)]
    single = [notification(number, 1) for number in range(ITEMS)]
    client = WhatsApp(phone_id=PHONE_ID, token="none", server=None, skip_duplicate_updates=False)  # noqa: S106
    return {
        "telegram": _seconds_each(lambda body: telegram.read(body, "123456", now), updates, ITEMS),
        "aiogram": _seconds_each(
            lambda body: Update.model_validate(json.loads(body)), updates, ITEMS
        ),
        "whatsapp": _seconds_each(
            lambda body: whatsapp.read(body, {PHONE_ID}, now), [notification(0, ITEMS)], ITEMS
        ),
        # One at a time, for of a batch pywa reads the first item and no other.
        "pywa": _seconds_each(client.webhook_update_handler, single, ITEMS),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()))
