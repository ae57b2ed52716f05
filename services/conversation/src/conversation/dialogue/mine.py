"""A person's own registrations: the list, a ticket, and giving a seat back."""

from contracts import CancelRegistration, Document, RegistrationCard, derived_id
from conversation.dialogue import browsing
from conversation.dialogue.signposts import onward, to_mine
from conversation.dialogue.state import ChosenEvent, Dropping, Offer
from conversation.dialogue.turn import Page, Prompt, Reply, Turn, page_number
from conversation.moments import in_brief, in_words


def registrations(turn: Turn, argument: str = "") -> Reply:
    """All seats; tapping one shows its ticket."""
    found = turn.facts.registrations(turn.address)
    if not found:
        return turn.ends(Prompt(turn.say("my.none"), (onward(turn),)))
    return _listed(
        turn, found, turn.say("my.list"), list_verb="my", row_verb="ticket", page=argument
    )


def tickets(turn: Turn, _argument: str = "") -> Reply:
    """The ticket, or which of them."""
    found = turn.facts.registrations(turn.address)
    if len(found) == 1:
        return turn.ends(ticket_prompt(turn, found[0], turn.say("ticket.again")))
    return registrations(turn)


def ticket(turn: Turn, registration_id: str) -> Reply:
    """One ticket again."""
    registration = _find(turn, registration_id)
    if registration is None:
        return _not_found(turn)
    return turn.ends(ticket_prompt(turn, registration, turn.say("ticket.again")))


def ticket_prompt(turn: Turn, registration: RegistrationCard, lead: str) -> Prompt:
    """The ticket as one message: the code to show, what it is for, and what can be done."""
    event = registration.event
    text = turn.say(
        "ticket.card",
        title=event.title,
        when=in_words(event.starts_at, event.timezone, turn.state.language),
        where=browsing.place(turn, event.location),
        name=registration.name,
    )
    document = None
    if registration.ticket is not None:
        document = Document(
            kind="ticket", data=registration.ticket, filename=f"ticket-{event.code}.png"
        )
    drop = Offer(id=f"drop:{registration.id}", label=turn.say("button.drop"))
    # Three at most, so that WhatsApp can put them under the picture (platforms.md B4).
    offers = (to_mine(turn), drop, onward(turn))
    return Prompt(text, offers, document=document).led_by(lead)


def cancel(turn: Turn, _argument: str = "") -> Reply:
    """Cancel was said with nothing begun: a seat is meant."""
    found = turn.facts.registrations(turn.address)
    if len(found) == 1:
        return _ask_to_drop(turn, found[0])
    return choose_to_drop(turn)


def choose_to_drop(turn: Turn, argument: str = "") -> Reply:
    """Which of the seats?"""
    found = turn.facts.registrations(turn.address)
    if not found:
        return turn.ends(Prompt(turn.say("my.none"), (onward(turn),)))
    lead = turn.say("drop.choose")
    return _listed(turn, found, lead, list_verb="drops", row_verb="drop", page=argument)


def drop(turn: Turn, registration_id: str) -> Reply:
    """Is this seat really to be given up?"""
    registration = _find(turn, registration_id)
    return _not_found(turn) if registration is None else _ask_to_drop(turn, registration)


def drop_now(turn: Turn, registration_id: str) -> Reply:
    """Yes. The outcome is the answer."""
    dropping = turn.state.dropping
    if dropping is None or str(dropping.registration_id) != registration_id:
        return drop(turn, registration_id)
    told = not turn.facts.registry_answers(dropping.event.code)
    command = CancelRegistration(
        id=derived_id(turn.cause, 0),
        occurred_at=turn.now,
        correlation_id=turn.correlation_id,
        event_id=dropping.event.id,
        registration_id=dropping.registration_id,
        address=turn.address,
    )
    choice_id = f"drop-now:{registration_id}"
    state = turn.state.waiting_for(command.id, "drop", choice_id, turn.now, told=told)
    return Reply(state, Prompt(turn.say("wait.kept")) if told else None, command)


def keep(turn: Turn, _registration_id: str) -> Reply:
    """No, the seat stays."""
    stayed = turn.on(turn.state.at(turn.state.stage, turn.state.context))
    return stayed.ends(Prompt(turn.say("drop.kept"), (to_mine(turn), onward(turn))))


def _ask_to_drop(turn: Turn, registration: RegistrationCard) -> Reply:
    event = ChosenEvent.of(registration.event)
    text = turn.say(
        "drop.ask",
        title=event.title,
        when=in_brief(event.starts_at, event.timezone, turn.state.language),
    )
    offers = (
        Offer(id=f"drop-now:{registration.id}", label=turn.say("button.drop-now"), role="yes"),
        Offer(id=f"keep:{registration.id}", label=turn.say("button.keep-seat"), role="no"),
    )
    dropping = Dropping(registration_id=registration.id, event=event)
    return Reply(turn.state.asked_to_drop(dropping), Prompt(text, offers))


def _listed(
    turn: Turn,
    found: tuple[RegistrationCard, ...],
    lead: str,
    *,
    list_verb: str,
    row_verb: str,
    page: str,
) -> Reply:
    shown = Page.of(found, page_number(page), rows_taken=1)
    briefs = [
        in_brief(one.event.starts_at, one.event.timezone, turn.state.language)
        for one in shown.items
    ]
    lines = [
        turn.say("list.line", number=number, title=one.event.title, when=when)
        for number, (one, when) in enumerate(zip(shown.items, briefs, strict=True), start=1)
    ]
    rows = tuple(
        Offer(id=f"{row_verb}:{one.id}", label=one.event.title, description=when)
        for one, when in zip(shown.items, briefs, strict=True)
    )
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


def _find(turn: Turn, registration_id: str) -> RegistrationCard | None:
    found = turn.facts.registrations(turn.address)
    return next((one for one in found if str(one.id) == registration_id), None)


def _not_found(turn: Turn) -> Reply:
    reply = registrations(turn)
    assert reply.prompt is not None
    return Reply(reply.state, reply.prompt.led_by(turn.say("my.not-found")))
