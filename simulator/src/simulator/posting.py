"""POSTs over kept connections, at a fraction of a full client's price.

The platforms post hundreds of webhooks a second, and a general HTTP client took three quarters of
the simulator's time for them. This one knows what a webhook needs: a body out, an answer in.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

HEAD_BYTES_MAX = 64 * 1024
ANSWER_BYTES_MAX = 1024 * 1024
DEFAULT_PORTS = {"http": 80, "https": 443}
TOO_LONG = "the answer is too long"
WITHOUT_A_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class NobodyListens(Exception):
    """No connection could be made."""


class HungUp(Exception):
    """The connection ended before the answer was complete, or it was no HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the names of the headers are in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """Any 2xx."""
        return HTTPStatus(200) <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def keeps(self) -> bool:
        """Whether the connection may carry another post."""
        return self.headers.get("connection", "").lower() != "close"


@dataclass(frozen=True, slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def is_usable(self) -> bool:
        return not (self.reader.at_eof() or self.writer.is_closing())


class Poster:
    """Keeps the connections that the other side keeps; each carries one post at a time."""

    def __init__(self, answer_seconds_max: float, connections_max: int) -> None:
        self._answer_seconds_max = answer_seconds_max
        self._idle: dict[tuple[str, int], list[_Connection]] = defaultdict(list)
        self._permits = asyncio.Semaphore(connections_max)

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        """One POST; waiting for a connection does not count as waiting for the answer.

        Raises:
            NobodyListens: the address is wrong, or nobody listens there.
            HungUp: there was no whole answer.
            TimeoutError: there was none in time.
        """
        async with self._permits:
            async with asyncio.timeout(self._answer_seconds_max):
                return await self._post(_parts(url), content, headers)

    async def _post(self, url: SplitResult, content: bytes, headers: Mapping[str, str]) -> Answer:
        port = url.port or DEFAULT_PORTS[url.scheme]
        idle = self._idle[url.netloc, port]
        connection = _newest(idle) or await _connect(url, port)
        keeps = False
        try:
            connection.writer.write(_request(url, headers, content) + content)
            answer = await _answer(connection.reader)
            keeps = answer.keeps
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise HungUp from error
        finally:
            if keeps:
                idle.append(connection)
            else:
                connection.writer.close()
        return answer

    async def close(self) -> None:
        """Close what is kept."""
        for idle in self._idle.values():
            while idle:
                writer = idle.pop().writer
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise NobodyListens
    return parts


def _newest(idle: list[_Connection]) -> _Connection | None:
    while idle:
        if (connection := idle.pop()).is_usable:
            return connection
        connection.writer.close()
    return None


async def _connect(url: SplitResult, port: int) -> _Connection:
    try:
        reader, writer = await asyncio.open_connection(
            url.hostname, port, ssl=url.scheme == "https" or None, limit=HEAD_BYTES_MAX
        )
    except OSError as error:
        raise NobodyListens from error
    return _Connection(reader, writer)


def _request(url: SplitResult, headers: Mapping[str, str], content: bytes) -> bytes:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: {url.netloc.rpartition('@')[2]}",
        f"Content-Length: {len(content)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    _, code, reason = f"{first} ".split(" ", 2)
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    status = int(code)
    if status in WITHOUT_A_BODY:
        content = b""
    elif headers.get("transfer-encoding", "").lower() == "chunked":
        content = await _chunks(reader)
    elif "content-length" in headers:
        if (size := int(headers["content-length"])) > ANSWER_BYTES_MAX:
            raise ValueError(TOO_LONG)
        content = await reader.readexactly(size)
    else:
        content = await reader.read(ANSWER_BYTES_MAX)
        headers["connection"] = "close"
    return Answer(status, reason.strip(), headers, content)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    content = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        if len(content) + size > ANSWER_BYTES_MAX:
            raise ValueError(TOO_LONG)
        content += await reader.readexactly(size + 2)
        del content[-2:]
    await reader.readuntil(b"\r\n")
    return bytes(content)
