"""Getting ready to go: "still coming?", and the event in the person's own calendar."""

from contracts import RegistrationCard
from conversation import calendar, cards
from conversation.dialogue import mine
from conversation.dialogue.signposts import onward, to_mine
from conversation.dialogue.turn import Prompt, Reply, Turn


def still_coming(turn: Turn, registration_id: str) -> Reply:
    """Yes, they come: thank you, and the ticket as it is now. The button may be days old.

    Said in words it is an answer to the last reminder, so the next event is meant: a reminder may
    have come as a template without buttons.
    """
    if not registration_id:
        found = turn.facts.registrations(turn.address)
        seats = [one for one in found if one.status == "confirmed"]
        ahead = [one for one in seats if one.event.starts_at > turn.now]
        if not ahead:
            return mine.tickets(turn)
        return _thanks(turn, min(ahead, key=lambda one: one.event.starts_at))
    registration = mine.find(turn, registration_id)
    if registration is None:
        return mine.gone(turn, registration_id)
    if registration.status != "confirmed" or registration.event.starts_at <= turn.now:
        return turn.ends(mine.as_it_is(turn, registration))
    return _thanks(turn, registration)


def calendars(turn: Turn, argument: str = "") -> Reply:
    """The calendar was named and no event: the only seat, or which of them."""
    found = turn.facts.registrations(turn.address)
    seats = tuple(one for one in found if one.status == "confirmed")
    if len(seats) == 1:
        return _entry(turn, seats[0])
    if not seats:
        return mine.tickets(turn)
    lead = turn.say("calendar.choose")
    return mine.listed(turn, seats, lead, list_verb="calendars", row_verb="calendar", page=argument)


def to_calendar(turn: Turn, registration_id: str) -> Reply:
    """The entry for this seat; whoever has no seat by now is told what is true instead."""
    registration = mine.find(turn, registration_id)
    if registration is None:
        return mine.gone(turn, registration_id)
    if registration.status != "confirmed":
        return turn.ends(mine.as_it_is(turn, registration))
    return _entry(turn, registration)


def _thanks(turn: Turn, registration: RegistrationCard) -> Reply:
    return turn.ends(mine.ticket(turn, registration, turn.say("coming.thanks")))


def _entry(turn: Turn, registration: RegistrationCard) -> Reply:
    event = registration.event
    text = turn.say("calendar.entry", title=event.title, when=cards.when(turn.texts, event))
    if turn.address.platform == "whatsapp":
        # Meta takes the file as plain text only, and some phones then open it as that.
        text = f"{text}\n\n{turn.say('calendar.link', link=calendar.link(event))}"
    document = calendar.document(turn.texts, event, turn.now)
    return turn.ends(Prompt(text, (to_mine(turn), onward(turn)), document=document))
