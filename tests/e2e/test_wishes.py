"""What people wish beside a seat: peace, a question in time, and a place in their calendar."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from icalendar import Calendar, Event

from tests.e2e.people import PLATFORMS, Organiser, Person, Platform, Simulator, registers

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR_SECONDS = 3600


def unique(title: str) -> str:
    """The chain is shared by all stories, so each has an event of its own."""
    return f"{title} {uuid4().hex[:6]}"


async def the_entry(person: Person) -> Event:
    """Tap, and read the file that comes as a calendar reads it."""
    await person.taps("Add to calendar")
    heard = await person.hears()
    assert heard.document is not None
    assert heard.document["name"].endswith(".ics")
    file = await person.http.get(heard.document["url"])
    assert file.is_success
    (happening,) = Calendar.from_ical(file.content).walk("VEVENT")
    assert isinstance(happening, Event)
    return happening


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_who_says_stop_is_not_reminded_until_start(
    simulator: Simulator, organiser: Organiser, platform: Platform
) -> None:
    await organiser.publishes(title := unique("Peace"), starts_in_seconds=26 * HOUR_SECONDS)
    ann, bob = await simulator.person(platform), await simulator.person(platform, name="Bob")
    for person in (ann, bob):
        await registers(person, title)
    await ann.says("stop")
    assert "no more reminders" in (await ann.hears()).text
    await ann.says("ticket")
    ticket = await ann.hears()
    assert title in ticket.text
    assert "no reminders, news or offered seats" in ticket.text
    await simulator.advance(2 * HOUR_SECONDS + 60)
    # Who did not say stop is told in the same minute.
    assert "A reminder" in (await bob.hears()).text
    await ann.hears_nothing_more()
    await ann.says("start")
    assert "by myself again" in (await ann.hears()).text
    await simulator.advance(23 * HOUR_SECONDS)
    # And nothing came in between, however late.
    assert "begins soon" in (await ann.hears()).text
    # More than a day after Bob last wrote, WhatsApp shows him the template.
    assert title in (await bob.hears()).text


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_still_coming_is_answered_and_a_seat_given_back_in_two_taps(
    simulator: Simulator, organiser: Organiser, platform: Platform
) -> None:
    event = await organiser.publishes(title := unique("Ask"), starts_in_seconds=26 * HOUR_SECONDS)
    ann, bob = await simulator.person(platform), await simulator.person(platform, name="Bob")
    for person in (ann, bob):
        await registers(person, title)
    await simulator.advance(2 * HOUR_SECONDS + 60)
    for person in (ann, bob):
        reminder = await person.hears()
        assert reminder.labels == ["Yes, I'm coming", "I can't come", "My ticket"]
    await ann.taps("Yes, I'm coming")
    ticket = await ann.hears()
    assert "see you there" in ticket.text
    assert ticket.document is not None
    await bob.taps("I can't come")
    await bob.hears()
    await bob.taps("Yes, cancel it")
    assert "is cancelled" in (await bob.hears()).text
    assert (await organiser.event(event["id"]))["confirmed"] == 1
    # The button of yesterday says what is true today.
    await bob.taps("Yes, I'm coming")
    assert "I can't find that registration" in (await bob.hears()).text


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_the_event_goes_into_the_calendar_of_the_phone(
    simulator: Simulator, organiser: Organiser, platform: Platform
) -> None:
    event = await organiser.publishes(
        title := unique("Чай, торт; пир"), description="Приходите! " * 130
    )
    ann = await simulator.person(platform)
    ticket = await registers(ann, title)
    assert ticket.labels == ["Add to calendar", "Cancel registration", "My registrations"]
    happening = await the_entry(ann)
    assert happening.uid == event["id"]
    assert happening.sequence == event["version"]
    assert happening.start == datetime.fromisoformat(event["starts_at"])
    assert happening.duration == timedelta(hours=2)
    assert str(happening["SUMMARY"]) == title
    assert str(happening["LOCATION"]) == "Hall 2"
    assert str(happening["DESCRIPTION"]).startswith("Приходите! Приходите!")
    # The same again is the same entry, not a second one.
    assert (await the_entry(ann)).uid == happening.uid
    await organiser.http.post(f"/api/events/{event['id']}/cancel", json={})
    assert "has been cancelled" in (await ann.hears()).text
    await ann.taps("Add to calendar")
    told = await ann.hears()
    assert "has been cancelled" in told.text
    assert told.document is None
