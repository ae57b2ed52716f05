"""From a card to a claim: name, e-mail, one look at it all, and the wish for a seat or a place."""

from contracts import ClaimSeat, Consent, EventCard, derived_id
from conversation.dialogue import addressing, browsing, confirming, event_card, naming, proving
from conversation.dialogue.signposts import to_events, to_mine
from conversation.dialogue.state import (
    PROVING,
    REGISTERING,
    ChosenEvent,
    Context,
    Stage,
    Waiting,
)
from conversation.dialogue.turn import Prompt, Reply, Turn


def begin(turn: Turn, code: str) -> Reply:
    """Register was tapped: known people go straight to the last look."""
    event = turn.facts.event(code)
    if event is None or not event_card.is_open(event, turn):
        return event_card.card(turn, code)
    if event_card.registration_at(turn, event) is not None:
        return event_card.card(turn, code)
    typed, known = turn.state.context, turn.state.profile
    context = Context(
        event=ChosenEvent.of(event),
        in_line=event_card.has_line(event),
        name=typed.name or known.name,
        email=typed.email or known.email,
    )
    if context.name and context.email:
        return confirming.to_confirming(turn, context)
    return naming.to_name(turn, context)


def change(turn: Turn, _token: str) -> Reply:
    """Name and address once more, each with a tap to keep it."""
    return naming.to_name(turn, turn.state.context)


def claim(turn: Turn, token: str) -> Reply:
    """Everything is right: ask the registry for the seat. Its outcome is the answer."""
    context = turn.state.context
    assert context.event is not None
    assert context.name is not None
    assert context.email is not None
    # Only to know whether the answer will take long; the registry decides on the command alone.
    told = not turn.facts.registry_answers(context.event.code)
    command = ClaimSeat(
        id=derived_id(turn.cause, 0),
        occurred_at=turn.now,
        correlation_id=turn.correlation_id,
        event_id=context.event.id,
        address=turn.address,
        sender=turn.sender,
        name=context.name,
        email_claimed=context.email,
        language=turn.state.language,
        registered_via=turn.address.platform,
        muted=turn.state.muted,
        consent=Consent(
            text_version=confirming.CONSENT_TEXT_VERSION,
            language=turn.state.language,
            at=turn.now,
            channel=turn.address.platform,
        ),
    )
    state = turn.state.waiting_for(command.id, "claim", f"ok:{token}", turn.now, told=told)
    return Reply(state, Prompt(turn.say("wait.kept")) if told else None, command)


def registered(turn: Turn, event: EventCard, asked: Waiting | None) -> Turn:
    """The chat after a seat or a place in line; another registration under way goes on."""
    if asked is not None and asked.wish != "claim" and turn.state.stage in REGISTERING:
        return turn
    context, known = turn.state.context, turn.state.profile
    if asked is not None and asked.wish == "claim" and context.name and context.email:
        known = known.model_copy(update={"name": context.name, "email": context.email})
    there = Context(event=ChosenEvent.of(event))
    return turn.on(turn.state.known_as(known)).at(Stage.REGISTERED, there)


def leave(turn: Turn, _token: str = "") -> Reply:
    """The way out: nothing was booked."""
    if turn.state.stage in PROVING:
        return proving.leave(turn)
    offers = (to_events(turn), to_mine(turn))
    return turn.at(Stage.CHOOSING_EVENT).ends(Prompt(turn.say("registration.left"), offers))


def back(turn: Turn, _token: str = "") -> Reply:
    """One question back."""
    if turn.state.stage in PROVING:
        return proving.back(turn)
    context = turn.state.context
    if turn.state.stage is Stage.ENTERING_EMAIL:
        return addressing.back(turn) or naming.to_name(turn, context)
    if turn.state.stage is Stage.CONFIRMING:
        return addressing.to_email(turn, context)
    if turn.state.stage is Stage.ENTERING_NAME and context.event is not None:
        return event_card.card(turn, context.event.code)
    return browsing.events(turn)


def question(turn: Turn) -> Reply:
    """The question that is open."""
    return {
        Stage.ENTERING_NAME: naming.ask_name,
        Stage.ENTERING_EMAIL: addressing.ask_email,
        Stage.CONFIRMING: confirming.ask_to_confirm,
    }[turn.state.stage](turn)
