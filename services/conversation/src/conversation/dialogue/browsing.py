"""Looking around: the list of events, and one event."""

from datetime import datetime

from contracts import EventCard
from conversation import cards
from conversation.dialogue.signposts import to_mine
from conversation.dialogue.state import ChosenEvent, Context, Offer, Stage
from conversation.dialogue.turn import Page, Prompt, Reply, Turn, page_number
from conversation.moments import in_brief, in_words

TITLE_PART_CHARACTERS_MIN = 3
"""Part of a title that is worth looking for."""


def greeting(turn: Turn, _argument: str = "") -> Reply:
    """Hello, and what is on."""
    reply = events(turn)
    assert reply.prompt is not None
    return Reply(reply.state, reply.prompt.led_by(turn.say("greeting")))


def events(turn: Turn, argument: str = "") -> Reply:
    """The list of events, a page at a time."""
    found = turn.facts.events()
    listing = turn.at(Stage.CHOOSING_EVENT)
    if not found:
        return listing.ends(Prompt(turn.say("events.none"), (to_mine(turn),)))
    page = Page.of(found, page_number(argument))
    lines = [
        turn.say("list.line", number=number, title=card.title, when=_brief(turn, card))
        for number, card in enumerate(page.items, start=1)
    ]
    offers = tuple(
        Offer(id=f"ev:{card.code}", label=card.title, description=_brief(turn, card))
        for card in page.items
    )
    parts = [turn.say("events.choose"), "\n".join(lines)]
    if page.count > 1:
        parts.append(turn.say("list.page", number=page.number, count=page.count))
    return listing.ends(
        Prompt(
            "\n\n".join(parts),
            offers + page.offers(turn, "events"),
            choices_label=turn.say("button.choose"),
        )
    )


def card(turn: Turn, code: str) -> Reply:
    """One event, truthfully, with what can be done next."""
    found = turn.facts.event(code)
    if found is None or found.status == "draft":
        reply = events(turn)
        assert reply.prompt is not None
        return Reply(reply.state, reply.prompt.led_by(turn.say("event.unknown")))
    reading = turn.at(Stage.CHOOSING_EVENT, Context(event=ChosenEvent.of(found)))
    return reading.ends(Prompt(_card_text(turn, found), _card_offers(turn, found)))


def typed(turn: Turn, text: str) -> Reply | None:
    """An event by its title, a part that only one title has, or its bare code."""
    said = " ".join(text.split()).casefold()
    found = turn.facts.events()
    exact = [event for event in found if event.title.casefold() == said]
    part = [event for event in found if said in event.title.casefold()]
    if exact:
        return card(turn, exact[0].code)
    if len(part) == 1 and len(said) >= TITLE_PART_CHARACTERS_MIN:
        return card(turn, part[0].code)
    by_code = [event for event in found if event.code.casefold() == said]
    return card(turn, by_code[0].code) if by_code else None


def is_open(event: EventCard, turn: Turn) -> bool:
    """Whether a seat, or a place in line, can be asked for; the registry alone decides on it."""
    return (
        event.status == "published"
        and event.starts_at > turn.now
        and not _opens_later(event, turn)
        and not _is_closed(event, turn)
    )


def has_line(event: EventCard) -> bool:
    """Whether who comes now has to wait; newcomers never pass those who wait already."""
    return event.seats_left == 0 or event.waiting > 0


def _card_text(turn: Turn, event: EventCard) -> str:
    facts = turn.say(
        "event.card",
        title=event.title,
        when=cards.when(turn.texts, event),
        where=cards.place(turn.texts, event.location),
        seats=_seats(turn, event),
    )
    return f"{facts}\n\n{event.description}" if event.description else facts


def _seats(turn: Turn, event: EventCard) -> str:
    if event.status == "cancelled":
        return turn.say("event.cancelled")
    if event.status != "published" or event.starts_at <= turn.now:
        return turn.say("event.started")
    if event.registration_opens_at is not None and _opens_later(event, turn):
        return turn.say("event.opens", opens=_moment(turn, event, event.registration_opens_at))
    if _is_closed(event, turn):
        return turn.say("event.closed")
    if event.waiting > 0:
        return turn.count("event.waiting", event.waiting)
    if event.seats_left == 0:
        return turn.say("event.full")
    return turn.count("event.seats-left", event.seats_left)


def _card_offers(turn: Turn, event: EventCard) -> tuple[Offer, ...]:
    back = Offer(id="events", label=turn.say("button.events"), role="back")
    if event.status == "published" and _opens_later(event, turn):
        return (Offer(id=f"ev:{event.code}", label=turn.say("button.look-again")), back)
    if not is_open(event, turn):
        return (back,)
    label = turn.say("button.join-line") if has_line(event) else turn.say("button.register")
    register = Offer(id=f"reg:{event.code}", label=label, role="yes")
    return (register, Offer(id="events", label=turn.say("button.back"), role="back"))


def _opens_later(event: EventCard, turn: Turn) -> bool:
    return event.registration_opens_at is not None and turn.now < event.registration_opens_at


def _is_closed(event: EventCard, turn: Turn) -> bool:
    return event.registration_closes_at is not None and event.registration_closes_at <= turn.now


def _moment(turn: Turn, event: EventCard, at: datetime) -> str:
    return in_words(at, event.timezone, turn.state.language)


def _brief(turn: Turn, event: EventCard) -> str:
    return in_brief(event.starts_at, event.timezone, turn.state.language)
