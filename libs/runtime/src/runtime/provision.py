"""`python -m runtime.provision`: make the streams, consumers, buckets and rings; repeat at will."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import nats
from nats.js import JetStreamContext, api
from nats.js.errors import BadRequestError, BucketNotFoundError, NotFoundError
from pydantic import Field, SecretStr

from contracts import topology
from contracts.topology import (
    BUCKETS,
    RETENTION_DAYS,
    STREAMS,
    Bucket,
    Consumer,
    Ring,
    Stream,
    Tier,
)
from runtime.accounts import AccountBook, read_accounts
from runtime.settings import AccountSettings, Misconfigured

CONNECT_ATTEMPTS_MAX = 20
"""With a second between them: a Job in Kubernetes may start before the broker does."""

HAND_OVER_SECONDS_MAX = 15.0
"""So long a lane that will be another is let end what is in hand; each has one message."""
HAND_OVER_POLL_SECONDS = 0.1

RETENTION_DAYS_MIN = 30
"""As at the registry, which forgets people after as long."""
DAY_SECONDS = 86_400.0

RING_BYTES_MAX = 1024 * 1024
"""A thousand permits take 60 KB."""
PAYLOAD_BYTES_MIN = 4 * 1024 * 1024
"""A WhatsApp webhook of 3 MB that is set aside must fit with its headers."""


class ProvisionSettings(AccountSettings):
    """Whose rings to make, and how safe the streams are."""

    nats_replicas: int = 1
    """3 in a cluster; with 1 use `sync_interval: always` (docs/operations.md)."""
    smtp_url: SecretStr | None = None
    """With it there is e-mail, which has a ring of its own."""
    retention_days: int = Field(default=RETENTION_DAYS, ge=RETENTION_DAYS_MIN)
    """How long a chat's documents are kept that nobody has written to."""


async def provision(
    jetstream: JetStreamContext,
    rings: Sequence[Ring],
    replicas: int = 1,
    *,
    tiers: Sequence[Tier] = (),
    retention_days: int = RETENTION_DAYS,
) -> int:
    """Make everything in `contracts.topology` as it is described there.

    Args:
        jetstream: where.
        rings: the permits of each account.
        replicas: of every stream.
        tiers: the limits of people of WhatsApp's portfolios.
        retention_days: how long buckets keep what is about people.

    Returns:
        How many streams, consumers and buckets exist now because of us.
    """
    made = 0
    for stream in STREAMS:
        await _make_stream(jetstream, stream, replicas)
        await _clear_way(jetstream, stream)
        await asyncio.gather(
            *(_make_consumer(jetstream, consumer) for consumer in stream.consumers)
        )
        made += 1 + len(stream.consumers)
    of_people = retention_days * DAY_SECONDS
    for bucket in BUCKETS:
        kept = replace(bucket, age_max_seconds=of_people) if bucket.of_people else bucket
        await _make_bucket(jetstream, kept, replicas)
    for ring in rings:
        await _make_ring(jetstream, ring, replicas)
        lanes = topology.wake_lanes(ring.platform, ring.account)
        await asyncio.gather(*(_make_consumer(jetstream, lane) for lane in lanes))
        made += 2 + len(lanes)
    for tier in tiers:
        await _make_tier(jetstream, tier, replicas)
    return made + len(BUCKETS) + len(tiers)


async def _make_stream(jetstream: JetStreamContext, stream: Stream, replicas: int) -> None:
    transform = (
        api.SubjectTransform(src=stream.transform[0], dest=stream.transform[1])
        if stream.transform
        else None
    )
    await _add_or_update(
        jetstream,
        api.StreamConfig(
            name=stream.name,
            subjects=list(stream.subjects),
            retention=(
                api.RetentionPolicy.WORK_QUEUE
                if stream.retention == "workqueue"
                else api.RetentionPolicy.LIMITS
            ),
            discard=api.DiscardPolicy.NEW if stream.discard == "new" else api.DiscardPolicy.OLD,
            storage=api.StorageType.FILE,
            max_bytes=stream.bytes_max,
            max_msgs=stream.messages_max,
            max_age=stream.age_max_seconds or None,
            duplicate_window=stream.duplicate_window_seconds,
            num_replicas=replicas,
            subject_transform=transform,
            allow_direct=True,
            allow_msg_schedules=stream.schedules,
        ),
    )


async def _add_or_update(jetstream: JetStreamContext, config: api.StreamConfig) -> None:
    try:
        await jetstream.add_stream(config)
    except BadRequestError:
        # It exists with another configuration: bring it to ours.
        await jetstream.update_stream(config)


async def _clear_way(jetstream: JetStreamContext, stream: Stream) -> None:
    """Take away the lanes of earlier releases that are others now, or none.

    No two consumers of a work queue may take the same, so the old ones go before the new ones come.
    They are not updated in place: a lane that takes more than before would go on from where it is,
    and not see what others left behind it. A new one begins with all that is stored.
    """
    if stream.retention != "workqueue":
        return
    wanted = {one.name: set(one.filter_subjects) for one in stream.consumers}
    leaving = [
        name
        for name, subjects in (await _taken_by(jetstream, stream.name)).items()
        if name in stream.retired or subjects != wanted.get(name, subjects)
    ]
    await asyncio.gather(*(_let_end(jetstream, stream.name, name) for name in leaving))
    await asyncio.gather(*(jetstream.delete_consumer(stream.name, name) for name in leaving))


async def _taken_by(jetstream: JetStreamContext, stream: str) -> dict[str, set[str]]:
    """What each consumer that exists takes."""
    found: dict[str, set[str]] = {}
    while page := await jetstream.consumers_info(stream, offset=len(found)):
        for info in page:
            one = info.config.filter_subject
            found[info.name] = {one} if one else set(info.config.filter_subjects or ())
    return found


async def _let_end(jetstream: JetStreamContext, stream: str, name: str) -> None:
    """Let a lane end what is in hand: its successor would hand it out once more."""
    ends = datetime.now(UTC) + timedelta(seconds=HAND_OVER_SECONDS_MAX)
    # By a time, so that it goes on if this process dies.
    await jetstream.pause_consumer(stream, name, ends.isoformat().replace("+00:00", "Z"))
    while (await jetstream.consumer_info(stream, name)).num_ack_pending:
        if datetime.now(UTC) > ends:
            return
        await asyncio.sleep(HAND_OVER_POLL_SECONDS)


async def _make_consumer(jetstream: JetStreamContext, consumer: Consumer) -> None:
    await jetstream.add_consumer(
        consumer.stream,
        api.ConsumerConfig(
            name=consumer.name,
            durable_name=consumer.name,
            filter_subject=None if consumer.further_subjects else consumer.filter_subject,
            filter_subjects=list(consumer.filter_subjects) if consumer.further_subjects else None,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=consumer.ack_wait_seconds,
            max_ack_pending=consumer.in_flight_max,
            # Deliveries are limited by runtime.endings, which can tell a crash from a bug.
            max_deliver=-1,
        ),
    )


async def _make_bucket(jetstream: JetStreamContext, bucket: Bucket, replicas: int) -> None:
    try:
        found = await (await jetstream.key_value(bucket.name)).status()
    except BucketNotFoundError:
        await jetstream.create_key_value(
            api.KeyValueConfig(
                bucket=bucket.name,
                history=1,
                ttl=bucket.age_max_seconds or None,
                max_bytes=bucket.bytes_max,
                storage=api.StorageType.FILE,
                replicas=replicas,
                direct=True,
            )
        )
        return
    # With all the rest as it is: an update replaces the whole of it.
    config = found.stream_info.config
    wanted = {"max_age": bucket.age_max_seconds, "max_bytes": bucket.bytes_max}
    if any((getattr(config, name) or 0) != value for name, value in wanted.items()):
        await jetstream.update_stream(config.evolve(**wanted))


async def _make_ring(jetstream: JetStreamContext, ring: Ring, replicas: int) -> None:
    """A stream of N permits, and the consumer that hands each out again after the window.

    The size changes while the ring is in use: what is taken out is not handed out again, what is
    put in is handed out once more than before, so no window sees more than the larger of the two.
    """
    with suppress(NotFoundError):
        if (await jetstream.stream_info(ring.stream)).state.messages > ring.held:
            await jetstream.purge_stream(ring.stream, keep=ring.held)
    await _add_or_update(
        jetstream,
        api.StreamConfig(
            name=ring.stream,
            subjects=[ring.subject],
            retention=api.RetentionPolicy.LIMITS,
            discard=api.DiscardPolicy.NEW,
            storage=api.StorageType.FILE,
            max_msgs=ring.held,
            max_bytes=RING_BYTES_MAX,
            num_replicas=replicas,
        ),
    )
    await jetstream.add_consumer(
        ring.stream,
        api.ConsumerConfig(
            name=ring.consumer,
            durable_name=ring.consumer,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=ring.window_seconds,
            max_ack_pending=-1,
            max_deliver=-1,
            max_waiting=2048,
        ),
    )
    info = await jetstream.stream_info(ring.stream)
    for _ in range(ring.held - info.state.messages):
        await jetstream.publish(ring.subject, b"")


async def _make_tier(jetstream: JetStreamContext, tier: Tier, replicas: int) -> None:
    await _add_or_update(
        jetstream,
        api.StreamConfig(
            name=tier.stream,
            subjects=[f"{tier.subject}.*"],
            retention=api.RetentionPolicy.LIMITS,
            # Refuses a new person when it is full; a known one replaces what is known of them.
            discard=api.DiscardPolicy.NEW,
            storage=api.StorageType.FILE,
            max_msgs=tier.recipients,
            max_msgs_per_subject=1,
            max_age=tier.age_max_seconds,
            num_replicas=replicas,
        ),
    )


def rings(book: AccountBook, settings: ProvisionSettings | None = None) -> list[Ring]:
    """The rings of all bots and numbers, and of e-mail where there is a way for it."""
    mail = (
        [topology.ring("email", topology.MAIL_ACCOUNT, settings.email_per_second)]
        if settings is not None and settings.smtp_url is not None
        else []
    )
    return [
        *(topology.ring("telegram", bot.account, bot.permits) for bot in book.telegram),
        *(topology.ring("whatsapp", number.account, number.permits) for number in book.whatsapp),
        *mail,
    ]


def tiers(book: AccountBook) -> list[Tier]:
    """The limits of people, one for each portfolio that has one."""
    found = {number.tier.portfolio: number.tier for number in book.whatsapp if number.tier}
    return list(found.values())


async def main() -> None:
    """Connect, provision, say what exists."""
    settings = ProvisionSettings()
    try:
        book = read_accounts(settings).value
    except Misconfigured as error:
        raise SystemExit(f"cannot provision: {error}") from None
    client = await nats.connect(
        settings.nats_url,
        connect_timeout=5,
        max_reconnect_attempts=CONNECT_ATTEMPTS_MAX,
        reconnect_time_wait=1,
        user_credentials=str(settings.nats_creds_file) if settings.nats_creds_file else None,
    )
    try:
        if client.max_payload < PAYLOAD_BYTES_MIN:
            raise SystemExit(
                f"nats-server takes messages of {client.max_payload} bytes; a webhook may have "
                f"3 MB, so set `max_payload: 4MB` in its configuration"
            )
        made = await provision(
            client.jetstream(),
            rings(book, settings),
            settings.nats_replicas,
            tiers=tiers(book),
            retention_days=settings.retention_days,
        )
    finally:
        await client.close()
    print(  # noqa: T201 - a command that a person runs
        f"{made} streams, consumers, buckets and rings are as contracts.topology says"
    )


if __name__ == "__main__":
    asyncio.run(main())
