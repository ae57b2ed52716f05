"""The yardstick of the conversation: what its steps cost at least, with nothing decided.

Each message of INBOUND: read the chat's document, write one of the same size over exactly that
revision, publish a message of the same size and wait for its acknowledgement, acknowledge. As many
lanes, and one message in flight on each.
"""

import asyncio
import sys
from contextlib import suppress

import nats
import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

from contracts.topology import CONVERSATION_INBOUND, FSM, Consumer

PULL_SECONDS = 1.0


async def main(nats_url: str, document_bytes: int, message_bytes: int) -> None:
    """Work until somebody ends it."""
    client = await nats.connect(nats_url)
    jetstream = client.jetstream()
    bucket = await jetstream.key_value(FSM.name)
    document, message = b"d" * document_bytes, b"m" * message_bytes
    await asyncio.gather(
        *(_lane(jetstream, bucket, lane, document, message) for lane in CONVERSATION_INBOUND)
    )


async def _lane(
    jetstream: JetStreamContext, bucket: KeyValue, lane: Consumer, document: bytes, message: bytes
) -> None:
    subscription = await jetstream.pull_subscribe_bind(lane.name, lane.stream)
    while True:
        with suppress(nats.errors.TimeoutError):
            (heard,) = await subscription.fetch(1, timeout=PULL_SECONDS)
            await answer(jetstream, bucket, heard, document, message)


async def answer(
    jetstream: JetStreamContext, bucket: KeyValue, heard: Msg, document: bytes, message: bytes
) -> None:
    """One step with nothing in it."""
    _, platform, _, chat = heard.subject.split(".")
    key = f"{platform}.{chat}"
    try:
        revision = (await bucket.get(key)).revision
    except KeyNotFoundError:
        revision = 0
    await bucket.update(key, document, last=revision)
    headers = {"Nats-Msg-Id": f"answer-{(heard.headers or {})['Nats-Msg-Id']}"}
    await jetstream.publish(f"out.reply.{platform}.{chat}", message, headers=headers)
    await heard.ack()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
