"""Organisers' messages: whom they reach, in which order, and what stops them."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from message_house import Desk, crowd, send
from registry_commands import check_in, enter, new, prove
from registry_house import QuietHouse, chat, give_back
from test_reachability import note

from contracts import Audience, ChangePreferences, PauseMessage
from registry.messages.commands import CLOSED_AFTER, USEFUL_FOR
from registry.messages.feeding import CANARY_SETTLING, RECIPIENTS_PER_TICK_MAX


@pytest.fixture
def desk(quiet_house: QuietHouse) -> Desk:
    return Desk(quiet_house)


async def passes_canary(desk: Desk) -> None:
    """The first part goes well."""
    await desk.reports(await desk.ticks())
    desk.house.clock.advance(CANARY_SETTLING)


async def people_at(house: QuietHouse) -> tuple[UUID, dict[str, UUID]]:
    """An event with somebody in every state: their registrations, by name."""
    event_id = await house.event(3)
    seats = {name: await enter(house, event_id, n) for n, name in enumerate(("in", "out", "gone"))}
    line = {name: await enter(house, event_id, n) for n, name in ((3, "waits"), (4, "offered"))}
    await house.do(check_in(seats["in"]))
    await house.do(give_back(seats["gone"], chat(2)))
    return event_id, {name: card.id for name, card in (seats | line).items()}


@pytest.mark.parametrize(
    ("audience", "who"),
    [
        ("confirmed", {"in", "out"}),
        ("checked_in", {"in"}),
        ("not_checked_in", {"out"}),
        ("waiting", {"waits", "offered"}),
        ("all", {"in", "out", "waits", "offered"}),
    ],
)
async def test_an_audience_is_by_state(desk: Desk, audience: Audience, who: set[str]) -> None:
    event_id, ids = await people_at(desk.house)
    message_id = await desk.writes(event_id, audience=audience)
    rows = await desk.recipients(message_id)
    assert {row["registration_id"] for row in rows} == {ids[name] for name in who}
    assert {notice.registration_id for notice in await desk.ticks()} == {ids[name] for name in who}


async def test_whoever_asked_for_silence_is_counted_and_not_written_to(desk: Desk) -> None:
    event_id, _ = await people_at(desk.house)
    await desk.house.do(ChangePreferences(**new(), chat=chat(1), muted=True))
    message_id = await desk.writes(event_id, audience="confirmed")
    view = await desk.sees(message_id)
    assert (view.muted, view.progress.recipients) == (1, 1)
    (notice,) = await desk.ticks()
    await desk.house.do(ChangePreferences(**new(), chat=chat(0), muted=True))
    assert (await desk.asked(notice)).address is None


async def test_everybody_is_sent_the_organiser_s_words_where_they_were_last_seen(
    desk: Desk,
) -> None:
    event_id, _ = await people_at(desk.house)
    await prove(desk.house, 0, "in@example.org")
    await desk.house.do(note(blocked=True, address=chat(0)))
    message_id = await desk.writes(event_id, audience="confirmed")
    view = await desk.sees(message_id)
    assert {one.platform: one.recipients for one in view.platforms} == {"email": 1, "telegram": 1}
    answers = [await desk.asked(notice) for notice in await desk.ticks()]
    assert {answer.text for answer in answers} == {"Bring a pen."}
    addresses = [answer.address.platform for answer in answers if answer.address]
    assert sorted(addresses) == ["email", "telegram"]


async def test_whoever_stopped_marketing_gets_it_on_no_other_way_and_reminders_as_before(
    desk: Desk,
) -> None:
    event_id, _ = await people_at(desk.house)
    await prove(desk.house, 1, "out@example.org")
    await desk.house.do(note(blocked=False, marketing_stopped=True, address=chat(1)))
    await desk.writes(event_id, audience="not_checked_in")
    (notice,) = await desk.ticks()
    answer = await desk.asked(notice)
    assert (answer.address, answer.alternatives) == (chat(1), ())
    reminder = await desk.asked(
        notice.model_copy(update={"kind": "reminder-1h", "message_id": None})
    )
    assert (reminder.address, len(reminder.alternatives)) == (chat(1), 1)


async def test_nobody_whom_an_organiser_added_is_forgotten_though_we_cannot_write_to_them(
    desk: Desk,
) -> None:
    event_id = await desk.house.event()
    await desk.house.many_seats(event_id, 2)
    view = await desk.sees(await desk.writes(event_id))
    assert (view.status, view.progress.recipients, view.progress.suppressed) == ("finished", 2, 2)
    assert await desk.ticks() == []


async def test_a_message_to_nobody_or_about_nothing_is_refused(desk: Desk) -> None:
    assert await desk.refused(send(await desk.house.event())) == "nobody"
    assert await desk.refused(send(uuid4())) == "unknown-event"
    unknown = PauseMessage(**new(), message_id=uuid4())
    assert await desk.refused(unknown) == "unknown-message"


async def test_a_few_go_first_and_the_rest_when_that_went_well(desk: Desk) -> None:
    event_id = await desk.house.event(1000)
    await crowd(desk.house, event_id, 620)
    message_id = await desk.writes(event_id)
    first = await desk.ticks()
    assert len(first) == 7
    assert await desk.ticks() == []
    await desk.reports(first)
    assert await desk.ticks() == []
    desk.house.clock.advance(CANARY_SETTLING)
    second, third = await desk.ticks(), await desk.ticks()
    assert (len(second), len(third)) == (RECIPIENTS_PER_TICK_MAX, 113)
    told = [notice.registration_id for notice in (*first, *second, *third)]
    assert len(set(told)) == len(told) == 620
    view = await desk.sees(message_id)
    assert (view.status, view.progress.on_the_way, view.progress.accepted) == ("running", 613, 7)
    assert view.seconds_left
    await desk.reports([*second, *third], "delivered")
    assert await desk.ticks() == []
    view = await desk.sees(message_id)
    assert (view.status, view.progress.delivered, view.seconds_left) == ("finished", 613, None)


async def test_a_first_part_that_fails_stops_it_in_words_until_an_organiser_says_to_go_on(
    desk: Desk,
) -> None:
    event_id = await desk.house.event(1000)
    await crowd(desk.house, event_id, 100)
    message_id = await desk.writes(event_id)
    first = await desk.ticks()
    await desk.reports(first[:2], "failed", reason="whatsapp-132015")
    await desk.reports(first[2:])
    desk.house.clock.advance(CANARY_SETTLING)
    assert await desk.ticks() == []
    view = await desk.sees(message_id)
    assert view.status == "paused"
    assert "of the first 5 on Telegram 2 did not get it" in view.explanation
    assert await desk.ticks() == []
    await desk.resumes(message_id)
    assert len(await desk.ticks()) == 95
    assert (await desk.sees(message_id)).status == "running"


async def test_whoever_blocked_us_is_no_reason_to_stop(desk: Desk) -> None:
    event_id = await desk.house.event(1000)
    await crowd(desk.house, event_id, 100)
    await desk.writes(event_id)
    await desk.reports(await desk.ticks(), "suppressed", reason="blocked")
    desk.house.clock.advance(CANARY_SETTLING)
    assert len(await desk.ticks()) == 95


async def test_errors_in_the_middle_stop_it_and_those_before_a_resume_count_no_more(
    desk: Desk,
) -> None:
    event_id = await desk.house.event(3000)
    await crowd(desk.house, event_id, 1200)
    message_id = await desk.writes(event_id)
    await passes_canary(desk)
    page = await desk.ticks()
    await desk.reports(page[:60], "failed", reason="telegram-400")
    assert await desk.ticks() == []
    assert "of the last 72 on Telegram 60" in (await desk.sees(message_id)).explanation
    desk.house.clock.advance(timedelta(seconds=1))
    await desk.resumes(message_id)
    assert await desk.ticks() != []


async def test_a_pause_hands_nobody_else_over_and_those_before_it_still_get_it(
    desk: Desk,
) -> None:
    event_id = await desk.house.event(1000)
    await crowd(desk.house, event_id, 600)
    message_id = await desk.writes(event_id)
    await passes_canary(desk)
    page = await desk.ticks()
    await desk.pauses(message_id)
    assert await desk.ticks() == []
    assert (await desk.asked(page[0])).text == "Bring a pen."
    assert (await desk.sees(message_id)).progress.pending == 94
    await desk.resumes(message_id)
    assert len(await desk.ticks()) == 94


async def test_a_cancelled_message_reaches_nobody_any_more(desk: Desk) -> None:
    event_id = await desk.house.event(1000)
    await crowd(desk.house, event_id, 100)
    message_id = await desk.writes(event_id)
    first = await desk.ticks()
    await desk.reports(first[:1])
    await desk.cancels(message_id)
    await desk.cancels(message_id)
    assert await desk.ticks() == []
    assert (await desk.asked(first[1])).address is None
    view = await desk.sees(message_id)
    assert (view.status, view.progress.cancelled, view.progress.accepted) == ("cancelled", 95, 1)
    assert sum(view.progress.model_dump(exclude={"recipients"}).values()) == 100
    pause = PauseMessage(**new(), message_id=message_id)
    assert await desk.refused(pause) == "message-over"


async def test_what_was_not_said_within_a_day_is_not_said_any_more(desk: Desk) -> None:
    event_id = await desk.house.event(1000)
    await crowd(desk.house, event_id, 100)
    message_id = await desk.writes(event_id)
    await desk.ticks()
    desk.house.clock.advance(USEFUL_FOR)
    assert await desk.ticks() == []
    desk.house.clock.advance(CLOSED_AFTER)
    await desk.ticks()
    view = await desk.sees(message_id)
    assert (view.status, view.progress.expired, view.progress.on_the_way) == ("finished", 95, 5)
    assert "95 people did not get their turn" in view.explanation


async def test_a_command_that_comes_twice_writes_to_nobody_twice(desk: Desk) -> None:
    event_id = await desk.house.event(1000)
    await crowd(desk.house, event_id, 50)
    command = send(event_id)
    await desk.house.do(command)
    await desk.house.do(command)
    assert len(await desk.recipients(command.message_id)) == 50
