"""What people and organisers do, told as they would tell it."""

import asyncio
from uuid import uuid4

import pytest

from tests.e2e.people import Organiser, Person, Simulator, registers, whole_way

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR_SECONDS = 3600
OFFER_SECONDS_MAX = 23 * HOUR_SECONDS
"""Longer than any offer: 12 hours, and a night that does not count."""


def unique(title: str) -> str:
    """The chain is shared by all stories, so each has an event of its own."""
    return f"{title} {uuid4().hex[:6]}"


async def test_a_person_registers_from_telegram(simulator: Simulator, organiser: Organiser) -> None:
    event = await organiser.publishes(title := unique("PyCon"))
    ann = await simulator.person("telegram", name="Ann")
    await ann.says("/start")
    assert title in " ".join((await ann.hears()).labels)
    await ann.taps(title)
    card = await ann.hears()
    assert title in card.text
    assert "Hall 2" in card.text
    await ann.taps("Register")
    await ann.hears()
    await ann.says("Ann Lee")
    await ann.hears()
    await ann.says(ann.email)
    summary = await ann.hears()
    assert "Ann Lee" in summary.text
    assert ann.email in summary.text
    await ann.taps("Confirm")
    ticket = await ann.hears_in_the_end()
    assert title in ticket.text
    assert ticket.document is not None
    await ann.hears_nothing_more()
    assert (await organiser.event(event["id"]))["confirmed"] == 1


async def test_a_person_registers_from_whatsapp_in_russian(
    simulator: Simulator, organiser: Organiser
) -> None:
    event = await organiser.publishes(title := unique("Встреча"))
    olga = await simulator.person("whatsapp", name="Ольга", id="79161234567")
    await olga.says("Привет")
    assert "мероприяти" in (await olga.hears()).text.casefold()
    await olga.taps(title[:18])
    assert title in (await olga.hears()).text
    await olga.taps("Записаться")
    await olga.hears()
    await olga.says("Ольга Петрова")
    await olga.hears()
    await olga.says(olga.email)
    assert "Ольга Петрова" in (await olga.hears()).text
    await olga.taps("Подтвердить")
    ticket = await olga.hears_in_the_end()
    assert title in ticket.text
    assert ticket.document is not None
    assert (await organiser.event(event["id"]))["confirmed"] == 1


async def test_two_seats_and_three_people_on_two_platforms(
    simulator: Simulator, organiser: Organiser
) -> None:
    event = await organiser.publishes(title := unique("Tiny"), seats=2)
    people = [
        await simulator.person("telegram", name="Ann"),
        await simulator.person("whatsapp", name="Bob"),
        await simulator.person("telegram", name="Cleo"),
    ]
    for person in people[:2]:
        assert (await registers(person, title)).document is not None
    cleo = people[2]
    await cleo.says("/start")
    await cleo.hears()
    await cleo.taps(title)
    assert "full" in (await cleo.hears()).text.casefold()
    assert (await organiser.event(event["id"]))["confirmed"] == 2


async def all_but_the_last_tap(person: Person, title: str) -> None:
    """Go up to the question whether to confirm."""
    for step in whole_way(person, title)[:-1]:
        await step()
        await person.hears()


async def test_two_people_and_one_last_seat(simulator: Simulator, organiser: Organiser) -> None:
    event = await organiser.publishes(title := unique("Last seat"), seats=1)
    ann = await simulator.person("telegram", name="Ann")
    bob = await simulator.person("whatsapp", name="Bob")
    await asyncio.gather(all_but_the_last_tap(ann, title), all_but_the_last_tap(bob, title))
    await asyncio.gather(ann.taps("Confirm"), bob.taps("Confirm"))
    answers = await asyncio.gather(ann.hears_in_the_end(), bob.hears_in_the_end())
    tickets = [answer for answer in answers if answer.document]
    assert len(tickets) == 1
    assert sorted(answer.place_in_line or 0 for answer in answers) == [0, 1]
    seen = await organiser.event(event["id"])
    assert (seen["confirmed"], seen["waiting"]) == (1, 1)


async def test_who_registers_twice_gets_the_same_ticket_and_no_second_seat(
    simulator: Simulator, organiser: Organiser
) -> None:
    event = await organiser.publishes(title := unique("Twice"))
    ann = await simulator.person("telegram", name="Ann")
    assert (await registers(ann, title)).document is not None
    await ann.says("/start")
    await ann.hears()
    await ann.taps(title)
    again = await ann.hears()
    if any("Register" in label for label in again.labels):
        await ann.taps("Register")
        again = await ann.hears()
        if any("Confirm" in label for label in again.labels):
            await ann.taps("Confirm")
            again = await ann.hears()
    assert "already" in again.text.casefold()
    assert (await organiser.event(event["id"]))["confirmed"] == 1


async def test_a_seat_given_back_can_be_taken_by_somebody_else(
    simulator: Simulator, organiser: Organiser
) -> None:
    event = await organiser.publishes(title := unique("Given back"), seats=1)
    ann = await simulator.person("telegram", name="Ann")
    bob = await simulator.person("whatsapp", name="Bob")
    await registers(ann, title)
    await gives_the_seat_back(ann, title)
    assert (await organiser.event(event["id"]))["confirmed"] == 0
    assert (await registers(bob, title)).document is not None


async def gives_the_seat_back(person: Person, title: str) -> None:
    """Say so, and once more that it is meant."""
    await person.says("cancel")
    await person.hears()
    if title not in (asked := await chosen(person, title)):
        pytest.fail(asked)
    await person.taps("Yes")
    assert "cancelled" in (await person.hears()).text.casefold()


async def chosen(person: Person, title: str) -> str:
    """The text of the question whether to cancel `title`, choosing it first if asked which."""
    newest = [message for message in await person.chat() if message["from"] == "bot"][-1]
    if any(title[:18] in choice["label"] for choice in newest["choices"]):
        await person.taps(title[:18])
        return (await person.hears()).text
    return str(newest["text"])


async def test_the_first_in_line_is_offered_the_seat_that_comes_free(
    simulator: Simulator, organiser: Organiser
) -> None:
    event = await organiser.publishes(title := unique("In line"), seats=1)
    ann = await simulator.person("telegram", name="Ann")
    bob = await simulator.person("whatsapp", name="Bob")
    cid = await simulator.person("telegram", name="Cid")
    assert (await registers(ann, title)).document is not None
    assert (await registers(bob, title)).place_in_line == 1
    assert (await registers(cid, title)).place_in_line == 2
    await gives_the_seat_back(ann, title)
    offer = await bob.hears()
    assert title in offer.text
    assert "free for you" in offer.text
    # The seat is kept for Bob: nobody else hears of it, and nobody else can have it.
    dan = await simulator.person("whatsapp", name="Dan")
    assert (await registers(dan, title)).place_in_line == 2
    await cid.hears_nothing_more()
    await bob.taps(offer.label("Take"))
    ticket = await bob.hears_in_the_end()
    assert title in ticket.text
    assert ticket.document is not None
    await cid.hears_nothing_more()
    seen = await organiser.event(event["id"])
    assert (seen["confirmed"], seen["waiting"]) == (1, 2)


async def test_an_offer_that_runs_out_goes_to_the_next_in_line(
    simulator: Simulator, organiser: Organiser
) -> None:
    event = await organiser.publishes(title := unique("Ran out"), seats=1)
    ann = await simulator.person("telegram", name="Ann")
    bob = await simulator.person("whatsapp", name="Bob")
    cid = await simulator.person("telegram", name="Cid")
    for person in (ann, bob, cid):
        await registers(person, title)
    await gives_the_seat_back(ann, title)
    assert "free for you" in (await bob.hears()).text
    await cid.hears_nothing_more()
    await simulator.advance(OFFER_SECONDS_MAX)
    assert "free for you" in (await cid.hears()).text
    assert "goes to the next in line" in (await bob.hears()).text
    await bob.taps("Take the seat")
    late = await bob.hears()
    assert "is over" in late.text
    assert late.document is None
    await cid.taps("Take the seat")
    assert (await cid.hears_in_the_end()).document is not None
    # There is always a way on: at the end of the line.
    await bob.taps("Join again")
    assert "nobody is waiting yet" in (await bob.hears()).text
    assert (await registers(bob, title)).place_in_line == 1
    seen = await organiser.event(event["id"])
    assert (seen["confirmed"], seen["waiting"]) == (1, 1)


async def test_who_has_left_the_line_is_offered_nothing(
    simulator: Simulator, organiser: Organiser
) -> None:
    event = await organiser.publishes(title := unique("Left"), seats=1)
    ann = await simulator.person("telegram", name="Ann")
    bob = await simulator.person("whatsapp", name="Bob")
    assert (await registers(ann, title)).document is not None
    assert (await registers(bob, title)).place_in_line == 1
    await bob.taps("Leave waiting list")
    assert title in (await bob.hears()).text
    await bob.taps("Yes, leave it")
    assert "left the waiting list" in (await bob.hears()).text
    await gives_the_seat_back(ann, title)
    seen = await organiser.event(event["id"])
    assert (seen["confirmed"], seen["waiting"]) == (0, 0)
    await bob.hears_nothing_more()


async def test_an_offer_reaches_who_has_not_written_for_a_day_and_is_taken_in_words(
    simulator: Simulator, organiser: Organiser
) -> None:
    await organiser.publishes(title := unique("Patience"), seats=1)
    ann = await simulator.person("telegram", name="Ann")
    bob = await simulator.person("whatsapp", name="Bob")
    assert (await registers(ann, title)).document is not None
    assert (await registers(bob, title)).place_in_line == 1
    await simulator.advance(25 * HOUR_SECONDS)
    await gives_the_seat_back(ann, title)
    offer = await bob.hears()
    # Whoever writes instead of tapping is led to the same buttons.
    assert offer.template == "seat_offer"
    assert offer.labels == ["Take the seat", "No, thank you"]
    assert title in offer.text
    await bob.says("yes please")
    assert "free for you" in (await bob.hears()).text
    await bob.says("yes")
    assert (await bob.hears_in_the_end()).document is not None


async def test_typing_does_what_tapping_does(simulator: Simulator, organiser: Organiser) -> None:
    event = await organiser.publishes(title := unique("Typed"))
    ann = await simulator.person("whatsapp", name="Ann")
    await ann.says("hi")
    await ann.hears()
    await ann.says(title)
    assert title in (await ann.hears()).text
    await ann.says("1")
    await ann.hears()
    await ann.says("Ann Lee")
    await ann.hears()
    await ann.says(ann.email)
    await ann.hears()
    await ann.says("yes")
    assert (await ann.hears_in_the_end()).document is not None
    assert (await organiser.event(event["id"]))["confirmed"] == 1


async def test_a_bad_address_is_explained_and_asked_for_again(
    simulator: Simulator, organiser: Organiser
) -> None:
    await organiser.publishes(title := unique("Bad address"))
    ann = await simulator.person("telegram", name="Ann")
    await ann.opens_event(title)
    await ann.taps("Register")
    await ann.hears()
    await ann.says("Ann Lee")
    await ann.hears()
    await ann.says("not an address")
    assert "name@example.org" in (await ann.hears()).text
    await ann.says(ann.email)
    assert "Confirm" in " ".join((await ann.hears()).labels)


async def test_a_link_leads_straight_to_the_event(
    simulator: Simulator, organiser: Organiser
) -> None:
    event = await organiser.publishes(title := unique("Poster"))
    ann = await simulator.person("telegram", name="Ann")
    await ann.says(f"/start event_{event['code']}")
    assert title in (await ann.hears()).text
    bob = await simulator.person("whatsapp", name="Bob")
    await bob.says(f"Register: {title} ({event['code']})")
    assert title in (await bob.hears()).text


async def test_reminders_come_a_day_and_an_hour_before_and_only_once(
    simulator: Simulator, organiser: Organiser
) -> None:
    await organiser.publishes(title := unique("Soon"), starts_in_seconds=26 * HOUR_SECONDS)
    ann = await simulator.person("telegram", name="Ann")
    bob = await simulator.person("whatsapp", name="Bob")
    for person in (ann, bob):
        await registers(person, title)
    await simulator.advance(2 * HOUR_SECONDS + 60)
    assert title in (await ann.hears()).text
    day_before = await bob.hears()
    assert title in day_before.text
    await simulator.advance(23 * HOUR_SECONDS)
    assert title in (await ann.hears()).text
    hour_before = await bob.hears()
    assert title in hour_before.text
    # More than a day after Bob last wrote, only a template may reach him.
    assert hour_before.template == "event_soon"
    await bob.taps("My ticket")
    assert (await bob.hears()).document is not None
    await simulator.advance(2 * HOUR_SECONDS)
    await ann.hears_nothing_more()
    await bob.hears_nothing_more()


async def test_who_registered_hears_that_the_event_is_called_off(
    simulator: Simulator, organiser: Organiser
) -> None:
    event = await organiser.publishes(title := unique("Storm"))
    ann = await simulator.person("telegram", name="Ann")
    await registers(ann, title)
    answer = await organiser.http.post(
        f"/api/events/{event['id']}/cancel", json={"reason": "storm"}
    )
    assert answer.status_code == 200, answer.text
    heard = await ann.hears()
    assert title in heard.text
    assert "cancelled" in heard.text.casefold()


async def test_a_sticker_is_answered_kindly(simulator: Simulator) -> None:
    ann = await simulator.person("telegram", name="Ann")
    await ann.says("/start")
    await ann.hears()
    await ann.sends("sticker")
    assert (await ann.hears()).text
    await ann.hears_nothing_more()
