"""Looking everywhere that an installation stores anything for words that must not be there.

Every column of every table, every message of every stream and bucket with its subject and headers,
every key and value of Redis, and every log. The platforms and the mailbox are the world outside.
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import nats
import redis.asyncio
from nats.aio.client import Client

from devstack.house import House

TABLES = """
SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'
"""
NO_MESSAGE = 404
REQUEST_SECONDS_MAX = 10.0
OUTSIDE = "simulator"


async def traces(
    house: House, words: Mapping[str, str], *, redis_url: str | None = None
) -> Counter[str]:
    """Where the words are, and in how many rows, messages, keys or lines.

    Args:
        house: the installation.
        words: what is looked for, by what it is called in the answer: as it is in small and capital
            letters, as JSON, URLs, hex, subjects and base64 write it.
        redis_url: where states are kept beside the streams, if they are.
    """
    wanted = {name: re.compile("|".join(_forms(word))) for name, word in words.items()}
    found = Counter[str]()
    async for place, text in _everything(house, redis_url):
        folded = text.casefold()
        for name, pattern in wanted.items():
            if pattern.search(text) or pattern.search(folded):
                found[f"{name} in {place}"] += 1
    return found


def _forms(word: str) -> Iterator[str]:
    """Patterns for each way in which somebody may have written the word."""
    for one in {word, word.casefold()}:
        octets = one.encode()
        yield re.escape(one)
        yield re.escape(json.dumps(one)[1:-1])
        yield re.escape(quote(one, safe=""))
        yield octets.hex()
        # As a token of a subject has it (`contracts.address`).
        yield re.escape(re.sub(r"[^A-Za-z0-9_]", lambda odd: _escaped(odd[0]), one))
        # Within something longer: base64 looks different by where in three bytes it begins.
        for lead in range(3):
            whole = base64.b64encode(b"\0" * lead + octets).decode()
            begins, ends = -(-8 * lead // 6), (8 * (lead + len(octets))) // 6
            yield re.escape(whole[begins:ends])
            yield re.escape(whole[begins:ends].replace("+", "-").replace("/", "_"))


def _escaped(odd: str) -> str:
    return "".join(f"={byte:02X}" for byte in odd.encode())


async def _everything(house: House, redis_url: str | None) -> Any:
    """Each thing that is stored, with the name of its place."""
    async for found in _rows(house.database_url):
        yield found
    client = await nats.connect(house.nats_url)
    try:
        async for found in _messages(client):
            yield found
    finally:
        await client.close()
    if redis_url is not None:
        async for found in _keys(redis_url):
            yield found
    for path in sorted((house.home / "log").iterdir()):
        if not path.name.startswith(OUTSIDE):
            for line in _lines(path):
                yield f"log {path.name}", line


async def _rows(database_url: str) -> Any:
    connection = await asyncpg.connect(database_url)
    try:
        tables = [row["name"] for row in await connection.fetch(TABLES)]
        assert tables, "there are no tables"
        for table in tables:
            # A row as text has every column; bytes are hex in it.
            for row in await connection.fetch(f"SELECT one::text AS text FROM {table} AS one"):
                yield f"table {table.removeprefix('public.')}", row["text"]
    finally:
        await connection.close()


async def _messages(client: Client) -> Any:
    streams = [one.config.name for one in await client.jetstream().streams_info()]
    assert "INBOUND" in streams
    for stream in streams:
        sequence = 1
        while True:
            answer = await _ask(
                client, f"STREAM.MSG.GET.{stream}", {"seq": sequence, "next_by_subj": ">"}
            )
            if (error := answer.get("error")) is not None:
                assert error["code"] == NO_MESSAGE, error
                break
            message = answer["message"]
            sequence = message["seq"] + 1
            parts = [base64.b64decode(message.get(part, "")) for part in ("hdrs", "data")]
            text = b"\n".join(parts).decode(errors="replace")
            yield f"stream {stream}", f"{message['subject']}\n{text}"


async def _ask(client: Client, what: str, body: Mapping[str, object]) -> dict[str, Any]:
    answer = await client.request(
        f"$JS.API.{what}", json.dumps(body).encode(), timeout=REQUEST_SECONDS_MAX
    )
    parsed: dict[str, Any] = json.loads(answer.data)
    return parsed


async def _keys(url: str) -> Any:
    client = redis.asyncio.Redis.from_url(url)
    try:
        async for key in client.scan_iter():
            # Chats share hashes; nothing else is stored.
            for field, value in (await client.hgetall(key)).items():
                yield "redis", f"{key!r}\n{field!r}\n{value!r}"
    finally:
        await client.aclose()


def _lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()
