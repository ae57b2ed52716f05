"""What a dialogue and a notice say in the same words: a ticket, an offer, a place in line."""

from datetime import datetime

from contracts import Document, EventCard, RegistrationCard
from conversation.moments import in_words, of_day
from conversation.texts import Texts


def place(words: Texts, location: str) -> str:
    """Where it is; organisers may announce that later."""
    return location or words.say("event.place-unknown")


def when(words: Texts, event: EventCard) -> str:
    """When it begins, in full."""
    return in_words(event.starts_at, event.timezone, words.language)


def ticket(words: Texts, registration: RegistrationCard) -> str:
    """What the ticket is for."""
    event = registration.event
    return words.say(
        "ticket.card",
        title=event.title,
        when=when(words, event),
        where=place(words, event.location),
        name=registration.name,
    )


def ticket_document(registration: RegistrationCard) -> Document | None:
    """The code to show, if there is one by now."""
    if registration.ticket is None:
        return None
    filename = f"ticket-{registration.event.code}.png"
    return Document(kind="ticket", data=registration.ticket, filename=filename)


def offer(words: Texts, event: EventCard, deadline: datetime) -> str:
    """A seat is kept for somebody who waited, until the deadline."""
    return words.say(
        "offer.card",
        title=event.title,
        when=when(words, event),
        where=place(words, event.location),
        deadline=in_words(deadline, event.timezone, words.language),
    )


def place_in_line(words: Texts, registration: RegistrationCard) -> str:
    """Where somebody stands in the waiting list."""
    event = registration.event
    return words.say(
        "line.card",
        title=event.title,
        when=when(words, event),
        where=place(words, event.location),
        name=registration.name,
        position=position(registration),
    )


def held(words: Texts, registration: RegistrationCard) -> str:
    """A seat that is kept until its person has shown that an address is theirs."""
    event = registration.event
    return words.say(
        "held.card",
        title=event.title,
        when=when(words, event),
        where=place(words, event.location),
        name=registration.name,
        deadline=of_day(held_until(registration), event.timezone, words.language),
    )


def position(registration: RegistrationCard) -> int:
    """The place in line of somebody who waits."""
    assert registration.position is not None, "who waits has a place in line"
    return registration.position


def deadline(registration: RegistrationCard) -> datetime:
    """Until when the seat is kept that was offered."""
    assert registration.offer_expires_at is not None, "an offer has an end"
    return registration.offer_expires_at


def held_until(registration: RegistrationCard) -> datetime:
    """Until when the seat is kept that waits for a proof."""
    assert registration.hold_expires_at is not None, "a held seat has an end"
    return registration.hold_expires_at
