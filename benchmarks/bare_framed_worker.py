"""The same yardstick on the frame of the house: FastStream's consumers, with nothing decided.

Reads, writes, publishes and acknowledges as `bare_worker` does, in a subscriber of FastStream's for
each lane, made with the options that `runtime.service` gives to all others.
"""

import asyncio
import sys

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub

from benchmarks.bare_worker import PULL_SECONDS, answer
from contracts.topology import CONVERSATION_INBOUND, FSM


async def main(nats_url: str, document_bytes: int, message_bytes: int) -> None:
    """Work until somebody ends it."""
    broker = NatsBroker(nats_url, logger=None, apply_types=False)
    connection = await broker.connect()
    jetstream = connection.jetstream()
    bucket = await jetstream.key_value(FSM.name)
    document, message = b"d" * document_bytes, b"m" * message_bytes

    async def handle(_body: bytes) -> None:
        heard: NatsMessage = broker.context.get_local("message")
        await answer(jetstream, bucket, heard.raw_message, document, message)

    for lane in CONVERSATION_INBOUND:
        subscriber = broker.subscriber(
            lane.filter_subject,
            stream=JStream(lane.stream, declare=False),
            durable=lane.name,
            pull_sub=PullSub(batch_size=1, timeout=PULL_SECONDS),
            ack_policy=AckPolicy.MANUAL,
            decoder=_undecoded,
        )
        subscriber(handle)
    await broker.start()
    await asyncio.Event().wait()


async def _undecoded(message: NatsMessage) -> bytes:
    return message.body


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
