"""Many messages at once: those of one subject in their order, different subjects side by side.

One task drives them all and is woken once for all acks that came together. A task, a timer and a
future for each message would be a third of what a large batch costs.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nats.aio.msg import Msg
from pydantic_core import from_json

from contracts import Message
from runtime.requests import Requests


@dataclass(slots=True)
class _Lane:
    subject: str
    messages: Iterator[Message]


class Window:
    """Messages on their way to their streams."""

    def __init__(
        self,
        requests: Requests,
        in_flight_max: int,
        headers_of: Callable[[Message], dict[str, str]],
    ) -> None:
        """Prepare to publish.

        Args:
            requests: where the acks come in.
            in_flight_max: messages that wait for their ack at the same time.
            headers_of: what goes with a message.
        """
        self._requests = requests
        self._in_flight_max = in_flight_max
        self._headers_of = headers_of
        self._in_flight: dict[str, _Lane] = {}
        self._answered: deque[tuple[_Lane, Msg]] = deque()
        self._woken = asyncio.Event()
        self.first_ack_seconds: float | None = None
        """From the first publish to its ack."""

    async def publish(
        self, lanes: Mapping[str, Sequence[Message]], *, silence_seconds_max: float
    ) -> Msg | None:
        """Publish all; the first answer that is no acknowledgement ends it and is returned.

        Args:
            lanes: subject → its messages in their order.
            silence_seconds_max: how long no answer at all may come.

        Raises:
            TimeoutError: it was silent for so long.
        """
        ready = deque(_Lane(subject, iter(messages)) for subject, messages in lanes.items())
        started = time.perf_counter()
        try:
            async with asyncio.timeout(silence_seconds_max) as silence:
                while ready or self._in_flight:
                    while ready and len(self._in_flight) < self._in_flight_max:
                        await self._publish_next(ready.popleft())
                    if not self._in_flight:
                        continue
                    await self._woken.wait()
                    self._woken.clear()
                    if self.first_ack_seconds is None:
                        self.first_ack_seconds = time.perf_counter() - started
                    while self._answered:
                        lane, answer = self._answered.popleft()
                        if refusal(answer) is not None:
                            return answer
                        ready.append(lane)
                    silence.reschedule(asyncio.get_running_loop().time() + silence_seconds_max)
        finally:
            for number in self._in_flight:
                self._requests.forget(number)
        return None

    async def _publish_next(self, lane: _Lane) -> None:
        message = next(lane.messages, None)
        if message is None:
            return
        number = await self._requests.send(
            lane.subject,
            message.model_dump_json().encode(),
            self._headers_of(message),
            self._hear,
        )
        self._in_flight[number] = lane

    def _hear(self, number: str, answer: Msg) -> None:
        self._answered.append((self._in_flight.pop(number), answer))
        self._woken.set()


def refusal(answer: Msg) -> int | None:
    """The stream's error code if it has not stored the message, 0 for an answer of no stream."""
    # What all answers but the odd one look like; no stream's name holds a quotation mark.
    if answer.data.startswith(b'{"stream":') and b'"error"' not in answer.data:
        return None
    try:
        found = from_json(answer.data)
    except ValueError:
        return 0
    if not isinstance(found, dict):
        return 0
    error = found.get("error")
    if isinstance(error, dict):
        return int(error.get("err_code", 0))
    return None if "seq" in found else 0
