"""The registry's answers, told to the person."""

from contracts import (
    CancellationRefused,
    ClaimRefused,
    CommandFailed,
    EventCard,
    Outcome,
    RegistrationReleased,
    SeatClaimed,
)
from conversation.dialogue import mine
from conversation.dialogue.signposts import onward, to_events, to_mine
from conversation.dialogue.state import (
    REGISTERING,
    ChosenEvent,
    Context,
    Offer,
    Profile,
    Stage,
    Wish,
)
from conversation.dialogue.turn import Prompt, Reply, Turn
from conversation.moments import in_brief


def tell(turn: Turn, outcome: Outcome, asked_for: Wish | None) -> Reply:
    """The answer, and where the chat stands with it.

    Args:
        turn: the chat, no longer waiting.
        outcome: what became of the command.
        asked_for: what the command was for, when the chat still remembers it.
    """
    match outcome:
        case SeatClaimed():
            return _claimed(turn, outcome)
        case ClaimRefused():
            return _refused(turn, outcome)
        case RegistrationReleased():
            return _released(turn, outcome)
        case CancellationRefused():
            return _not_released(turn, outcome)
        case CommandFailed():
            return _failed(turn, asked_for)


def _claimed(turn: Turn, outcome: SeatClaimed) -> Reply:
    registration = outcome.registration
    lead = (
        turn.say("ticket.already")
        if outcome.already
        else turn.say("ticket.new", name=registration.name)
    )
    context = turn.state.context
    known = turn.state.profile
    if context.name and context.email:
        known = Profile(name=context.name, email=context.email)
    there = turn.on(turn.state.known_as(known)).at(
        Stage.REGISTERED, Context(event=ChosenEvent.of(registration.event))
    )
    return there.ends(mine.ticket_prompt(there, registration, lead))


def _refused(turn: Turn, outcome: ClaimRefused) -> Reply:
    event = outcome.event
    title = event.title if event is not None else ""
    text = {
        "full": lambda: turn.say("claim.full", title=title),
        "draft": lambda: turn.say("claim.not-open"),
        "started": lambda: turn.say("claim.started", title=title),
        "cancelled": lambda: turn.say("claim.cancelled", title=title),
        "unknown-event": lambda: turn.say("claim.not-open"),
    }[outcome.reason]()
    offers = [to_events(turn), to_mine(turn)]
    if outcome.reason == "full" and event is not None:
        offers.insert(0, Offer(id=f"ev:{event.code}", label=turn.say("button.look-again")))
    return turn.at(Stage.CHOOSING_EVENT).ends(Prompt(text, tuple(offers)))


def _released(turn: Turn, outcome: RegistrationReleased) -> Reply:
    title = outcome.event.title
    text = (
        turn.say("drop.already", title=title)
        if outcome.already
        else turn.say("drop.done", title=title, when=_when(turn, outcome.event))
    )
    there = turn if turn.state.stage in REGISTERING else turn.at(Stage.CHOOSING_EVENT)
    return there.ends(Prompt(text, (onward(turn), to_mine(turn))))


def _not_released(turn: Turn, outcome: CancellationRefused) -> Reply:
    title = outcome.event.title if outcome.event is not None else ""
    text = (
        turn.say("drop.started", title=title)
        if outcome.reason == "started"
        else turn.say("drop.not-yours")
    )
    return turn.ends(Prompt(text, (onward(turn), to_mine(turn))))


def _failed(turn: Turn, asked_for: Wish | None) -> Reply:
    if asked_for != "claim":
        return turn.ends(Prompt(turn.say("drop.failed"), (to_mine(turn), onward(turn))))
    # A new token: trying again is a new wish, with a new command.
    token = turn.new_token
    context = turn.state.context.model_copy(update={"token": token})
    offers = (
        Offer(id=f"ok:{token}", label=turn.say("button.try-again"), role="yes"),
        Offer(id=f"leave:{token}", label=turn.say("button.cancel")),
    )
    there = turn.at(Stage.CONFIRMING, context)
    return there.ends(Prompt(turn.say("claim.failed"), offers))


def _when(turn: Turn, event: EventCard) -> str:
    return in_brief(event.starts_at, event.timezone, turn.state.language)
