"""Neutral messages to send, as the conversation would make them."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from contracts import Address, OutboundMessage

BOT = "123456"
PHONE_ID = "106540352242922"
WABA_ID = "102290129340398"
LAST_CHUNK = b"\r\n0\r\n\r\n"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def telegram_address(chat_id: str = "42") -> Address:
    """A private chat with the demo's bot."""
    return Address(platform="telegram", account=BOT, chat_id=chat_id)


def whatsapp_address(chat_id: str = "16505551234") -> Address:
    """A chat with the demo's number."""
    return Address(platform="whatsapp", account=PHONE_ID, chat_id=chat_id)


def outbound(**changes: Any) -> OutboundMessage:
    """A reply to a Telegram chat, unless told otherwise."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "occurred_at": NOON,
        "correlation_id": uuid4(),
        "address": telegram_address(),
        "priority": "reply",
        "language": "en",
        "text": "Pick one",
    }
    return OutboundMessage(**(values | changes))


@dataclass
class Platform:
    """An HTTP server that gives one prepared answer and keeps what it was asked."""

    url: str
    requests: list[bytes]


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[Platform]:
    """A server whose every answer is these bytes; None: it hangs up after the request."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if length:
            body = await reader.readexactly(int(length[1]))
        else:
            # aiohttp sends files in chunks, the last of which is empty.
            body = b"" if head.startswith(b"GET ") else await reader.readuntil(LAST_CHUNK)
        requests.append(head + body)
        if answer is not None:
            writer.write(answer)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield Platform(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", requests)


def http(status: int, body: str, **headers: str) -> bytes:
    """An HTTP answer as bytes."""
    lines = [f"HTTP/1.1 {status} Answer", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", body]).encode()
