"""Whom we can write to: the later word counts, whatever arrives first, and every word is kept."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from registry_house import QuietHouse, chat

from contracts import Address, NoteReachability
from registry.results import ReachabilityNoted

SEEN = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
EARLIER = SEEN - timedelta(seconds=1)
LATER = SEEN + timedelta(seconds=1)


def note(
    *,
    blocked: bool,
    at: datetime = SEEN,
    marketing_stopped: bool = False,
    reason: str | None = "telegram-403",
    address: Address | None = None,
) -> NoteReachability:
    return NoteReachability(
        id=uuid4(),
        occurred_at=at,
        correlation_id=uuid4(),
        chat=address or chat(1),
        blocked=blocked,
        marketing_stopped=marketing_stopped,
        reason=reason,
        at=at,
    )


async def noted(house: QuietHouse, command: NoteReachability) -> ReachabilityNoted:
    result = (await house.carry_out(command)).result
    assert isinstance(result, ReachabilityNoted)
    return result


async def known(house: QuietHouse) -> list[tuple[object, ...]]:
    rows = await house.rows(
        "SELECT platform, chat_id, blocked, marketing_stopped, reason, at FROM reachability "
        "ORDER BY platform, chat_id"
    )
    return [tuple(row) for row in rows]


async def test_whoever_blocks_us_is_written_down_with_reason_and_time(
    quiet_house: QuietHouse,
) -> None:
    await quiet_house.seat(await quiet_house.event())
    assert (await noted(quiet_house, note(blocked=True))).known
    assert await known(quiet_house) == [
        ("telegram", chat(1).chat_id, True, False, "telegram-403", SEEN)
    ]


async def test_whoever_comes_back_can_be_written_to_again(quiet_house: QuietHouse) -> None:
    await noted(quiet_house, note(blocked=True))
    await noted(quiet_house, note(blocked=False, reason=None, at=LATER))
    assert [row[2:5] for row in await known(quiet_house)] == [(False, False, None)]


async def test_an_older_word_changes_nothing_any_more(quiet_house: QuietHouse) -> None:
    await noted(quiet_house, note(blocked=False, marketing_stopped=True, reason="stop"))
    assert not (await noted(quiet_house, note(blocked=True, at=EARLIER))).newer
    assert [row[2:5] for row in await known(quiet_house)] == [(False, True, "stop")]


async def test_a_chat_that_nobody_is_known_behind_is_noted_all_the_same(
    quiet_house: QuietHouse,
) -> None:
    by_mail = Address(platform="email", account="mail", chat_id=str(uuid4()))
    assert not (await noted(quiet_house, note(blocked=True, address=by_mail))).known
    assert len(await known(quiet_house)) == 1
