"""A wake says which parked chat may be sent to: at once, or when its time has come."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from contracts import Address, Platform
from notifier import real_time
from runtime import traces
from runtime.broker import UNREACHABLE, Broker
from runtime.failures import Unavailable

TICK_SECONDS = 0.25
"""The server looks at schedules no more often (nats.md 4)."""


@dataclass(frozen=True, slots=True)
class Wake:
    """What a lane of wakes delivers."""

    address: Address
    bugs: int
    """How often our own code has failed at the head of the chat; the body of the message."""


def read_wake(subject: str, body: bytes) -> Wake:
    """The wake that is stored at `woken.<platform>.<account>.<lane>.<chat>`.

    Raises:
        ValueError: it is none.
    """
    _, platform, _, _, chat = subject.split(".")
    return Wake(Address.from_key(cast(Platform, platform), chat), bugs=int(body))


class Wakes:
    """Where wakes come from. One too many is harmless: it finds nothing to do."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def at(self, address: Address, when: datetime | None, *, bugs: int = 0) -> None:
        """Wake the chat at that time; a later word about the time replaces this one.

        Args:
            address: the chat.
            when: real time; None or past: at once.
            bugs: see `Wake`.

        Raises:
            Unavailable: the broker does not answer.
        """
        place = f"{address.platform}.{address.account_key}.{address.chat_key}"
        headers: dict[str, str] = {}
        traces.inject(headers)
        subject = f"wake.{place}"
        if when is not None and when > real_time.after(TICK_SECONDS):
            headers["Nats-Schedule"] = f"@at {when.isoformat()}"
            headers["Nats-Schedule-Target"] = subject
            subject = f"wakeat.{place}"
        try:
            await self._broker.jetstream.publish(subject, b"%d" % bugs, headers=headers)
        except UNREACHABLE as error:
            raise Unavailable("nats") from error
