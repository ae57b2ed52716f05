"""Requests at half of nats-py's price: a number names each, and one timer ends it (ADR 0018).

nats-py asks the kernel for random bytes, and makes a waiter with a task's whole care, for every
request. A step of the dialogue makes three, and they were an eighth of its time.
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

NO_RESPONDERS = "503"
"""The broker's word that nobody listens; of a stream, that it is not there."""


class Asked(NamedTuple):
    """One message that is to be answered."""

    subject: str
    payload: bytes
    headers: Mapping[str, str]
    """Of our own making: without a line break, which would begin another header."""

    def written(self, answer_to: str, payload_bytes_max: int) -> bytes:
        """It in NATS' own language.

        Raises:
            nats.errors.Error: it cannot be said.
        """
        subject, payload, headers = self
        # A space or a line break in it would begin another command.
        if not subject or " " in subject or not subject.isprintable():
            raise nats.errors.BadSubjectError
        if len(payload) > payload_bytes_max:
            raise nats.errors.MaxPayloadError
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"NATS/1.0\r\n{lines}\r\n".encode()
        sizes = f"{len(head)} {len(head) + len(payload)}"
        return b"HPUB %b %b\r\n%b%b\r\n" % (
            f"{subject} {answer_to}".encode(),
            sizes.encode(),
            head,
            payload,
        )


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

    def numbers(self, count: int) -> list[str]:
        """Names for so many of what `send` is to ask."""
        return [str(next(self._numbers)) for _ in range(count)]

    async def send(self, asked: Mapping[str, Asked], hearer: Callable[[str, Msg], None]) -> None:
        """Ask without waiting: `hearer` is called with each number and the answer to it, unless
        `forget` is first; perhaps before this returns, for a connection may be slower than the
        answers on it.

        Args:
            asked: under `numbers`.
            hearer: is called once for each.

        Raises:
            nats.errors.Error: there is no connection, or one of them cannot be sent; then none is.
        """
        if not self._open:
            await self._open_inbox()
        client = self._client
        if not client.is_connected:
            raise nats.errors.ConnectionReconnectingError
        # In one piece, and past `publish`, which looks at each of a thousand messages eight times
        # at a third of what one costs. What it would refuse is refused here.
        bytes_max = client.max_payload
        written = b"".join(
            [one.written(self._inbox + number, bytes_max) for number, one in asked.items()]
        )
        self._hearers.update(dict.fromkeys(asked, hearer))
        await client._send_command(written)  # noqa: SLF001 - see above
        await client._flush_pending()  # noqa: SLF001 - see above

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
