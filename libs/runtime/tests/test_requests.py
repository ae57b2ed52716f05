"""Requests that cost half: every answer finds its asker, and nobody waits for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import NoStreamResponseError

from runtime.requests import Asked, Requests
from runtime.testing import NatsServer, eventually

ASKED_AT_ONCE = 500


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Client]:
    client = await nats.connect(url, reconnect_time_wait=0, max_reconnect_attempts=-1)
    try:
        yield client
    finally:
        await client.close()


def unheard(number: str, answer: Msg) -> None:
    """Takes answers that are no matter here."""


async def echo(message: Msg) -> None:
    await asyncio.sleep(0.01 if message.data.endswith(b"7") else 0)  # some are overtaken
    await message.respond(message.data)


async def test_each_answer_finds_who_asked(nats_url: str) -> None:
    async with connected(nats_url) as client:
        await client.subscribe("echo", cb=echo)
        requests = Requests(client)
        asked = [str(number).encode() for number in range(ASKED_AT_ONCE)]
        answers = await asyncio.gather(
            *(requests.request("echo", body, timeout=10) for body in asked)
        )
        assert [answer.data for answer in answers] == asked


async def test_silence_ends_in_time_and_a_late_answer_is_dropped(nats_url: str) -> None:
    kept: list[Msg] = []

    async def keep(message: Msg) -> None:
        kept.append(message)

    async with connected(nats_url) as client:
        await client.subscribe("slow", cb=keep)
        await client.subscribe("echo", cb=echo)
        requests = Requests(client)
        with pytest.raises(nats.errors.TimeoutError):
            await requests.request("slow", timeout=0.05)
        await kept[0].respond(b"late")
        assert (await requests.request("echo", b"next", timeout=5)).data == b"next"


async def test_where_nobody_listens_it_is_said_at_once(nats_url: str) -> None:
    async with connected(nats_url) as client:
        requests = Requests(client)
        with pytest.raises(nats.errors.NoRespondersError):
            await requests.request("nobody", timeout=30)
        with pytest.raises(NoStreamResponseError):
            await JetStreamContext(requests).publish("no.such.stream", b"", timeout=30)  # type: ignore[arg-type]


async def test_answers_are_heard_again_after_the_broker_was_away(nats_server: NatsServer) -> None:
    async with connected(nats_server.url) as client:
        await client.subscribe("echo", cb=echo)
        requests = Requests(client)
        await requests.request("echo", b"before", timeout=5)
        nats_server.kill()
        await eventually(lambda: not client.is_connected)
        nats_server.start()
        await eventually(lambda: client.is_connected)
        assert (await requests.request("echo", b"after", timeout=5)).data == b"after"


async def test_who_gives_up_at_once_takes_nobody_elses_answers_along(nats_url: str) -> None:
    async with connected(nats_url) as client:
        await client.subscribe("echo", cb=echo)
        requests = Requests(client)
        first = asyncio.create_task(requests.request("echo", b"first", timeout=5))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert (await requests.request("echo", b"second", timeout=5)).data == b"second"


@pytest.mark.parametrize("subject", ["", "two words", "line\r\nPUB other 0", "tab\tbed"])
async def test_a_subject_that_would_be_another_command_is_not_sent(
    nats_url: str, subject: str
) -> None:
    async with connected(nats_url) as client:
        requests = Requests(client)
        with pytest.raises(nats.errors.BadSubjectError):
            await requests.send(
                {"1": Asked("good", b"", {}), "2": Asked(subject, b"", {})}, unheard
            )
        with pytest.raises(nats.errors.MaxPayloadError):
            await requests.send({"1": Asked("good", b"a" * (client.max_payload + 1), {})}, unheard)


async def test_what_is_sent_together_arrives_as_if_it_were_sent_by_the_library(
    nats_url: str,
) -> None:
    async with connected(nats_url) as client:
        heard = await client.subscribe("sent.*")
        bodies = [b"", b"plain", "ünï\r\n".encode(), b"\x00" * 5000]
        asked = [Asked(f"sent.{n}", body, {"N": f"é{n}"}) for n, body in enumerate(bodies)]
        requests = Requests(client)
        numbers = requests.numbers(len(asked))
        await requests.send(dict(zip(numbers, asked, strict=True)), unheard)
        found = [await heard.next_msg(5) for _ in bodies]

    assert len(set(numbers)) == len(bodies)
    assert [(one.subject, one.data, dict(one.headers or {})) for one in found] == [
        (one.subject, one.payload, dict(one.headers)) for one in asked
    ]


async def test_without_a_connection_nothing_is_left_in_the_client(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    server.start()
    client = await nats.connect(server.url, reconnect_time_wait=0.05, max_reconnect_attempts=-1)
    try:
        requests = Requests(client)
        await requests.send({"1": Asked("good", b"", {})}, unheard)
        server.kill()
        await eventually(lambda: not client.is_connected)
        with pytest.raises(nats.errors.ConnectionReconnectingError):
            await requests.send({"2": Asked("good", b"later", {})}, unheard)
        assert client.pending_data_size == 0
    finally:
        server.kill()
        await client.close()
