"""Looks for words in all that the broker keeps, as a leak would show."""

import json
from collections.abc import AsyncIterator

from nats.js.errors import NotFoundError
from notifier_stage import Stage


async def stored(stage: Stage, *, but: tuple[str, ...] = ()) -> AsyncIterator[tuple[str, str]]:
    """Every message of every stream and bucket: its stream, and all of it as text."""
    jetstream = stage.client.jetstream()
    for info in await jetstream.streams_info():
        name = info.config.name
        if name is None or name in but:
            continue
        sequence = 0
        while True:
            try:
                raw = await jetstream.get_msg(name, seq=sequence + 1, subject=">", next=True)
            except NotFoundError:
                break
            assert raw.seq is not None
            sequence = raw.seq
            body = (raw.data or b"").decode(errors="replace")
            yield name, f"{raw.subject} {json.dumps(dict(raw.headers or {}))} {body}"


async def found(stage: Stage, *marks: str) -> set[str]:
    """The streams and buckets that hold one of these words anywhere."""
    return {name async for name, text in stored(stage) if any(mark in text for mark in marks)}
