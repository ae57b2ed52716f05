"""What follows when the answer to a call is lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from notifier_house import outbound
from notifier_stage import POLL_SECONDS, WAIT_SECONDS_MAX, Person, Stage, counted

from contracts import DeliveryReported, DeliveryStatus, Document, OutboundMessage, Priority
from contracts.delivery import handle, read_handle
from notifier.ledger import Entry

ONCE = ("accepted", None, False)
ONCE_MORE = ("accepted", None, True)
LOST = ("unknown", "answer-lost", False)


def status(
    message: OutboundMessage, told: DeliveryStatus, *, part: int = 0, reason: str | None = None
) -> DeliveryReported:
    """What the gateway makes of a status of WhatsApp's."""
    return DeliveryReported(
        id=uuid4(),
        occurred_at=datetime.now(UTC),
        correlation_id=message.id,
        platform="whatsapp",
        outbound_id=message.id,
        status=told,
        source="platform",
        part=part,
        reason=reason,
    )


async def tell(stage: Stage, *reports: DeliveryReported) -> None:
    for report in reports:
        await stage.client.jetstream().publish(report.route(), report.model_dump_json().encode())


async def result(stage: Stage, message: OutboundMessage) -> tuple[str, str | None, bool]:
    """The notifier's own word; the platform's stand beside it."""
    jetstream = stage.client.jetstream()
    subject = f"delivery.{message.address.platform}.{message.id}"
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while True:
            stream = "OUTBOUND" if message.priority in ("reply", "transactional") else "BULK"
            waiting = [await jetstream.stream_info(name) for name in (stream, "PARKED")]
            if not any(info.state.messages for info in waiting):
                raw = await jetstream.get_last_msg("DELIVERY", subject)
                report = DeliveryReported.model_validate_json(raw.data or b"")
                assert report.source == "notifier"
                return report.status, report.reason, report.repeated
            await asyncio.sleep(POLL_SECONDS)


async def send(stage: Stage, person: Person, message: OutboundMessage) -> None:
    """Publish a message whose id was known before."""
    await stage.client.jetstream().publish(
        message.route(),
        message.model_dump_json().encode(),
        headers={"Nats-Msg-Id": str(message.redriven or message.id)},
    )


def to(person: Person, **changes: Any) -> OutboundMessage:
    return outbound(address=person.address, **({"heard_at": datetime.now(UTC)} | changes))


async def write_entry(stage: Stage, message: OutboundMessage, **entry: Any) -> None:
    bucket = await stage.client.jetstream().key_value("ledger")
    await bucket.put(str(message.id), Entry(**entry).model_dump_json().encode())


@asynccontextmanager
async def counting(
    notifier: httpx.AsyncClient, platform: str, priority: str, outcome: str
) -> AsyncIterator[None]:
    """Exactly one more unknown outcome ends so."""
    series = (
        f'turnout_sends_unknown_total{{outcome="{outcome}",platform="{platform}",'
        f'priority="{priority}",service="notifier"}}'
    )
    before = await counted(notifier, series)
    yield
    assert await counted(notifier, series) == before + 1


@pytest.mark.parametrize("priority", ["reply", "transactional", "reminder", "bulk"])
@pytest.mark.parametrize("told", ["sent", "delivered", "read"])
async def test_a_status_of_whatsapp_s_makes_a_lost_answer_a_known_one(
    stage: Stage, notifier: httpx.AsyncClient, priority: Priority, told: DeliveryStatus
) -> None:
    ann = await stage.person("whatsapp")
    message = to(ann, priority=priority)
    await stage.fault("drop_response", "whatsapp", count=1)
    async with counting(notifier, "whatsapp", priority, "known-by-status"):
        # Before the answer, which is lost: statuses may come even then.
        await tell(stage, status(message, told))
        await send(stage, ann, message)
        assert await result(stage, message) == ONCE
    assert len(await ann.heard()) == 1


async def test_a_status_may_come_after_the_first_look(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("whatsapp")
    message = to(ann)
    await stage.fault("drop_response", "whatsapp", count=1)
    await send(stage, ann, message)
    bucket = await stage.client.jetstream().key_value("ledger")
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while await redelivered(stage) == 0:
            await asyncio.sleep(POLL_SECONDS)
    entry = await bucket.get(str(message.id))
    assert json.loads(entry.value or b"")["state"] == "attempting"
    await tell(stage, status(message, "delivered"), status(message, "sent"))
    assert await result(stage, message) == ONCE
    assert len(await ann.heard()) == 1


async def redelivered(stage: Stage) -> int:
    """How many messages of OUTBOUND are in hand for a second time."""
    jetstream = stage.client.jetstream()
    found, offset = 0, 0
    while page := await jetstream.consumers_info("OUTBOUND", offset=offset):
        found += sum(info.num_redelivered or 0 for info in page)
        offset += len(page)
    return found


async def test_a_failure_that_whatsapp_tells_later_is_the_result_with_its_code(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("whatsapp")
    message = to(ann)
    await stage.fault("drop_response", "whatsapp", count=1)
    async with counting(notifier, "whatsapp", "reply", "known-by-status"):
        # The order of statuses says nothing.
        await tell(stage, status(message, "failed", reason="whatsapp-131026"))
        await tell(stage, status(message, "sent"))
        await send(stage, ann, message)
        assert await result(stage, message) == ("failed", "whatsapp-131026", False)
    assert len(await ann.heard()) == 1, "it is not tried again"


@pytest.mark.parametrize("platform", ["telegram", "whatsapp"])
@pytest.mark.parametrize(
    ("priority", "outcome", "ends", "times"),
    [
        ("reply", "sent-again", ONCE_MORE, 2),
        ("transactional", "sent-again", ONCE_MORE, 2),
        ("reminder", "given-up", LOST, 1),
        ("bulk", "given-up", LOST, 1),
    ],
)
async def test_without_a_word_the_class_decides(
    stage: Stage,
    notifier: httpx.AsyncClient,
    platform: str,
    priority: Priority,
    outcome: str,
    ends: tuple[str, str | None, bool],
    times: int,
) -> None:
    ann = await stage.person(platform)
    await stage.fault("drop_response", platform, count=1)
    async with counting(notifier, platform, priority, outcome):
        message = await stage.send(ann, priority=priority)
        assert await stage.outcome(message) == ends
    assert len(await ann.heard()) == times


async def test_statuses_that_come_before_the_answer_change_nothing(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("whatsapp")
    message = to(ann)
    await tell(stage, status(message, "read"), status(message, "sent"))
    await send(stage, ann, message)
    assert await result(stage, message) == ONCE
    assert len(await ann.heard()) == 1


async def test_the_first_half_does_not_vouch_for_the_second(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("whatsapp")
    ticket = Document(kind="ticket", data="t" * 20, filename="ticket.png")
    halves = {"document": ticket, "text": "Your ticket. " * 90}
    known, lost = to(ann, **halves), to(ann, **halves)
    for message, part in ((lost, 0), (known, 1)):
        await write_entry(stage, message, state="attempting", parts=2, parts_accepted=1)
        await tell(stage, status(message, "delivered", part=part))
        await send(stage, ann, message)
    assert await result(stage, lost) == ONCE_MORE
    assert await result(stage, known) == ONCE
    assert len(await ann.heard()) == 1, "the second half of the one that was lost"


async def test_each_request_of_a_message_has_a_handle_of_its_own(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("whatsapp")
    ticket = Document(kind="ticket", data="t" * 20, filename="ticket.png")
    message = await stage.send(ann, document=ticket, text="Your ticket. " * 90)
    assert await stage.outcome(message) == ONCE
    said = [json.dumps(call) for call in await stage.calls(platform="whatsapp")]
    for part in (0, 1):
        assert any(f'"{handle(message.id, part)}"' in call for call in said)
    assert len(await ann.heard()) == 2


def test_a_handle_can_be_read_back() -> None:
    outbound_id = uuid4()
    assert handle(outbound_id, 0) == str(outbound_id)
    for part in (0, 1, 12):
        assert read_handle(handle(outbound_id, part)) == (outbound_id, part)
    for foreign in ("", "campaign-7", f"{outbound_id}.x", f"{outbound_id}.-1", f"{outbound_id}.²"):
        with pytest.raises(ValueError, match=r"handle|badly formed"):
            read_handle(foreign)


async def test_too_late_for_the_second_time_it_is_unknown_and_not_expired(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    message = to(ann, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await write_entry(stage, message, state="ready", repeated=True)
    await send(stage, ann, message)
    assert await result(stage, message) == ("unknown", "answer-lost", True)
    assert await ann.heard() == []


async def test_the_control_without_a_ledger_says_it_twice(stage: Stage) -> None:
    ann = await stage.person("whatsapp")
    await stage.fault("drop_response", "whatsapp", count=2)
    process = await stage.process(TURNOUT_BREAK="ledger")
    message = to(ann, priority="bulk")
    await tell(stage, status(message, "sent"))
    await send(stage, ann, message)
    await ann.hears(3)
    process.kill()
