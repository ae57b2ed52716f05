"""Webhooks over kept connections: what comes back, and what if nothing does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from simulator.posting import HungUp, NobodyListens, Poster

POSTED = {"Content-Type": "application/json"}


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that gives these answers in turn, on whichever connection; an empty one hangs up.

    Beside its URL, the number of connections that were made.
    """
    left = list(answers)
    made = [0]
    served: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except EOFError:
                break
            length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            if not (answer := left.pop(0)):
                break
            writer.write(answer)
        writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made[0] += 1
        served.append(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"http://127.0.0.1:{port}/hook?a=b", made
        await asyncio.gather(*served)


async def posted(url: str, *, times: int = 1) -> Sequence[tuple[int, str, bytes]]:
    poster = Poster(answer_seconds_max=2.0, connections_max=4)
    try:
        answers = [await poster.post(url, b"{}", POSTED) for _ in range(times)]
    finally:
        await poster.close()
    return [(answer.status, answer.reason, answer.content) for answer in answers]


async def test_a_kept_connection_carries_the_next_post() -> None:
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    refused = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nRetry-After: 2\r\n\r\n"
    async with answering(ok, refused, ok) as (url, made):
        assert await posted(url, times=3) == [
            (200, "OK", b"hi"),
            (503, "Service Unavailable", b""),
            (200, "OK", b"hi"),
        ]
        assert made == [1]


async def test_a_closed_connection_is_not_used_again() -> None:
    bye = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with answering(bye, bye) as (url, made):
        assert len(await posted(url, times=2)) == 2
        assert made == [2]


async def test_an_answer_may_come_in_chunks_or_without_a_length() -> None:
    chunks = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n"
    )
    empty = b"HTTP/1.1 204 No Content\r\n\r\n"
    async with answering(chunks, empty) as (url, _):
        assert await posted(url, times=2) == [(200, "OK", b"hi!"), (204, "No Content", b"")]


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"]
)
async def test_half_an_answer_is_none(answer: bytes) -> None:
    async with answering(answer) as (url, _):
        with pytest.raises(HungUp):
            await posted(url)


@pytest.mark.parametrize("url", ["", "http://", "ftp://127.0.0.1/", "http://127.0.0.1:1/"])
async def test_where_nobody_listens_nothing_is_posted(url: str) -> None:
    with pytest.raises(NobodyListens):
        await posted(url)


async def test_an_answer_that_does_not_come_is_given_up() -> None:
    left = asyncio.Event()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        left.set()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        poster = Poster(answer_seconds_max=0.1, connections_max=1)
        with pytest.raises(TimeoutError):
            await poster.post(url, b"{}", POSTED)
        await left.wait()
