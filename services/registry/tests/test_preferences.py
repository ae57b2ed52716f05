"""How people want to be written to: the later word counts, whatever arrives first."""

from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

import pytest
from registry_house import House, chat, claim_seat, give_back, tick

from contracts import Address, ChangePreferences, FindNotice, NoticeAnswer, NoticeKind
from registry.queries import Queries

SAID = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
LATER = SAID + timedelta(seconds=1)


def wish(
    *,
    muted: bool | None = None,
    language: Literal["en", "ru"] | None = None,
    at: datetime = SAID,
    address: Address | None = None,
) -> ChangePreferences:
    return ChangePreferences(
        id=uuid4(),
        occurred_at=at,
        correlation_id=uuid4(),
        chat=address or chat(1),
        muted=muted,
        language=language,
    )


async def person(house: House, number: int = 1) -> tuple[bool, str]:
    """(muted, language) as it stands in the table."""
    (row,) = await house.rows(
        "SELECT muted, language FROM users JOIN identities ON user_id = users.id "
        "WHERE chat_id = $1",
        chat(number).chat_id,
    )
    return row["muted"], row["language"]


async def result(house: House, command_id: UUID) -> str:
    (row,) = await house.rows(
        "SELECT outcome->'result' AS result FROM handled_commands WHERE command_id = $1", command_id
    )
    return str(row["result"])


async def told(house: House, kind: NoticeKind, registration_id: UUID) -> NoticeAnswer:
    query = FindNotice(kind=kind, registration_id=registration_id, event_version=1)
    return await Queries(database=house.databases[0], clock=house.clock).find_notice(query)


async def test_stop_and_start_are_written_down(house: House) -> None:
    await house.seat(await house.event())
    assert await person(house) == (False, "en")
    await house.do(stop := wish(muted=True))
    assert await person(house) == (True, "en")
    assert '"known": true' in await result(house, stop.id)
    await house.do(wish(muted=False, at=LATER))
    assert await person(house) == (False, "en")


async def test_a_language_and_a_stop_leave_each_other_alone(house: House) -> None:
    await house.seat(await house.event())
    # The stop was said first and arrives last; it is about something else than the language.
    await house.do(wish(language="ru", at=LATER))
    await house.do(wish(muted=True))
    assert await person(house) == (True, "ru")


async def test_of_two_wishes_the_later_said_stays(house: House) -> None:
    await house.seat(await house.event())
    await house.do(wish(muted=False, language="ru", at=LATER))
    await house.do(wish(muted=True, language="en"))
    assert await person(house) == (False, "ru")


async def test_a_wish_that_comes_twice_is_carried_out_once(house: House) -> None:
    await house.seat(await house.event())
    stop = wish(muted=True)
    await house.do(stop)
    await house.do(wish(muted=False, at=LATER))
    await house.do(stop, house.replica())
    assert await person(house) == (False, "en")
    # Nobody waits for an answer: nothing is said to the chat.
    assert [answer.command_id for answer in await house.answers()].count(stop.id) == 0


async def test_for_a_chat_that_nobody_knows_there_is_nothing_to_change(house: House) -> None:
    await house.seat(await house.event())
    await house.do(stop := wish(muted=True, address=chat(2)))
    assert '"known": false' in await result(house, stop.id)
    assert await person(house) == (False, "en")


async def test_the_first_claim_carries_the_wish(house: House) -> None:
    claim = claim_seat(await house.event(), 7).model_copy(update={"muted": True, "language": "ru"})
    await house.do(claim)
    assert await person(house, 7) == (True, "ru")


async def test_a_later_claim_does_not_undo_a_stop(house: House) -> None:
    await house.seat(await house.event())
    await house.do(wish(muted=True))
    # Another chat of the same person, or a claim that an operator sends again, knows of no stop.
    await house.do(claim_seat(await house.event()))
    assert await person(house) == (True, "en")


@pytest.mark.parametrize("kind", ["reminder-24h", "reminder-1h", "seat-confirmed", "event-changed"])
async def test_who_said_stop_is_told_nothing_of_any_kind(house: House, kind: NoticeKind) -> None:
    seat = await house.seat(await house.event(starts_in=timedelta(hours=30)))
    assert (await told(house, kind, seat.id)).address == chat(1)
    await house.do(wish(muted=True))
    assert (await told(house, kind, seat.id)).address is None
    await house.do(wish(muted=False, at=LATER))
    assert (await told(house, kind, seat.id)).address == chat(1)


async def test_who_said_stop_is_offered_no_seat(house: House) -> None:
    event_id = await house.event(1)
    seat = await house.seat(event_id)
    await house.do(claim_seat(event_id, 2))
    await house.do(give_back(seat, chat(1)))
    (offered,) = await house.rows("SELECT id FROM event_registrations WHERE status = 'offered'")
    assert (await told(house, "seat-offered", offered["id"])).address == chat(2)
    await house.do(wish(muted=True, address=chat(2)))
    assert (await told(house, "seat-offered", offered["id"])).address is None


async def test_the_tick_goes_on_for_who_is_muted(house: House) -> None:
    """It is planned and handed over as for everybody: start, said in time, brings it back."""
    await house.seat(await house.event(starts_in=timedelta(hours=25)))
    await house.do(wish(muted=True))
    house.clock.advance(timedelta(hours=1, minutes=1))
    await house.do(tick(house.clock.now()))
    assert [notice.kind for notice in await house.notices()] == ["reminder-24h"]
