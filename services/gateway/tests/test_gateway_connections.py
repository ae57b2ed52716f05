"""Clients that are slow, endless or too many: each is ended, and nobody else waits for them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from gateway_house import TELEGRAM_SECRET, Gateway, running, settings

from gateway import connections
from gateway.bodies import BODY_BYTES_MAX

UPDATE = {"update_id": 1, "message": {"chat": {"id": 42}, "date": 1763800000, "text": "hello"}}
ENDED_SECONDS_MAX = 10.0
HEAD = (
    b"POST /telegram HTTP/1.1\r\nHost: gateway\r\n"
    b"X-Telegram-Bot-Api-Secret-Token: " + TELEGRAM_SECRET.encode() + b"\r\n"
)
BODY = json.dumps(UPDATE).encode()
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


@contextmanager
def limits(**changed: float) -> Iterator[None]:
    """Other limits than the real ones, which take longer than a test may."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in changed.items():
            patch.setattr(connections, name.upper(), value)
        yield


class Line:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def says(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def hears(self) -> int:
        """The status of the next answer, and its body is passed over."""
        async with asyncio.timeout(ENDED_SECONDS_MAX):
            head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            await self._reader.readexactly(length)
        return int(head.split()[1])

    async def ends(self) -> bool:
        """Whether the other side hangs up, without a further word."""
        async with asyncio.timeout(ENDED_SECONDS_MAX):
            try:
                return await self._reader.read(1) == b""
            except ConnectionError:
                return True

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def line(gateway: Gateway) -> AsyncIterator[Line]:
    url = gateway.http.base_url
    one = Line(*await asyncio.open_connection(url.host, url.port))
    try:
        yield one
    finally:
        one.close()


@asynccontextmanager
async def gateway_within(nats_url: str, **changed: float) -> AsyncIterator[Gateway]:
    with limits(**changed):
        async with running(settings(nats_url)) as http:
            gateway = await Gateway.reached(http, nats_url)
            yield gateway
            await gateway.close()


async def ended(gateway: Gateway, reason: str) -> float:
    name = f'turnout_connections_ended_total{{reason="{reason}"'
    lines = (await gateway.http.get("/metrics")).text.splitlines()
    return next((float(each.split()[-1]) for each in lines if each.startswith(name)), 0.0)


async def test_a_head_that_never_ends_is_ended_and_counted(gateway: Gateway) -> None:
    before = await ended(gateway, "head-too-large")
    async with line(gateway) as endless:
        await endless.says(HEAD + b"X-Endless: ")
        for _ in range(connections.HEAD_BYTES_MAX // 1024 + 1):
            await endless.says(b"a" * 1024)
            await asyncio.sleep(0)
        assert await endless.hears() == 431
        assert await endless.ends()
    assert await ended(gateway, "head-too-large") == before + 1
    assert (await gateway.telegram(UPDATE)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"X-Large: " + b"a" * connections.HEAD_BYTES_MAX + b"\r\n", 431),
        (b"X-Many: 1\r\n" * (connections.HEAD_BYTES_MAX // 7), 431),
        (b"X-Large: " + b"a" * (connections.HEAD_BYTES_MAX // 2) + b"\r\n", 200),
    ],
)
async def test_a_head_has_a_size(gateway: Gateway, headers: bytes, status: int) -> None:
    async with line(gateway) as one:
        await one.says(HEAD + headers + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)
        assert await one.hears() == status


async def test_a_large_body_and_the_next_head_in_one_piece_are_no_large_head(
    gateway: Gateway,
) -> None:
    padded = BODY + b" " * 50_000
    large = HEAD + b"Content-Length: %d\r\n\r\n" % len(padded) + padded
    async with line(gateway) as one:
        await one.says(large + WHOLE[:30])
        assert await one.hears() == 200
        await one.says(WHOLE[30:] + large + large + WHOLE)
        assert [await one.hears() for _ in range(4)] == [200] * 4


@pytest.mark.parametrize("sent", [b"", b"POST /telegram HTTP/1.1\r\nHost: gat"])
async def test_a_slow_head_is_ended(provisioned: str, sent: bytes) -> None:
    async with gateway_within(provisioned, head_seconds_max=0.5, look_seconds=0.1) as gateway:
        async with line(gateway) as slow:
            await slow.says(sent)
            assert await slow.hears() == 408
            assert await slow.ends()
        assert await ended(gateway, "head-too-slow") >= 1


async def test_a_head_that_drips_is_ended_however_steadily_it_drips(provisioned: str) -> None:
    async with (
        gateway_within(provisioned, head_seconds_max=0.5, look_seconds=0.1) as gateway,
        line(gateway) as slow,
    ):

        async def drip() -> None:
            for byte in HEAD * 100:
                await slow.says(bytes([byte]))
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        assert await slow.hears() == 408
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


@pytest.mark.parametrize("path", [b"/telegram", b"/whatsapp"])
async def test_a_slow_body_is_ended_and_nothing_of_it_is_kept(
    provisioned: str, path: bytes
) -> None:
    async with gateway_within(provisioned, body_seconds_max=0.5, look_seconds=0.1) as gateway:
        async with line(gateway) as slow:
            head = HEAD.replace(b"/telegram", path) + b"X-Hub-Signature-256: sha256=00\r\n"
            await slow.says(head + b"Content-Length: 1000\r\n\r\n" + BODY)
            assert await slow.hears() == 408
            assert await slow.ends()
        assert (await gateway.telegram(UPDATE | {"update_id": 2})).status_code == 200
        assert len(await gateway.raw("INBOUND")) == 1
        assert await gateway.raw("DEAD") == []


async def test_a_refused_body_is_not_awaited_for_ever(provisioned: str) -> None:
    async with (
        gateway_within(provisioned, body_seconds_max=0.5, look_seconds=0.1) as gateway,
        line(gateway) as slow,
    ):
        await slow.says(HEAD + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1))
        assert await slow.hears() == 413
        assert await slow.ends()


async def test_a_connection_may_rest_and_is_ended_when_it_rests_too_long(provisioned: str) -> None:
    async with (
        gateway_within(provisioned, idle_seconds_max=1.0, look_seconds=0.1) as gateway,
        line(gateway) as kept,
    ):
        for _ in range(3):
            await kept.says(WHOLE)
            assert await kept.hears() == 200
        # An empty line is no request, and keeps nothing alive.
        await kept.says(b"\r\n")
        assert await kept.ends()


@pytest.mark.parametrize("limit", ["connections_max", "reading_max"])
async def test_slow_clients_crowd_out_each_other_and_nobody_else(
    provisioned: str, limit: str
) -> None:
    async with gateway_within(provisioned, **{limit: 20}) as gateway:
        before = await ended(gateway, "crowded-out")
        lines = []
        for _ in range(60):
            one = Line(
                *await asyncio.open_connection(
                    gateway.http.base_url.host, gateway.http.base_url.port
                )
            )
            await one.says(HEAD)
            lines.append(one)
            async with line(gateway) as honest:
                await honest.says(WHOLE)
                assert await honest.hears() == 200
        assert await lines[0].ends()
        assert await ended(gateway, "crowded-out") >= before + 40
        for one in lines:
            one.close()


async def test_too_many_requests_at_once_on_one_connection_are_refused(gateway: Gateway) -> None:
    before = await ended(gateway, "pipelined")
    async with line(gateway) as greedy:
        await greedy.says(WHOLE * (connections.PIPELINED_MAX + 2))
        assert await greedy.ends()
    assert await ended(gateway, "pipelined") == before + 1
    async with line(gateway) as patient:
        await patient.says(WHOLE * connections.PIPELINED_MAX)
        answers = [await patient.hears() for _ in range(connections.PIPELINED_MAX)]
        assert answers == [200] * connections.PIPELINED_MAX


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /telegram HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /telegram HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST telegram HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_http_is_answered_with_400_and_without_a_line_in_the_log(
    gateway: Gateway, capfd: pytest.CaptureFixture[str], sent: bytes
) -> None:
    capfd.readouterr()
    async with line(gateway) as odd:
        await odd.says(sent)
        assert await odd.hears() in (400, 404)
        assert await odd.ends()
    assert "".join(capfd.readouterr()) == ""
    assert await gateway.raw("DEAD") == []


async def test_a_wish_for_another_protocol_is_passed_over(gateway: Gateway) -> None:
    wish = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n"
    async with line(gateway) as one:
        await one.says(HEAD + wish + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)
        assert await one.hears() in (200, 400)
