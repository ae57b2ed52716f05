"""Many messages at once: each subject in its order, and an end to every wait."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import Message
from runtime.requests import Requests
from runtime.testing import NatsServer
from runtime.windows import Window, refusal

STREAM = "WINDOWS"


class Note(Message):
    """Something small on a subject of its own."""

    subject: ClassVar[str] = "note"

    text: str


def note(lane: int, number: int, text: str = "") -> Note:
    return Note(
        id=UUID(int=lane * 10**6 + number + 1),
        occurred_at=datetime(2026, 11, 23, tzinfo=UTC),
        correlation_id=UUID(int=1),
        text=text or f"{lane}:{number}",
    )


@pytest_asyncio.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    connected = await nats.connect(nats_url)
    await connected.jetstream().add_stream(
        name=STREAM, subjects=["windows.*"], max_msg_size=500, num_replicas=1
    )
    # Made right after it was deleted, it has been seen with what the one before held.
    await connected.jetstream().purge_stream(STREAM)
    yield connected
    await connected.jetstream().delete_stream(STREAM)
    await connected.close()


def window(client: Client, in_flight_max: int = 16) -> Window:
    return Window(Requests(client), in_flight_max, lambda message: {"Nats-Msg-Id": str(message.id)})


def lanes(count: int, each: int) -> Mapping[str, Sequence[Note]]:
    return {
        f"windows.{lane}": [note(lane, number) for number in range(each)] for lane in range(count)
    }


async def stored(client: Client) -> dict[str, list[str]]:
    """Texts by subject, in the stream's order."""
    jetstream = client.jetstream()
    found: dict[str, list[str]] = {}
    state = (await jetstream.stream_info(STREAM)).state
    for sequence in range(state.last_seq - state.messages + 1, state.last_seq + 1):
        message = await jetstream.get_msg(STREAM, sequence)
        assert message.subject
        assert message.data
        found.setdefault(message.subject, []).append(Note.model_validate_json(message.data).text)
    return found


@pytest.mark.parametrize(("count", "each", "in_flight"), [(0, 0, 1), (1, 30, 16), (90, 3, 16)])
async def test_all_is_stored_and_each_subject_in_its_order(
    client: Client, count: int, each: int, in_flight: int
) -> None:
    many = lanes(count, each)

    assert await window(client, in_flight).publish(many, silence_seconds_max=5) is None

    assert await stored(client) == {
        subject: [message.text for message in messages] for subject, messages in many.items()
    }


class Slow(Client):
    """A connection on which writing takes longer than an answer."""

    async def _flush_pending(self, force_flush: bool = False) -> Any:
        await super()._flush_pending(force_flush)
        await asyncio.sleep(0.02)


async def test_an_answer_may_come_before_the_sending_is_over(client: Client, nats_url: str) -> None:
    slow = Slow()
    await slow.connect(nats_url)
    many = lanes(8, 2)
    assert await window(slow).publish(many, silence_seconds_max=5) is None
    await slow.close()
    assert {
        subject: len(texts) for subject, texts in (await stored(client)).items()
    } == dict.fromkeys(many, 2)


async def test_what_stands_behind_a_refused_message_is_not_sent(client: Client) -> None:
    refused = {"windows.1": [note(1, 0), note(1, 1, "a" * 1000), note(1, 2)]}

    answer = await window(client).publish(refused, silence_seconds_max=5)

    assert answer is not None
    assert refusal(answer) == 10054
    assert await stored(client) == {"windows.1": ["1:0"]}


async def test_where_no_stream_listens_it_is_a_refusal_and_not_a_wait(client: Client) -> None:
    answer = await window(client).publish({"nowhere": [note(1, 0)]}, silence_seconds_max=30)

    assert answer is not None
    assert refusal(answer) == 0


async def stopped(pid: int) -> None:
    """Wait until none of its threads runs any more; a signal is on its way for a moment."""
    async with asyncio.timeout(10):
        while any(
            "State:\tT" not in (thread / "status").read_text()
            for thread in Path(f"/proc/{pid}/task").iterdir()
        ):
            await asyncio.sleep(0.005)


async def test_silence_has_an_end_and_the_next_window_is_not_disturbed_by_late_answers(
    client: Client, nats_server: NatsServer
) -> None:
    requests = Requests(client)
    slow = Window(requests, 4, lambda _: {})
    await requests.request("windows.0", b"{}", timeout=5)
    os.kill(nats_server.pid, signal.SIGSTOP)
    await stopped(nats_server.pid)
    try:
        with pytest.raises(TimeoutError):
            await slow.publish(lanes(8, 1), silence_seconds_max=0.2)
    finally:
        os.kill(nats_server.pid, signal.SIGCONT)

    again = Window(requests, 4, lambda message: {"Nats-Msg-Id": str(message.id)})
    async with asyncio.timeout(10):
        assert await again.publish(lanes(8, 2), silence_seconds_max=5) is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"stream":"S","seq":1}', None),
        (b'{"stream":"S","seq":1,"duplicate": true}', None),
        (b'{"seq":1,"stream":"S"}', None),
        (b'{"error":{"code":400,"err_code":10077},"stream":"S","seq":0}', 10077),
        (b'{"stream":"S","seq":0,"error":{"code":400,"err_code":10077}}', 10077),
        (b'{"error":{}}', 0),
        (b"{}", 0),
        (b"[]", 0),
        (b"", 0),
        (b"not json", 0),
    ],
)
def test_only_what_says_so_is_an_acknowledgement(data: bytes, code: int | None) -> None:
    answer = Msg(Client(), data=data)

    assert refusal(answer) == code
