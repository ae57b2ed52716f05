"""What became of a notice: the same in any order, repeated or told to several replicas."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import permutations, product
from typing import get_args
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient
from registry_house import House, QuietHouse, read_stream, tick

from contracts import DeliveryReported, DeliveryStatus, NoticeDue, Platform, derived_id
from contracts.delivery import fold
from contracts.topology import REGISTRY_DELIVERY
from registry.notice_results import FALLBACK, expect, record

AT = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
STATUSES: tuple[DeliveryStatus, ...] = get_args(DeliveryStatus)


def notice(notice_id: UUID | None = None) -> NoticeDue:
    return NoticeDue(
        id=notice_id or uuid4(),
        occurred_at=AT,
        correlation_id=uuid4(),
        kind="reminder-1h",
        registration_id=uuid4(),
        event_id=uuid4(),
        event_version=1,
        expires_at=AT,
    )


def report(
    about: NoticeDue,
    status: DeliveryStatus,
    *,
    way: int = 0,
    reason: str | None = None,
    repeated: bool = False,
    passed_on_to: Platform | None = None,
    platform: Platform = "whatsapp",
) -> DeliveryReported:
    """As a platform says it where it can, without the notice; else as the notifier does."""
    outbound_id = derived_id(about.id, 0)
    for _ in range(way):
        outbound_id = derived_id(outbound_id, FALLBACK)
    by_platform = status in ("sent", "delivered", "read", "failed") and way < 2
    return DeliveryReported(
        id=uuid4(),
        occurred_at=AT + timedelta(seconds=STATUSES.index(status)),
        correlation_id=uuid4(),
        platform=platform,
        outbound_id=outbound_id,
        status=status,
        source="platform" if by_platform else "notifier",
        reason=reason,
        repeated=repeated,
        notice_id=None if by_platform else about.id,
        passed_on_to=passed_on_to,
    )


async def owe(house: House, *notices: NoticeDue) -> None:
    await house.databases[0].run(partial(expect, notices=notices, now=AT))


async def hear(house: House, *reports: DeliveryReported, replica: int = 0) -> int:
    return await house.databases[replica].run(partial(record, reports=reports, now=AT))


async def statuses(house: House) -> dict[UUID, str | None]:
    rows = await house.rows("SELECT notice_id, status FROM notice_deliveries")
    return {row["notice_id"]: row["status"] for row in rows}


async def only(house: House) -> dict[str, object]:
    (row,) = await house.rows("SELECT * FROM notice_deliveries")
    return dict(row)


async def test_any_two_reports_leave_what_the_contract_folds_them_to(
    quiet_house: QuietHouse,
) -> None:
    cases = {notice(): pair for pair in product(STATUSES, repeat=2)}
    await owe(quiet_house, *cases)
    await hear(quiet_house, *(report(about, first) for about, (first, _) in cases.items()))
    await hear(quiet_house, *(report(about, second) for about, (_, second) in cases.items()))
    assert await statuses(quiet_house) == {
        about.id: fold(fold(None, first), second) for about, (first, second) in cases.items()
    }


async def test_every_order_of_reports_leaves_the_same_whether_together_or_alone(
    quiet_house: QuietHouse,
) -> None:
    said: tuple[DeliveryStatus, ...] = ("accepted", "sent", "delivered", "read")
    orders = {notice(): order for order in permutations(said)}
    await owe(quiet_house, *orders)
    for turn in range(len(said)):
        await hear(quiet_house, *(report(about, order[turn]) for about, order in orders.items()))
    assert set((await statuses(quiet_house)).values()) == {"read"}
    at_once = notice()
    await owe(quiet_house, at_once)
    assert await hear(quiet_house, *(report(at_once, status) for status in said * 2)) == 1
    assert (await statuses(quiet_house))[at_once.id] == "read"


async def test_replicas_that_write_at_once_leave_the_highest(quiet_house: QuietHouse) -> None:
    quiet_house.replica()
    abouts = [notice() for _ in range(40)]
    await owe(quiet_house, *abouts)
    chance = random.Random(6)
    every = [
        report(about, status) for about in abouts for status in ("accepted", "sent", "delivered")
    ]
    chance.shuffle(every)
    pages = [every[start : start + 10] for start in range(0, len(every), 10)]
    await asyncio.gather(
        *(hear(quiet_house, *page, replica=n % 2) for n, page in enumerate(pages + pages))
    )
    assert set((await statuses(quiet_house)).values()) == {"delivered"}


async def test_a_reply_and_a_stranger_leave_no_row(quiet_house: QuietHouse) -> None:
    assert await hear(quiet_house, report(notice(), "delivered"), report(notice(), "accepted")) == 0
    assert await statuses(quiet_house) == {}


PASSED_ON = [
    ("suppressed", 0, {"passed_on_to": "email", "reason": "blocked", "platform": "telegram"}),
    ("accepted", 1, {"platform": "email"}),
]


@pytest.mark.parametrize("order", [PASSED_ON, PASSED_ON[::-1]])
async def test_what_went_another_way_is_told_by_that_way(
    quiet_house: QuietHouse, order: list[tuple[DeliveryStatus, int, dict[str, str]]]
) -> None:
    about = notice()
    await owe(quiet_house, about)
    for status, way, rest in order:
        await hear(quiet_house, report(about, status, way=way, **rest))  # type: ignore[arg-type]
    row = await only(quiet_house)
    assert (row["status"], row["reached_by"], row["passed_on_because"]) == (
        "accepted",
        "email",
        "blocked",
    )


async def test_what_was_passed_on_has_no_result_until_the_next_way_has_one(
    quiet_house: QuietHouse,
) -> None:
    about = notice()
    await owe(quiet_house, about)
    await hear(quiet_house, report(about, "accepted"))
    await hear(quiet_house, report(about, "suppressed", passed_on_to="telegram", reason="131026"))
    assert (await only(quiet_house))["status"] is None
    await hear(quiet_house, report(about, "failed", way=1, reason="telegram-400"))
    assert (await only(quiet_house))["reason"] == "telegram-400"


async def test_a_status_of_the_second_way_is_known_before_its_message_is(
    quiet_house: QuietHouse,
) -> None:
    about = notice()
    await owe(quiet_house, about)
    await hear(quiet_house, report(about, "delivered", way=1))
    assert (await only(quiet_house))["status"] == "delivered"
    await hear(quiet_house, report(about, "suppressed", passed_on_to="whatsapp"))
    assert (await only(quiet_house))["status"] == "delivered"


async def test_that_it_may_have_been_seen_twice_is_never_forgotten(
    quiet_house: QuietHouse,
) -> None:
    about = notice()
    await owe(quiet_house, about)
    await hear(quiet_house, report(about, "delivered"))
    await hear(quiet_house, report(about, "accepted", repeated=True))
    row = await only(quiet_house)
    assert (row["status"], row["repeated"]) == ("delivered", True)


async def test_a_reminder_is_expected_before_it_is_said(quiet_house: QuietHouse) -> None:
    await quiet_house.seat(await quiet_house.event(starts_in=timedelta(hours=25)))
    quiet_house.clock.advance(timedelta(hours=1, minutes=1))
    await quiet_house.do(tick(quiet_house.clock.now()))
    (said,) = await quiet_house.notices()
    row = await only(quiet_house)
    assert (row["notice_id"], row["outbound_id"]) == (said.id, derived_id(said.id, 0))
    assert (row["registration_id"], row["kind"]) == (said.registration_id, "reminder-24h")


async def test_results_are_read_from_their_stream(house: House, api: AsyncClient) -> None:
    about = notice()
    await owe(house, about)
    reply = report(notice(), "accepted").model_copy(update={"notice_id": None})
    for one in (reply, report(about, "accepted"), report(about, "delivered")):
        await house.broker.publish(one)
    async with asyncio.timeout(20):
        while (await only(house))["status"] != "delivered":
            await asyncio.sleep(0.05)
        while (
            await house.broker.jetstream.consumer_info("DELIVERY", REGISTRY_DELIVERY.name)
        ).num_ack_pending:
            await asyncio.sleep(0.05)
    assert len(await read_stream(house.broker.jetstream, "DELIVERY")) == 3
    assert await read_stream(house.broker.jetstream, "DEAD") == []
