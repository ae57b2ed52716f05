"""A person's own registrations: seats with their tickets, offers, and places in line."""

from contracts import EventCard, NoticeKind, RegistrationCard
from conversation import cards
from conversation.dialogue import addressing, sending
from conversation.dialogue.facts import RegistrySilent
from conversation.dialogue.signposts import onward, to_link, to_mine
from conversation.dialogue.state import REGISTERING, Offer
from conversation.dialogue.turn import Page, Prompt, Reply, Turn, page_number
from conversation.moments import in_brief, of_day


def registrations(turn: Turn, argument: str = "") -> Reply:
    """All of them, each told as what it is; tapping one shows it."""
    found = turn.facts.registrations(turn.address)
    if not found:
        return nothing_here(turn, "my")
    return listed(turn, found, turn.say("my.list"), list_verb="my", row_verb="mine", page=argument)


def tickets(turn: Turn, argument: str = "") -> Reply:
    """The ticket, or which of them; who only waits is told so."""
    found = turn.facts.registrations(turn.address)
    seats = tuple(one for one in found if one.status == "confirmed")
    if len(seats) == 1:
        return turn.ends(ticket(turn, seats[0], turn.say("ticket.again")))
    if seats:
        lead = turn.say("ticket.choose")
        return listed(turn, seats, lead, list_verb="tickets", row_verb="ticket", page=argument)
    if not found:
        return nothing_here(turn, "tickets")
    return registrations(turn).led_by(turn.say("ticket.none"))


def nothing_here(turn: Turn, wanted: str) -> Reply:
    """There is nothing to show; in a chat that speaks for nobody yet, they may have it elsewhere.

    Args:
        turn: the turn that asked.
        wanted: the choice that goes on by itself once they have shown who they are.
    """
    person = turn.facts.person(turn.address)
    if person.known:
        return turn.ends(Prompt(turn.say("my.none"), (onward(turn),)))
    if turn.aside or turn.state.stage in REGISTERING:
        return turn.ends(Prompt(turn.say("my.unknown"), (to_link(turn, wanted), onward(turn))))
    proof = sending.waits(turn, wanted, by_email=person.proof_by_email)
    return addressing.to_linking(turn, proof).led_by(turn.say("my.unknown"))


def show(turn: Turn, registration_id: str) -> Reply:
    """One of them again, as what it is by now."""
    registration = find(turn, registration_id)
    if registration is not None:
        return turn.ends(as_it_is(turn, registration))
    return gone(turn, registration_id)


def gone(turn: Turn, registration_id: str) -> Reply:
    """It is not among the person's own any more: why, as far as one may know, and what is."""
    reply = registrations(turn)
    assert reply.prompt is not None
    return Reply(reply.state, reply.prompt.led_by(_why_gone(turn, registration_id)))


def as_it_is(turn: Turn, registration: RegistrationCard) -> Prompt:
    """A ticket, an offer, or a place in line."""
    if registration.status == "waiting":
        return place_in_line(turn, registration, cards.place_in_line(turn.texts, registration))
    if registration.status == "offered":
        return offer(turn, registration)
    if registration.status == "held":
        return held(turn, registration)
    return ticket(turn, registration, turn.say("ticket.again"))


def ticket(turn: Turn, registration: RegistrationCard, lead: str) -> Prompt:
    """The ticket as one message: the code to show, what it is for, and what can be done."""
    calendar = Offer(id=f"calendar:{registration.id}", label=turn.say("button.calendar"))
    drop = Offer(id=f"drop:{registration.id}", label=turn.say("button.drop"))
    # Three at most, so that WhatsApp can put them under the picture (platforms.md B4). All events
    # are one tap further, at the end of the list of one's own; words reach everything at once.
    onto = onward(turn) if turn.state.stage in REGISTERING else to_mine(turn)
    document = cards.ticket_document(registration)
    text = cards.ticket(turn.texts, registration)
    if turn.state.muted:
        text = f"{text}\n\n{turn.say('muted.note')}"
    return Prompt(text, (calendar, drop, onto), document=document).led_by(lead)


def offer(turn: Turn, registration: RegistrationCard) -> Prompt:
    """The seat that is kept, to be taken or passed on with a tap or a word."""
    take = Offer(id=f"take:{registration.id}", label=turn.say("button.take"), role="yes")
    decline = Offer(id=f"pass:{registration.id}", label=turn.say("button.pass"), role="no")
    deadline = cards.deadline(registration)
    return Prompt(cards.offer(turn.texts, registration.event, deadline), (take, decline))


def held(turn: Turn, registration: RegistrationCard) -> Prompt:
    """The seat that waits for a proof, with the way on."""
    go_on = Offer(id=f"prove:{registration.id}", label=turn.say("button.prove"), role="yes")
    drop = Offer(id=f"drop:{registration.id}", label=turn.say("button.drop"))
    return Prompt(cards.held(turn.texts, registration), (go_on, drop, onward(turn)))


def place_in_line(turn: Turn, registration: RegistrationCard, text: str) -> Prompt:
    """Words about a place in line, with the way out of it."""
    leave = Offer(id=f"drop:{registration.id}", label=turn.say("button.leave-line"))
    if turn.state.muted:
        text = f"{text}\n\n{turn.say('muted.note')}"
    return Prompt(text, (to_mine(turn), leave, onward(turn)))


def open_offer(turn: Turn) -> Reply | None:
    """The seat that is kept for this person, if there is one and the registry can say so."""
    try:
        found = turn.facts.registrations(turn.address)
    except RegistrySilent:
        return None
    offered = next((one for one in found if one.status == "offered"), None)
    return None if offered is None else turn.ends(offer(turn, offered))


def find(turn: Turn, registration_id: str) -> RegistrationCard | None:
    """The person's registration with this id, while it lasts."""
    found = turn.facts.registrations(turn.address)
    return next((one for one in found if str(one.id) == registration_id), None)


def listed(
    turn: Turn,
    found: tuple[RegistrationCard, ...],
    lead: str,
    *,
    list_verb: str,
    row_verb: str,
    page: str,
) -> Reply:
    """A list of registrations, a page at a time.

    Args:
        turn: the turn that ends with it.
        found: what is listed.
        lead: what the list is for.
        list_verb: the choice that shows another page of it.
        row_verb: the choice that a row stands for.
        page: the number of the page, as the choice carries it.
    """
    shown = Page.of(found, page_number(page), rows_taken=1)
    lines, rows = [], []
    for number, one in enumerate(shown.items, start=1):
        title, when, standing = one.event.title, _brief(turn, one), _standing(turn, one)
        lines.append(turn.say("my.line", number=number, title=title, when=when, standing=standing))
        described = when if one.status == "confirmed" else standing
        rows.append(Offer(id=f"{row_verb}:{one.id}", label=title, description=described))
    parts = [lead, "\n".join(lines)]
    if shown.count > 1:
        parts.append(turn.say("list.page", number=shown.number, count=shown.count))
    return turn.ends(
        Prompt(
            "\n\n".join(parts),
            (*rows, *shown.offers(turn, list_verb), onward(turn)),
            choices_label=turn.say("button.choose"),
        )
    )


def _why_gone(turn: Turn, registration_id: str) -> str:
    cancelled = _told_here(turn, "event-cancelled", registration_id)
    if cancelled is not None:
        return turn.say("notice.event-cancelled", **_which(turn, cancelled))
    ended = _told_here(turn, "registration-cancelled", registration_id)
    if ended is not None:
        return turn.say("notice.registration-cancelled", **_which(turn, ended))
    handed_over = _told_here(turn, "seat-transferred", registration_id)
    if handed_over is not None:
        return turn.say("notice.seat-transferred", **_which(turn, handed_over))
    return turn.say("my.not-found")


def _told_here(turn: Turn, kind: NoticeKind, registration_id: str) -> EventCard | None:
    """The event of such a notice, if it is true now and meant for this chat."""
    answer = turn.facts.notice(kind, registration_id)
    if answer.address != turn.address or answer.registration is None:
        return None
    return answer.registration.event


def _which(turn: Turn, event: EventCard) -> dict[str, str]:
    return {"title": event.title, "when": cards.when(turn.texts, event)}


def _standing(turn: Turn, registration: RegistrationCard) -> str:
    if registration.status == "waiting":
        return turn.say("my.waiting", position=cards.position(registration))
    if registration.status == "offered":
        zone = registration.event.timezone
        deadline = in_brief(cards.deadline(registration), zone, turn.state.language)
        return turn.say("my.offered", deadline=deadline)
    if registration.status == "held":
        until, zone = cards.held_until(registration), registration.event.timezone
        return turn.say("my.held", deadline=of_day(until, zone, turn.state.language))
    return turn.say("my.seat")


def _brief(turn: Turn, registration: RegistrationCard) -> str:
    event = registration.event
    return in_brief(event.starts_at, event.timezone, turn.state.language)
