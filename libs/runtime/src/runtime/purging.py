"""Taking something out of a stream for good, so that nothing tells any more whose it was."""

import json
from typing import Any

from nats.aio.client import Client
from nats.js.errors import APIError

from contracts.topology import Bucket

PURGE_SECONDS_MAX = 5.0


async def purge(client: Client, stream: str, subject: str, *, up_to: int | None = None) -> int:
    """Take out all that stands under a subject; returns how many messages there were.

    Args:
        client: the broker.
        stream: where.
        subject: `*` stands for any one token.
        up_to: the last sequence that goes; what came later stays. None: all.

    Raises:
        nats.errors.Error, OSError: the broker does not answer; doing it again is harmless.
    """
    asked: dict[str, object] = {"filter": subject}
    if up_to is not None:
        asked["seq"] = up_to + 1  # the first that stays
    # nats-py's own verb does not hand on how many there were.
    reply = await client.request(
        f"$JS.API.STREAM.PURGE.{stream}", json.dumps(asked).encode(), timeout=PURGE_SECONDS_MAX
    )
    answer: dict[str, Any] = json.loads(reply.data)
    if "error" in answer:
        APIError.from_error(answer["error"])
    return int(answer["purged"])


async def erase(client: Client, bucket: Bucket, key: str, *, revision: int | None = None) -> bool:
    """Take a document out of its bucket; whether there was one.

    A delete would leave a marker that keeps the key, and a key tells whose it is.

    Args:
        client: the broker.
        bucket: where.
        key: which; as it stands, without wildcards.
        revision: what was read; what somebody wrote since stays. None: whatever is there.

    Raises:
        nats.errors.Error, OSError: the broker does not answer; doing it again is harmless.
    """
    subject = f"$KV.{bucket.name}.{key}"
    return await purge(client, f"KV_{bucket.name}", subject, up_to=revision) > 0
