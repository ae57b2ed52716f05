"""Somebody wished to be forgotten: nothing of their chat from before is left anywhere."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from nats.js.errors import NotFoundError
from notifier_marker import found, stored
from notifier_stage import WAIT_SECONDS_MAX, Person, Stage, running, settings

from contracts import Address, PeerChanged
from contracts.topology import MAIL_ACCOUNT, PEERS
from notifier.peers import Peer

HOUR = timedelta(hours=1)
PLATFORMS = ["telegram", "whatsapp"]
MARKER = "Quetzalcoatl"
"""A word of a text that nobody else uses."""


async def wishes(
    stage: Stage, person: Person, at: datetime, after: timedelta = timedelta()
) -> None:
    """The registry says so, that long after the wish; returns when it has been done."""
    change = PeerChanged(
        id=uuid4(),
        occurred_at=at + after,
        correlation_id=uuid4(),
        address=person.address,
        at=at,
        forgotten=True,
    )
    jetstream = stage.client.jetstream()
    await jetstream.publish(change.route(), change.model_dump_json().encode())
    await until_heard(stage)


async def until_heard(stage: Stage) -> None:
    """All that was said of people has been taken in."""
    jetstream = stage.client.jetstream()
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while (await jetstream.stream_info("REACH")).state.messages:
            await asyncio.sleep(0.02)


async def peer(stage: Stage, person: Person) -> Peer | None:
    """The document, read as it lies in the stream: a marker of its deletion would be found too."""
    try:
        raw = await stage.client.jetstream().get_last_msg(
            f"KV_{PEERS.name}", f"$KV.peers.{person.address.platform}.{person.address.chat_key}"
        )
    except NotFoundError:
        return None
    assert raw.data, "no marker"
    return Peer.model_validate_json(raw.data)


async def flood(stage: Stage, person: Person, seconds: int) -> None:
    code = {"code": 131056} if person.address.platform == "whatsapp" else {}
    await stage.fault(
        "429",
        person.address.platform,
        person=person.address.chat_id,
        count=1,
        retry_after=seconds,
        **code,
    )


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_nothing_is_left_of_a_chat(stage: Stage, platform: str) -> None:
    async with running(settings(stage)):
        ann, ben = await stage.person(platform), await stage.person(platform)
        for person in (ann, ben):
            assert (await stage.outcome(await stage.send(person, text=MARKER)))[0] == "accepted"
        keys = (ann.address.chat_key, ann.address.chat_id)
        # The control: what is looked for was there, and is found.
        assert "KV_peers" in await found(stage, *keys)
        await wishes(stage, ann, datetime.now(UTC), after=20 * HOUR)
        assert await found(stage, *keys) == set()
        assert await peer(stage, ben) is not None


async def test_mail_that_was_set_aside_goes_with_who_it_was_for(stage: Stage) -> None:
    async with running(settings(stage)):
        mine, other = (
            Address(platform="email", account=MAIL_ACCOUNT, chat_id=str(uuid4())) for _ in range(2)
        )
        jetstream = stage.client.jetstream()
        for mail in (mine, other):
            body = f'{{"email_to": "{MARKER}-{mail.chat_id}@example.org"}}'
            await jetstream.publish(f"dead.outbound.email.{mail.chat_key}", body.encode())
        change = PeerChanged(
            id=uuid4(),
            occurred_at=datetime.now(UTC),
            correlation_id=uuid4(),
            address=mine,
            at=datetime.now(UTC),
            forgotten=True,
        )
        await jetstream.publish(change.route(), change.model_dump_json().encode())
        await until_heard(stage)
        assert await found(stage, f"{MARKER}-{mine.chat_id}") == set()
        assert await found(stage, f"{MARKER}-{other.chat_id}") == {"DEAD"}


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_the_ledger_does_not_say_whom_a_message_was_for(stage: Stage, platform: str) -> None:
    async with running(settings(stage)):
        ann = await stage.person(platform)
        await stage.outcome(await stage.send(ann, text=MARKER))
        marks = (ann.address.chat_id, MARKER)
        assert await found(stage, *marks) <= {"KV_peers"}
        entries = [text async for name, text in stored(stage) if name == "KV_ledger"]
        assert entries
        assert not any("wamid" in text for text in entries)


async def test_what_is_parked_ends_with_a_result_and_the_goodbye_still_goes(stage: Stage) -> None:
    async with running(settings(stage)):
        ann = await stage.person("telegram")
        await flood(stage, ann, seconds=3)
        old = [await stage.send(ann, text=f"{MARKER} {n}") for n in range(3)]
        await stage.until_parked(3)
        assert "PARKED" in await found(stage, MARKER)
        at = datetime.now(UTC)
        # It goes into the window that the wish itself has opened, perhaps by a clock ahead of ours.
        later = at + timedelta(seconds=1)
        goodbye = await stage.send(ann, text="Goodbye", occurred_at=later, heard_at=later)
        await stage.until_parked(4)
        await wishes(stage, ann, at)
        assert await found(stage, MARKER) == set()
        for message in old:
            assert await stage.outcome(message) == ("suppressed", "forgotten", False)
        assert await stage.outcome(goodbye) == ("accepted", None, False)
        assert [one["text"] for one in await ann.heard()] == ["Goodbye"]
        # The goodbye has written down something of the chat once more, which the last time takes.
        assert await peer(stage, ann) is not None
        await stage.until_quiet()
        await wishes(stage, ann, at, after=20 * HOUR)
        assert await found(stage, ann.address.chat_key) == set()
