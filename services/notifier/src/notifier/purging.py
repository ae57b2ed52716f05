"""Taking something out of a stream for good: no marker stays that would tell whose it was."""

import json
from typing import Any

from runtime.broker import UNREACHABLE, Broker
from runtime.failures import Unavailable

PURGE_SECONDS_MAX = 5.0
NO_STREAM_ERROR = 10059
"""JetStream's code for a stream that is not there."""


async def purge(broker: Broker, stream: str, subject: str, *, up_to: int | None = None) -> int:
    """Take out all that stands under a subject; returns how many messages there were.

    Args:
        broker: the connection.
        stream: where; if it does not exist, there is nothing.
        subject: `*` stands for any one token.
        up_to: the last sequence that goes; what came later stays. None: all.

    Raises:
        Unavailable: the broker does not answer; doing it again is harmless.
    """
    asked: dict[str, object] = {"filter": subject}
    if up_to is not None:
        asked["seq"] = up_to + 1  # the first that stays
    try:
        reply = await broker.requests.request(
            f"$JS.API.STREAM.PURGE.{stream}", json.dumps(asked).encode(), timeout=PURGE_SECONDS_MAX
        )
    except UNREACHABLE as error:
        raise Unavailable("nats") from error
    answer: dict[str, Any] = json.loads(reply.data)
    if "error" not in answer:
        return int(answer["purged"])
    if answer["error"].get("err_code") == NO_STREAM_ERROR:
        return 0
    raise Unavailable(f"stream {stream}")
