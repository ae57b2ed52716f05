"""Entries for people's calendars, read back by a library that others write with too."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from conversation_talk import NOW, an_event
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Event

from contracts import EventCard
from contracts.organising import (
    DESCRIPTION_CHARACTERS_MAX,
    LOCATION_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
)
from conversation.calendar import ENTRY_BYTES_MAX, document, entry, link
from conversation.texts import Language, texts

EN = texts("en")
anything = st.text(st.characters(codec="utf-8"))


def read(text: str) -> Event:
    (happening,) = Calendar.from_ical(text).walk("VEVENT")
    assert isinstance(happening, Event)
    return happening


def test_an_entry_says_what_when_and_where() -> None:
    event = an_event(description="Talks; tea, and more\nCome early")
    entry_of = read(entry(EN, event, NOW))
    assert str(entry_of["UID"]) == str(event.id)
    assert entry_of.sequence == event.version
    assert entry_of.start == datetime(2026, 12, 6, 17, 0, tzinfo=UTC)
    assert entry_of.end - entry_of.start == timedelta(hours=2)
    assert str(entry_of["SUMMARY"]) == "PyCon"
    assert str(entry_of["LOCATION"]) == "Hall 3"
    assert str(entry_of["STATUS"]) == "CONFIRMED"
    description = str(entry_of["DESCRIPTION"])
    assert description.startswith("Talks; tea, and more\nCome early\n\n")
    assert "K7Q2MX" in description


def test_times_are_in_utc_whatever_the_zone_they_came_in() -> None:
    moscow = datetime.fromisoformat("2026-12-06T20:00:00+03:00")
    assert "DTSTART:20261206T170000Z" in entry(EN, an_event(starts_at=moscow), NOW)


def test_a_newer_version_replaces_the_older_entry() -> None:
    event = an_event()
    newer = event.model_copy(update={"version": 2, "location": "Hall 4"})
    first, second = read(entry(EN, event, NOW)), read(entry(EN, newer, NOW))
    assert first.uid == second.uid
    assert (first.sequence, second.sequence) == (1, 2)


def test_a_cancelled_event_is_no_confirmed_entry() -> None:
    assert read(entry(EN, an_event(status="cancelled"), NOW))["STATUS"] == "CANCELLED"


def test_a_place_that_is_not_known_is_left_out() -> None:
    assert "LOCATION" not in read(entry(EN, an_event(location=""), NOW))


def test_the_same_event_at_the_same_time_is_the_same_entry() -> None:
    assert entry(EN, an_event(), NOW) == entry(EN, an_event(), NOW)


def test_the_file_has_a_name_that_phones_know() -> None:
    assert document(EN, an_event(), NOW).filename == "event-K7Q2MX.ics"


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("letter", ["x", "я", "😀", ",", "\n", "\\", "é"])
def test_the_longest_event_fits_and_keeps_all_but_its_description(
    letter: str, language: Language
) -> None:
    event = an_event(
        title=(letter * TITLE_CHARACTERS_MAX).strip() or "x",
        location=(letter * LOCATION_CHARACTERS_MAX).strip(),
        description=letter * DESCRIPTION_CHARACTERS_MAX,
    )
    text = entry(texts(language), event, NOW)
    assert len(text.encode()) <= ENTRY_BYTES_MAX
    assert document(texts(language), event, NOW).data == text
    happening = read(text)
    assert str(happening["SUMMARY"]) == event.title
    assert str(happening.get("LOCATION", "")) == event.location
    assert "K7Q2MX" in str(happening["DESCRIPTION"])


def test_a_long_description_is_cut_as_late_as_possible() -> None:
    text = entry(EN, an_event(description="я" * DESCRIPTION_CHARACTERS_MAX), NOW)
    assert ENTRY_BYTES_MAX - 8 <= len(text.encode()) <= ENTRY_BYTES_MAX
    assert "я…" in str(read(text)["DESCRIPTION"])


@given(
    st.builds(
        an_event,
        title=anything.filter(str.strip).map(lambda text: text[:TITLE_CHARACTERS_MAX]),
        description=anything.map(lambda text: text * 20).map(lambda text: text[:1500]),
        location=anything.map(lambda text: text[:LOCATION_CHARACTERS_MAX]),
    )
)
def test_whatever_organisers_write_every_line_is_short_and_can_be_read(event: EventCard) -> None:
    text = entry(EN, event, NOW)
    assert len(text.encode()) <= ENTRY_BYTES_MAX
    lines = text.split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    assert not any("\n" in line or "\r" in line for line in lines)
    assert str(read(text)["UID"]) == str(event.id)


def test_the_link_says_the_same_to_google() -> None:
    event = an_event(title="Встреча & чай", location="Зал 3")
    asked = parse_qs(urlsplit(link(event)).query)
    assert asked == {
        "action": ["TEMPLATE"],
        "text": ["Встреча & чай"],
        "dates": ["20261206T170000Z/20261206T190000Z"],
        "location": ["Зал 3"],
    }
    for letter in "я😀x":
        assert len(link(an_event(title=letter * 120, location=letter * 200))) < 620
