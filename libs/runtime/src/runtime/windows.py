"""Many messages at once: those of one subject in their order, different subjects side by side.

One task drives them all and is woken once for all acks that came together. A task, a timer and a
future for each message would be a third of what a large batch costs.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nats.aio.msg import Msg
from pydantic_core import from_json

from contracts import Message
from runtime.requests import Asked, Requests


@dataclass(slots=True)
class _Lane:
    subject: str
    messages: Sequence[Message]
    sent: int = 0


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
        self._ready: deque[_Lane] = deque()
        self._refused: Msg | None = None
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._started = self._heard_at = self._loop.time()
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
        self._ready.extend(_Lane(*lane) for lane in lanes.items() if lane[1])
        self._started = self._heard_at = self._loop.time()
        timer: asyncio.TimerHandle | None = None

        def look_for_silence() -> None:
            nonlocal timer
            end = self._heard_at + silence_seconds_max
            if self._loop.time() >= end:
                silence.reschedule(end)
            else:
                timer = self._loop.call_at(end, look_for_silence)

        try:
            async with asyncio.timeout(None) as silence:
                look_for_silence()
                while self._refused is None and (self._ready or self._in_flight):
                    if self._ready and len(self._in_flight) < self._in_flight_max:
                        await self._publish_ready()
                    if self._refused is None and self._in_flight:
                        self._woken.clear()
                        await self._woken.wait()
        finally:
            if timer is not None:
                timer.cancel()
            for number in self._in_flight:
                self._requests.forget(number)
        return self._refused

    async def _publish_ready(self) -> None:
        """The next message of each lane that waits for none of its own, as far as there is room."""
        room = self._in_flight_max - len(self._in_flight)
        lanes = [self._ready.popleft() for _ in range(min(room, len(self._ready)))]
        asked = []
        for lane in lanes:
            message = lane.messages[lane.sent]
            lane.sent += 1
            body = message.model_dump_json().encode()
            asked.append(Asked(lane.subject, body, self._headers_of(message)))
        numbers = self._requests.numbers(len(asked))
        # Known before anything is sent: an answer may come before the sending is over.
        self._in_flight.update(zip(numbers, lanes, strict=True))
        await self._requests.send(dict(zip(numbers, asked, strict=True)), self._hear)

    def _hear(self, number: str, answer: Msg) -> None:
        self._heard_at = self._loop.time()
        if self.first_ack_seconds is None:
            self.first_ack_seconds = self._heard_at - self._started
        lane = self._in_flight.pop(number)
        if refusal(answer) is not None:
            self._refused = answer
        elif lane.sent < len(lane.messages):
            self._ready.append(lane)
        # Nobody is woken for an ack behind which there is nothing to do.
        if self._ready or not self._in_flight or self._refused is not None:
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
