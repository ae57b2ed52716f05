"""A seat that is kept for the first in the waiting list: taken, passed on, or gone."""

from contracts import (
    AcceptOffer,
    AcceptTransfer,
    CancelRegistration,
    DropTransfer,
    EventCard,
    OfferRefused,
    RegistrationCard,
    derived_id,
)
from conversation.dialogue import mine
from conversation.dialogue.facts import RegistrySilent
from conversation.dialogue.signposts import onward, silent, to_mine
from conversation.dialogue.state import Offer, Wish
from conversation.dialogue.turn import Prompt, Reply, Turn


def take(turn: Turn, registration_id: str) -> Reply:
    """Yes to a seat from the waiting list. The outcome is the answer."""
    choice_id = f"take:{registration_id}"
    offered = _still_offered(turn, registration_id, choice_id)
    if isinstance(offered, Reply):
        return offered
    return wished(turn, AcceptOffer, offered, "accept", choice_id)


def decline(turn: Turn, registration_id: str) -> Reply:
    """No: the seat is for the next in line."""
    choice_id = f"pass:{registration_id}"
    offered = _still_offered(turn, registration_id, choice_id)
    if isinstance(offered, Reply):
        return offered
    return wished(turn, CancelRegistration, offered, "drop", choice_id)


def refused(turn: Turn, outcome: OfferRefused) -> Reply:
    """The offered seat could not be taken: why, and what can be done next."""
    event = outcome.event
    if outcome.reason == "expired" and event is not None:
        return _expired(turn, event)
    title = event.title if event is not None else ""
    text = {
        "expired": lambda: turn.say("offer.over"),
        "not-offered": lambda: turn.say("offer.over"),
        "not-yours": lambda: turn.say("offer.not-yours"),
        "started": lambda: turn.say("offer.started", title=title),
        "cancelled": lambda: turn.say("offer.cancelled", title=title),
        "proof-first": lambda: turn.say("held.proof-first", title=title),
    }[outcome.reason]()
    return turn.ends(Prompt(text, (to_mine(turn), onward(turn))))


def wished(
    turn: Turn,
    kind: type[AcceptOffer | CancelRegistration | AcceptTransfer | DropTransfer],
    registration: RegistrationCard,
    wish: Wish,
    choice_id: str,
) -> Reply:
    """Ask the registry for this about the registration. Its outcome is the answer."""
    command = kind(
        id=derived_id(turn.cause, 0),
        occurred_at=turn.now,
        correlation_id=turn.correlation_id,
        event_id=registration.event.id,
        registration_id=registration.id,
        address=turn.address,
    )
    # The registry has just answered a question, so nobody need be told of a long wait.
    state = turn.state.waiting_for(command.id, wish, choice_id, turn.now, told=False)
    return Reply(state, None, command)


def _still_offered(turn: Turn, registration_id: str, choice_id: str) -> RegistrationCard | Reply:
    """The offer, or what is true instead; its button may be days old."""
    try:
        registration = mine.find(turn, registration_id)
        if registration is None:
            return _over(turn, registration_id)
    except RegistrySilent:
        return silent(turn, choice_id)
    if registration.status != "offered":
        return turn.ends(mine.as_it_is(turn, registration))
    return registration


def _over(turn: Turn, registration_id: str) -> Reply:
    expired = turn.facts.notice("offer-expired", registration_id)
    if expired.address == turn.address and expired.registration is not None:
        event = expired.registration.event
        mine_now = turn.facts.registrations(turn.address)
        again = next((one for one in mine_now if one.event.id == event.id), None)
        # Whoever has joined again stands there anew, whatever became of this offer.
        return _expired(turn, event) if again is None else turn.ends(mine.as_it_is(turn, again))
    return turn.ends(Prompt(turn.say("offer.over"), (to_mine(turn), onward(turn))))


def _expired(turn: Turn, event: EventCard) -> Reply:
    again = Offer(id=f"ev:{event.code}", label=turn.say("button.join-again"))
    text = turn.say("offer.expired", title=event.title)
    return turn.ends(Prompt(text, (again, to_mine(turn), onward(turn))))
