"""One event, told as it is now to this person, with what can be done next."""

from datetime import datetime

from contracts import EventCard, RegistrationCard
from conversation import cards
from conversation.dialogue import browsing
from conversation.dialogue.facts import RegistrySilent
from conversation.dialogue.signposts import other_language, silent
from conversation.dialogue.state import ChosenEvent, Offer, Stage
from conversation.dialogue.turn import Prompt, Reply, Turn
from conversation.moments import in_words, of_day


def card(turn: Turn, code: str) -> Reply:
    """The event with this code, or how to ask for it once more."""
    try:
        return shown(turn, code)
    except RegistrySilent:
        return silent(turn, f"ev:{code}")


def shown(turn: Turn, code: str) -> Reply:
    """The event with this code.

    Raises:
        RegistrySilent: nobody can say.
    """
    found = turn.facts.event(code)
    if found is None:
        return browsing.events(turn).led_by(turn.say("event.unknown"))
    if found.status == "draft":
        reading = turn.at(Stage.CHOOSING_EVENT, turn.state.context.looking_at(None))
        return reading.ends(Prompt(turn.say("event.draft"), _look_again(turn, code)))
    chosen = ChosenEvent.of(found)
    reading = turn.at(Stage.CHOOSING_EVENT, turn.state.context.looking_at(chosen))
    own = registration_at(turn, found)
    offers = _offers(turn, found) if own is None else _own_offers(turn, own)
    return reading.ends(Prompt(_text(turn, found, own), (*offers, *other_language(turn))))


def registration_at(turn: Turn, event: EventCard) -> RegistrationCard | None:
    """The person's own seat, offer or place in line there, if the registry can say so."""
    if event.status != "published":
        return None
    try:
        found = turn.facts.registrations(turn.address)
    except RegistrySilent:
        return None
    return next((one for one in found if one.event.id == event.id), None)


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


def standing(turn: Turn, event: EventCard) -> str:
    """Whether one can still come, in a sentence."""
    if event.status == "cancelled":
        return turn.say("event.cancelled")
    if event.status != "published":
        return turn.say("event.finished")
    if event.starts_at <= turn.now:
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


def _text(turn: Turn, event: EventCard, own: RegistrationCard | None) -> str:
    facts = turn.say(
        "event.card",
        title=event.title,
        when=cards.when(turn.texts, event),
        where=cards.place(turn.texts, event.location),
        seats=standing(turn, event) if own is None else _own_standing(turn, own),
    )
    return f"{facts}\n\n{event.description}" if event.description else facts


def _offers(turn: Turn, event: EventCard) -> tuple[Offer, ...]:
    if event.status == "published" and _opens_later(event, turn):
        return _look_again(turn, event.code)
    if not is_open(event, turn):
        return (Offer(id="events", label=turn.say("button.events"), role="back"),)
    label = turn.say("button.join-line") if has_line(event) else turn.say("button.register")
    return (Offer(id=f"reg:{event.code}", label=label, role="yes"), _back(turn))


def _own_standing(turn: Turn, own: RegistrationCard) -> str:
    if own.status == "waiting":
        return turn.say("event.you-wait", position=cards.position(own))
    if own.status == "offered":
        deadline = _moment(turn, own.event, cards.deadline(own))
        return turn.say("event.you-are-offered", deadline=deadline)
    if own.status == "held":
        until = of_day(cards.held_until(own), own.event.timezone, turn.state.language)
        return turn.say("event.you-hold", deadline=until)
    return turn.say("event.you-have-a-seat")


def _own_offers(turn: Turn, own: RegistrationCard) -> tuple[Offer, ...]:
    """Three at most, so that WhatsApp shows them as buttons (platforms.md B4)."""
    if own.status == "waiting":
        place = Offer(id=f"mine:{own.id}", label=turn.say("button.place"), role="yes")
        leave = Offer(id=f"drop:{own.id}", label=turn.say("button.leave-line"))
        return (place, leave, _back(turn))
    if own.status == "offered":
        take = Offer(id=f"take:{own.id}", label=turn.say("button.take"), role="yes")
        decline = Offer(id=f"pass:{own.id}", label=turn.say("button.pass"), role="no")
        return (take, decline, _back(turn))
    if own.status == "held":
        prove = Offer(id=f"prove:{own.id}", label=turn.say("button.prove"), role="yes")
        return (prove, Offer(id=f"drop:{own.id}", label=turn.say("button.drop")), _back(turn))
    ticket = Offer(id=f"ticket:{own.id}", label=turn.say("button.ticket"), role="yes")
    drop = Offer(id=f"drop:{own.id}", label=turn.say("button.drop"))
    return (ticket, drop, _back(turn))


def _look_again(turn: Turn, code: str) -> tuple[Offer, ...]:
    again = Offer(id=f"ev:{code}", label=turn.say("button.look-again"))
    return (again, Offer(id="events", label=turn.say("button.events"), role="back"))


def _back(turn: Turn) -> Offer:
    return Offer(id="events", label=turn.say("button.back"), role="back")


def _opens_later(event: EventCard, turn: Turn) -> bool:
    return event.registration_opens_at is not None and turn.now < event.registration_opens_at


def _is_closed(event: EventCard, turn: Turn) -> bool:
    return event.registration_closes_at is not None and event.registration_closes_at <= turn.now


def _moment(turn: Turn, event: EventCard, at: datetime) -> str:
    return in_words(at, event.timezone, turn.state.language)
