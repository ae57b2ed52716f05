"""Accounts that a platform refuses and people who cannot be reached: known to all, and told."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from notifier_house import BOT, PHONE_ID, http, outbound
from notifier_stage import SMTP_PORT, Stage, counted, running, settings

from contracts import (
    Address,
    DeliveryReported,
    Message,
    NoteReachability,
    OutboundMessage,
    PeerChanged,
    Template,
    derived_id,
)

ADMIN_EMAIL = "admin@example.org"
BY_MAIL = {"admin_email": ADMIN_EMAIL, "smtp_url": f"smtp://127.0.0.1:{SMTP_PORT}"}
SOON_SECONDS = 20.0


async def not_ready(notifier: httpx.AsyncClient) -> str:
    """What fails, as soon as something does."""
    async with asyncio.timeout(SOON_SECONDS):
        while (health := await notifier.get("/health/ready")).status_code == 200:
            await asyncio.sleep(0.02)
    return str(health.json()["failing"])


async def mails(stage: Stage, count: int) -> list[str]:
    """What the admin got, once it is so much."""
    async with asyncio.timeout(40):
        while True:
            found = (await stage.platforms.get("/sim/mail", params={"to": ADMIN_EMAIL})).json()
            if len(found) >= count:
                return [mail["text"] for mail in found]
            await asyncio.sleep(0.05)


async def publish(stage: Stage, message: Message) -> None:
    await stage.client.jetstream().publish(
        message.route(),
        message.model_dump_json().encode(),
        headers={"Nats-Msg-Id": str(message.id)},
    )


async def worked_off(stage: Stage, stream: str, consumer: str) -> None:
    """Wait until a consumer has nothing left."""
    jetstream = stage.client.jetstream()
    async with asyncio.timeout(SOON_SECONDS):
        while True:
            info = await jetstream.consumer_info(stream, consumer)
            if info.num_pending == 0 and info.num_ack_pending == 0:
                return
            await asyncio.sleep(0.02)


async def notes(stage: Stage) -> list[NoteReachability]:
    """What the registry is told of chats."""
    jetstream = stage.client.jetstream()
    last = (await jetstream.stream_info("COMMANDS")).state.last_seq
    bodies = [await jetstream.get_msg("COMMANDS", number) for number in range(1, last + 1)]
    return [NoteReachability.model_validate_json(body.data or b"") for body in bodies]


async def test_a_lost_token_stops_every_replica_and_one_persons_message_is_the_only_test(
    stage: Stage,
) -> None:
    ann, bob = await stage.person("telegram"), await stage.person("telegram")
    async with (
        running(settings(stage, **BY_MAIL)) as one,
        running(settings(stage, **BY_MAIL)) as other,
    ):
        await stage.fault("unauthorized")
        messages = [await stage.send(ann)]
        failing = await asyncio.gather(not_ready(one), not_ready(other))
        assert all("telegram (" in each or "telegram-401" in each for each in failing)
        messages.append(await stage.send(bob))
        # It is asked whether the token is good, and nobody's message is.
        async with asyncio.timeout(SOON_SECONDS):
            while len(await stage.calls(method="getMe")) < 3:
                await asyncio.sleep(0.05)
        assert len(await stage.calls(method="sendMessage")) == 1
        (mail,) = await mails(stage, 1)
        assert f"Telegram bot {BOT}: nothing goes out any more" in mail
        await stage.platforms.delete("/sim/faults")
        for message in messages:
            assert await stage.outcome(message) == ("accepted", None, False)
        assert await counted(one, _stopped_series("telegram", BOT)) == 0
        told = await mails(stage, 2)
    assert len(told) == 2
    assert "messages go out again" in told[1]
    assert "Sent late: 2. Too late to be sent: 0." in told[1]


async def test_what_others_tell_the_admin_by_a_bot_that_is_away_is_mailed(stage: Stage) -> None:
    admin = await stage.person("telegram")
    changes = {**BY_MAIL, "admin_telegram_chat": admin.address.chat_id}
    async with running(settings(stage, **changes)):
        await stage.fault("500")
        news = await stage.send(admin, text="The registry is silent.", priority="transactional")
        (mail,) = await mails(stage, 1)
        assert "The registry is silent." in mail
        await stage.platforms.delete("/sim/faults")
        assert await stage.outcome(news) == ("accepted", None, False)


def _stopped_series(platform: str, account: str) -> str:
    return (
        f'turnout_account_stopped{{account="{account}",platform="{platform}",service="notifier"}}'
    )


async def test_what_expired_meanwhile_is_counted(stage: Stage) -> None:
    ann, bob = await stage.person("whatsapp"), await stage.person("whatsapp")
    admin = await stage.person("telegram")
    chat = {"admin_telegram_chat": admin.address.chat_id, "admin_language": "ru"}
    async with running(settings(stage, **chat)) as notifier:
        await stage.fault("unauthorized", "whatsapp")
        kept = await stage.send(ann)
        deadline = datetime.now(UTC) + timedelta(seconds=2)
        lost = await stage.send(bob, expires_at=deadline)
        await not_ready(notifier)
        while datetime.now(UTC) < deadline:
            await asyncio.sleep(0.05)
        await stage.platforms.delete("/sim/faults")
        assert await stage.outcome(kept) == ("accepted", None, False)
        assert await stage.outcome(lost) == ("expired", None, False)
        async with asyncio.timeout(60):
            first, last = await admin.hears(2)
    assert "больше ничего не отправляется" in first["text"]
    assert "Отправлено с опозданием: 1. Отправлять было уже поздно: 1." in last["text"]


def number_with(token: Path) -> dict[str, Any]:
    """Settings of a notifier whose only WhatsApp number has its token in a file."""
    accounts = token.with_suffix(".toml")
    accounts.write_text(f'[[whatsapp]]\nphone_id = "{PHONE_ID}"\ntoken_file = "{token}"')
    return {
        "turnout_accounts": accounts,
        "whatsapp_token": None,
        "whatsapp_phone_id": None,
        "whatsapp_waba_id": None,
        "account_probe_seconds": 3600,
    }


async def ready(notifier: httpx.AsyncClient) -> None:
    """Wait until nothing fails."""
    async with asyncio.timeout(SOON_SECONDS):
        while (await notifier.get("/health/ready")).status_code != 200:
            await asyncio.sleep(0.02)


async def test_a_new_token_is_tried_at_once(stage: Stage, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-of-yesterday")
    ann = await stage.person("whatsapp")
    async with running(settings(stage, **number_with(token))) as notifier:
        message = await stage.send(ann)
        assert "whatsapp-190" in await not_ready(notifier)
        token.write_text("demo-whatsapp-token")
        assert await stage.outcome(message) == ("accepted", None, False)
    assert len(await ann.heard()) == 1


async def test_a_replica_that_gets_the_new_token_later_stops_nobody_else(
    stage: Stage, tmp_path: Path
) -> None:
    tokens = [tmp_path / "one", tmp_path / "other"]
    for token in tokens:
        token.write_text("a-token-of-yesterday")
    ann = await stage.person("whatsapp")
    async with (
        running(settings(stage, **number_with(tokens[0]))) as one,
        running(settings(stage, **number_with(tokens[1]))) as other,
    ):
        messages = [await stage.send(ann)]
        await asyncio.gather(not_ready(one), not_ready(other))
        tokens[0].write_text("demo-whatsapp-token")
        await ready(one)
        # The other one meets the refusal with one of these, and stops alone.
        async with asyncio.timeout(SOON_SECONDS):
            while (await other.get("/health/ready")).status_code == 200:
                messages.append(await stage.send(await stage.person("whatsapp")))
        assert (await one.get("/health/ready")).status_code == 200
        tokens[1].write_text("demo-whatsapp-token")
        await ready(other)
        for message in messages:
            assert await stage.outcome(message) == ("accepted", None, False)


async def test_a_token_that_expires_is_a_metric_and_a_warning(stage: Stage) -> None:
    admin = await stage.person("telegram")
    ends = datetime.now(UTC) + timedelta(days=3, hours=1)
    changes = {
        "admin_telegram_chat": admin.address.chat_id,
        "whatsapp_token_expires_at": ends,
    }
    async with running(settings(stage, **changes)) as one, running(settings(stage, **changes)):
        (heard,) = await admin.hears()
        assert f"WhatsApp number {PHONE_ID}: the token expires on {ends.date()}" in heard["text"]
        series = (
            f'turnout_token_expires_timestamp_seconds{{account="{PHONE_ID}",'
            'platform="whatsapp",service="notifier"}'
        )
        assert await counted(one, series) == pytest.approx(ends.timestamp())
        await stage.until_quiet()
    assert len(await admin.heard()) == 1


async def test_a_template_that_is_refused_is_told_once_a_day(stage: Stage) -> None:
    admin, ann = await stage.person("telegram"), await stage.person("whatsapp")
    template = Template(name="event_reminder", parameters=("PyCon", "at 18:00", "Hall 1"))
    async with running(settings(stage, admin_telegram_chat=admin.address.chat_id)):
        for _ in range(3):
            await stage.fault("error", "whatsapp", code=132012, count=1)
            message = await stage.send(
                ann, heard_at=None, priority="transactional", template=template
            )
            assert await stage.outcome(message) == ("failed", "whatsapp-132012", False)
        (heard,) = await admin.hears()
        await stage.until_quiet()
    assert "refuses the template “event_reminder” (whatsapp-132012)" in heard["text"]
    assert len(await admin.heard()) == 1


async def test_who_blocks_us_is_left_alone_on_every_replica_until_they_come_back(
    stage: Stage,
) -> None:
    ann = await stage.person("telegram")

    def act(**what: Any) -> PeerChanged:
        act_id = uuid4()
        return PeerChanged(
            id=act_id,
            occurred_at=datetime.now(UTC),
            correlation_id=act_id,
            address=ann.address,
            at=datetime.now(UTC),
            **what,
        )

    async with running(settings(stage)), running(settings(stage)):
        await publish(stage, act(blocked=True))
        await worked_off(stage, "REACH", "notifier-reach")
        for _ in range(4):
            blocked = await stage.send(ann, heard_at=None, priority="transactional")
            assert await stage.outcome(blocked) == ("suppressed", "blocked", False)
        await publish(stage, act(blocked=False))
        await worked_off(stage, "REACH", "notifier-reach")
        assert await stage.outcome(await stage.send(ann, heard_at=None)) == (
            "accepted",
            None,
            False,
        )
    assert [note.blocked for note in await notes(stage)] == [True, False]
    assert await stage.calls(method="sendMessage", outcome="refused") == []


async def test_who_blocked_us_unseen_is_found_out_once_and_reopened_by_their_next_word(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    await ann.does("block")
    heard_at = datetime.now(UTC)
    first = await stage.send(ann, heard_at=heard_at)
    assert await stage.outcome(first) == ("failed", "telegram-403", False)
    second = await stage.send(ann, heard_at=heard_at)
    assert await stage.outcome(second) == ("suppressed", "blocked", False)
    await ann.does("unblock")
    third = await stage.send(ann, heard_at=heard_at + timedelta(seconds=1))
    assert await stage.outcome(third) == ("accepted", None, False)
    told = await notes(stage)
    assert [(note.blocked, note.reason) for note in told] == [(True, "telegram-403"), (False, None)]


@pytest.mark.parametrize(
    ("code", "changes", "expected"),
    [
        ("131026", {}, ("suppressed", "blocked", False)),
        ("131047", {}, ("suppressed", "window-closed", False)),
        ("131049", {"marketing": True}, ("suppressed", "marketing-stopped", False)),
        ("131050", {"marketing": True}, ("suppressed", "marketing-stopped", False)),
        ("131049", {}, ("accepted", None, False)),
        ("131052", {}, ("accepted", None, False)),
    ],
)
async def test_what_whatsapp_tells_later_counts_for_the_next_message(
    stage: Stage,
    notifier: httpx.AsyncClient,
    code: str,
    changes: dict[str, Any],
    expected: tuple[str, str | None, bool],
) -> None:
    ann = await stage.person("whatsapp")
    heard_at = datetime.now(UTC)
    sent = await stage.send(ann, heard_at=heard_at)
    assert (await stage.outcome(sent))[0] == "accepted"
    await publish(stage, _failed(sent, code))
    await worked_off(stage, "DELIVERY", "notifier-statuses")
    assert await stage.outcome(await stage.send(ann, heard_at=heard_at, **changes)) == expected
    # Whoever writes again can be written to again.
    again = await stage.send(ann, heard_at=datetime.now(UTC) + timedelta(seconds=1))
    assert (await stage.outcome(again))[0] == "accepted"
    told = [note.blocked for note in await notes(stage)]
    assert told == {"131026": [True, False], "131050": [False]}.get(code, [])


async def test_a_payment_that_failed_later_stops_the_account(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("whatsapp")
    sent = await stage.send(ann)
    assert (await stage.outcome(sent))[0] == "accepted"
    await publish(stage, _failed(sent, "131042"))
    assert "whatsapp-131042" in await not_ready(notifier)


def _failed(message: OutboundMessage, code: str) -> DeliveryReported:
    return DeliveryReported(
        id=derived_id(message.id, "platform-failed"),
        occurred_at=datetime.now(UTC),
        correlation_id=message.id,
        platform="whatsapp",
        outbound_id=message.id,
        status="failed",
        source="platform",
        reason=f"whatsapp-{code}",
    )


async def test_what_is_for_an_old_number_goes_to_the_new_one(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann, bea = await stage.person("whatsapp"), await stage.person("whatsapp")
    moved_id = uuid4()
    moved = PeerChanged(
        id=moved_id,
        occurred_at=datetime.now(UTC),
        correlation_id=moved_id,
        address=bea.address,
        at=datetime.now(UTC),
        previous=ann.address.chat_id,
        heard=True,
    )
    await publish(stage, moved)
    await worked_off(stage, "REACH", "notifier-reach")
    message = await stage.send(ann, heard_at=datetime.now(UTC) - timedelta(minutes=1))
    assert await stage.outcome(message) == ("accepted", None, False)
    assert len(await bea.heard()) == 1
    assert await ann.heard() == []


@asynccontextmanager
async def a_group_that_moved(old: str, new: str) -> AsyncIterator[tuple[str, list[str]]]:
    """A Bot API that knows the group under its new id only; the chats that it was called for."""
    called: list[str] = []
    moved = http(
        400,
        '{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a '
        f'supergroup chat","parameters":{{"migrate_to_chat_id":{new}}}}}',
    )
    sent = http(
        200,
        f'{{"ok":true,"result":{{"message_id":1,"date":1,"chat":{{"id":{new},"type":"group"}}}}}}',
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        chat = re.search(rb"chat_id=(-?\d+)", body)
        if chat:
            called.append(chat[1].decode())
        writer.write(moved if chat and chat[1].decode() == old else sent)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", called


async def test_a_group_that_moved_is_followed_once_and_remembered(stage: Stage) -> None:
    old, new = "-42", "-1001234567890"
    group = Address(platform="telegram", account=BOT, chat_id=old)
    async with (
        a_group_that_moved(old, new) as (url, called),
        running(settings(stage, telegram_api_url=url)),
    ):
        for _ in range(2):
            message = outbound(address=group)
            await publish(stage, message)
            assert await stage.outcome(message) == ("accepted", None, False)
    assert called == [old, new, new]
