"""Requests at half of nats-py's price: a number names each, and one timer ends it (ADR 0018).

nats-py asks the kernel for random bytes, and makes a waiter with a task's whole care, for every
request. A step of the dialogue makes three, and they were an eighth of its time.
"""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

NO_RESPONDERS = "503"
"""The broker's word that nobody listens; of a stream, that it is not there."""


class Requests:
    """A client of nats-py's in everything but `request`; JetStream stands on it as on any."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._numbers = itertools.count()
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._hearers: dict[str, Callable[[str, Msg], None]] = {}
        self._inbox = f"{client.new_inbox()}."
        self._opening: asyncio.Task[Any] | None = None
        self._open = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float = 0.5,
        headers: dict[str, Any] | None = None,
    ) -> Msg:
        """The first answer; `timeout` is in seconds, and called so by nats-py.

        Raises:
            nats.errors.TimeoutError: there was none in time.
            nats.errors.NoRespondersError: nobody listens there.
        """
        if not self._open:
            await self._open_inbox()
        loop = asyncio.get_running_loop()
        number = str(next(self._numbers))
        answer: asyncio.Future[Msg] = loop.create_future()
        self._waiting[number] = answer
        timer = loop.call_later(timeout, _give_up, answer)
        try:
            await self._client.publish(
                subject, payload, reply=self._inbox + number, headers=headers
            )
            message = await answer
        finally:
            timer.cancel()
            del self._waiting[number]
        if message.headers and message.headers.get("Status") == NO_RESPONDERS:
            raise nats.errors.NoRespondersError
        return message

    async def send(
        self,
        subject: str,
        payload: bytes,
        headers: dict[str, Any],
        hearer: Callable[[str, Msg], None],
    ) -> str:
        """Ask without waiting: `hearer` is called with the returned number and the answer, unless
        `forget` is first.
        """
        if not self._open:
            await self._open_inbox()
        number = str(next(self._numbers))
        self._hearers[number] = hearer
        try:
            await self._client.publish(
                subject, payload, reply=self._inbox + number, headers=headers
            )
        except BaseException:
            self.forget(number)
            raise
        return number

    def forget(self, number: str) -> None:
        """Drop the answer when it comes."""
        self._hearers.pop(number, None)

    async def _open_inbox(self) -> None:
        if self._opening is None or (self._opening.done() and not self._open):
            # One for all who come at once; nats-py opens it again after a reconnect.
            self._opening = asyncio.ensure_future(
                self._client.subscribe(f"{self._inbox}*", cb=self._hear)
            )
        # Whoever gives up must not take the others' inbox along.
        await asyncio.shield(self._opening)
        self._open = True

    async def _hear(self, message: Msg) -> None:
        number = message.subject[len(self._inbox) :]
        answer = self._waiting.get(number)
        if answer is None:
            if (hearer := self._hearers.pop(number, None)) is not None:
                hearer(number, message)
        elif not answer.done():
            answer.set_result(message)


def _give_up(answer: "asyncio.Future[Msg]") -> None:
    if not answer.done():
        answer.set_exception(nats.errors.TimeoutError())
