"""The registry's answers, told to the person."""

from collections.abc import Callable

from contracts import (
    CancellationRefused,
    ClaimRefused,
    CodeRefused,
    CommandFailed,
    DisownRefused,
    EmailProven,
    EventCard,
    LinkDisowned,
    OfferRefused,
    Outcome,
    PersonForgotten,
    RegistrationReleased,
    SeatClaimed,
    SeatHeld,
    SeatTransferred,
    TransferDropped,
    TransferOffered,
    TransferRefused,
    Unlinked,
    UnlinkRefused,
    WaitingListed,
)
from conversation import cards
from conversation.dialogue import forgetting, mine, offered, parting, proven, transfers
from conversation.dialogue.preferences import also
from conversation.dialogue.registering import registered
from conversation.dialogue.signposts import onward, to_events, to_link, to_mine
from conversation.dialogue.state import (
    REGISTERING,
    Offer,
    Stage,
    Waiting,
)
from conversation.dialogue.transfers import TransferOutcome
from conversation.dialogue.turn import Prompt, Reply, Turn
from conversation.moments import in_brief, in_words


def tell(turn: Turn, outcome: Outcome, asked: Waiting | None) -> Reply:
    """The answer, and where the chat stands with it.

    Args:
        turn: the chat, no longer waiting.
        outcome: what became of the command.
        asked: what the command was for, when the chat still remembers it.
    """
    reply = _told(turn, outcome, asked)
    if asked is None or (asked.muted is None and asked.language is None):
        return reply
    return also(reply, turn, muted=asked.muted, language=asked.language)


def _told(turn: Turn, outcome: Outcome, asked: Waiting | None) -> Reply:
    match outcome:
        case SeatHeld():
            return proven.seat_held(turn, outcome, asked)
        case EmailProven():
            return proven.proven(turn, outcome, asked)
        case CodeRefused():
            return proven.code_refused(turn, outcome, asked)
        case Unlinked() | UnlinkRefused() | LinkDisowned() | DisownRefused():
            return parting.tell(turn, outcome, asked)
        case PersonForgotten():
            return forgetting.forgotten(turn, outcome)
        case _:
            return _told_of_seat(turn, outcome, asked)


SeatOutcome = (
    SeatClaimed
    | WaitingListed
    | ClaimRefused
    | RegistrationReleased
    | CancellationRefused
    | OfferRefused
    | TransferOutcome
    | CommandFailed
)


def _told_of_seat(turn: Turn, outcome: SeatOutcome, asked: Waiting | None) -> Reply:
    match outcome:
        case SeatClaimed():
            return _claimed(turn, outcome, asked)
        case WaitingListed():
            return _waiting_listed(turn, outcome, asked)
        case ClaimRefused():
            return _refused(turn, outcome, asked)
        case RegistrationReleased():
            return _released(turn, outcome)
        case CancellationRefused():
            return _not_released(turn, outcome)
        case OfferRefused():
            return _offer_refused(turn, outcome, asked)
        case TransferOffered() | SeatTransferred() | TransferDropped() | TransferRefused():
            return transfers.tell(turn, outcome, asked)
        case CommandFailed():
            return _failed(turn, asked)


def _claimed(turn: Turn, outcome: SeatClaimed, asked: Waiting | None) -> Reply:
    registration = outcome.registration
    lead = (
        turn.say("ticket.already")
        if outcome.already
        else turn.say("ticket.new", name=registration.name)
    )
    there = registered(turn, registration.event, asked)
    return there.ends(mine.ticket(there, registration, lead))


def _waiting_listed(turn: Turn, outcome: WaitingListed, asked: Waiting | None) -> Reply:
    registration = outcome.registration
    there = registered(turn, registration.event, asked)
    if registration.status == "offered":
        return there.ends(mine.offer(there, registration))
    title, position = registration.event.title, cards.position(registration)
    text = (
        turn.say("line.already", title=title, position=position)
        if outcome.already
        else turn.say("line.new", title=title, position=position)
    )
    return there.ends(mine.place_in_line(there, registration, text))


def _refused(turn: Turn, outcome: ClaimRefused, asked: Waiting | None) -> Reply:
    if outcome.reason == "proof-first":
        return proven.first(turn, _title(outcome.event), asked)
    event = outcome.event
    title = _title(event)
    texts: dict[str, Callable[[], str]] = {
        "full": lambda: turn.say("claim.full", title=title),
        "draft": lambda: turn.say("claim.not-open"),
        "not-yet-open": lambda: _not_yet_open(turn, event),
        "closed": lambda: turn.say("claim.closed", title=title),
        "started": lambda: turn.say("claim.started", title=title),
        "cancelled": lambda: turn.say("claim.cancelled", title=title),
        "unknown-event": lambda: turn.say("claim.not-open"),
    }
    offers = [to_events(turn), to_mine(turn)]
    if outcome.reason in ("full", "not-yet-open") and event is not None:
        offers.insert(0, Offer(id=f"ev:{event.code}", label=turn.say("button.look-again")))
    text = texts[outcome.reason]()
    return turn.at(Stage.CHOOSING_EVENT).ends(Prompt(text, tuple(offers)))


def _offer_refused(turn: Turn, outcome: OfferRefused, asked: Waiting | None) -> Reply:
    if outcome.reason == "proof-first":
        return proven.first(turn, _title(outcome.event), asked)
    return offered.refused(turn, outcome)


def _not_yet_open(turn: Turn, event: EventCard | None) -> str:
    if event is None or event.registration_opens_at is None:
        return turn.say("claim.not-open")
    opens = in_words(event.registration_opens_at, event.timezone, turn.state.language)
    return turn.say("claim.not-yet-open", title=event.title, opens=opens)


def _released(turn: Turn, outcome: RegistrationReleased) -> Reply:
    held = None if turn.state.proof is None else turn.state.proof.held
    if held is not None and held.registration_id == outcome.registration_id:
        turn = turn.on(turn.state.proving(None))  # nothing waits for it any more
    there = turn if turn.state.stage in REGISTERING else turn.at(Stage.CHOOSING_EVENT)
    return there.ends(Prompt(_release(turn, outcome), (onward(there), to_mine(there))))


def _release(turn: Turn, outcome: RegistrationReleased) -> str:
    title, when = outcome.event.title, _when(turn, outcome.event)
    if outcome.already:
        return turn.say("drop.already", title=title)
    if outcome.was == "waiting":
        return turn.say("drop.left-line", title=title, when=when)
    if outcome.was == "offered":
        return turn.say("drop.declined", title=title, when=when)
    return turn.say("drop.done", title=title, when=when)


def _not_released(turn: Turn, outcome: CancellationRefused) -> Reply:
    title = _title(outcome.event)
    text = {
        "not-yours": lambda: turn.say("drop.not-yours"),
        "started": lambda: turn.say("drop.started", title=title),
        "checked-in": lambda: turn.say("drop.checked-in", title=title),
    }[outcome.reason]()
    return turn.ends(Prompt(text, (onward(turn), to_mine(turn))))


def _failed(turn: Turn, asked: Waiting | None) -> Reply:
    if asked is not None and asked.wish == "accept":
        again = Offer(id=asked.choice_id, label=turn.say("button.try-again"), role="yes")
        return turn.ends(Prompt(turn.say("claim.failed"), (again, to_mine(turn), onward(turn))))
    if asked is not None and asked.wish in ("prove", "unlink", "disown", "forget"):
        return turn.ends(Prompt(turn.say("wish.failed"), _wish_again(turn, asked)))
    if asked is None or asked.wish != "claim":
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


def _wish_again(turn: Turn, asked: Waiting) -> tuple[Offer, ...]:
    """The question once more: a code is typed again, and a yes is given again."""
    verb, _, about = asked.choice_id.partition("-now:")
    choice_id = f"disown:{about}" if verb == "disown" else verb
    if asked.wish == "prove":
        return (to_link(turn), onward(turn))
    again = Offer(id=choice_id, label=turn.say("button.try-again"), role="yes")
    return (again, onward(turn))


def _title(event: EventCard | None) -> str:
    return event.title if event is not None else ""


def _when(turn: Turn, event: EventCard) -> str:
    return in_brief(event.starts_at, event.timezone, turn.state.language)
