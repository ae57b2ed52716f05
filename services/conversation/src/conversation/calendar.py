"""An event as an entry for the person's own calendar (RFC 5545)."""

import unicodedata
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from icalendar import Calendar, Event

from contracts import Document, EventCard
from conversation.texts import Texts

DURATION = timedelta(hours=2)
"""Events carry no end. Long enough to keep the evening free, and everybody may change it."""
ENTRY_BYTES_MAX = 2048
"""What a document holds as data; the description gives way first."""
LINK_PART_CHARACTERS_MAX = 240
"""Of title and place as a link spells them, where a Cyrillic letter takes six characters. With
both, the words around it still fit into the caption of a file (1024, platforms.md A4, B4)."""
_PRODUCER = "-//Turnout//Turnout//EN"


def document(words: Texts, event: EventCard, now: datetime) -> Document:
    """The file to send; the same event gives the same entry, and a newer version replaces it."""
    filename = f"event-{event.code}.ics"
    return Document(kind="calendar", data=entry(words, event, now), filename=filename)


def entry(words: Texts, event: EventCard, now: datetime) -> str:
    """The iCalendar text of one event, at most `ENTRY_BYTES_MAX` bytes of UTF-8."""
    notes = words.say("calendar.notes", code=event.code)
    description = _visible(event.description)
    whole = _entry(event, _joined(description, notes), now)
    if len(whole.encode()) <= ENTRY_BYTES_MAX:
        return whole
    # The longest beginning that fits; cut between characters, never inside of one.
    fits, too_long = 0, len(description)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        cut = _entry(event, _joined(f"{description[:middle].rstrip()}…", notes), now)
        fits, too_long = (
            (middle, too_long) if len(cut.encode()) <= ENTRY_BYTES_MAX else (fits, middle)
        )
    kept = f"{description[:fits].rstrip()}…" if fits else ""
    return _entry(event, _joined(kept, notes), now)


def link(event: EventCard) -> str:
    """The same entry for Google's calendar, which any browser opens; its form is as written down in
    InteractionDesignFoundation/add-event-to-calendar-docs, for Google documents none.

    WhatsApp's phones may show the file as text (see the notifier's `upload_mime`).
    """
    times = "/".join(_utc(at) for at in (event.starts_at, event.starts_at + DURATION))
    parts = {"action": "TEMPLATE", "text": _short(event.title), "dates": times}
    if event.location:
        parts["location"] = _short(event.location)
    return f"https://calendar.google.com/calendar/render?{urlencode(parts, quote_via=quote)}"


def _entry(event: EventCard, description: str, now: datetime) -> str:
    happening = Event()
    happening.add("uid", str(event.id))
    happening.add("sequence", event.version)
    # The time of the answer: the entry is made now, from what is true now.
    happening.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
    happening.add("dtstart", event.starts_at.astimezone(UTC))
    happening.add("duration", DURATION)
    happening.add("summary", _visible(event.title))
    if event.location:
        happening.add("location", _visible(event.location))
    happening.add("description", description)
    happening.add("status", "CANCELLED" if event.status == "cancelled" else "CONFIRMED")
    calendar = Calendar()
    calendar.add("prodid", _PRODUCER)
    calendar.add("version", "2.0")
    calendar.add_component(happening)
    return bytes(calendar.to_ical()).decode()


def _joined(description: str, notes: str) -> str:
    return f"{description}\n\n{notes}" if description else notes


def _visible(text: str) -> str:
    """Without control characters, which RFC 5545 does not allow; lines stay lines."""
    lines = text.replace("\r\n", "\n").replace("\t", " ")
    return "".join(char for char in lines if char == "\n" or unicodedata.category(char) != "Cc")


def _short(text: str) -> str:
    words = " ".join(text.split())
    while len(quote(words)) > LINK_PART_CHARACTERS_MAX:
        words = words[:-1].rstrip()
    return words


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
