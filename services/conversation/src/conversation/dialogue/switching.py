"""Another event comes up in the middle of a registration: asked first, so that nothing is lost."""

from collections.abc import Callable

from contracts import EventCard
from conversation.dialogue import asides, event_card, registering
from conversation.dialogue.facts import RegistrySilent
from conversation.dialogue.signposts import silent
from conversation.dialogue.state import REGISTERING, ChosenEvent, Offer
from conversation.dialogue.turn import Prompt, Reply, Turn


def to_card(turn: Turn, code: str) -> Reply:
    """An event was chosen from a list, a poster or a link."""
    return _asked_first(turn, code, event_card.card)


def to_registration(turn: Turn, code: str) -> Reply:
    """Register was tapped on a card, perhaps on an old one."""
    return _asked_first(turn, code, registering.begin)


def switch(turn: Turn, code: str) -> Reply:
    """Yes, the other event; what was typed so far is offered there."""
    return event_card.card(turn, code)


def register(turn: Turn, _argument: str = "") -> Reply:
    """Somebody says that they want to register: for the event that is open, or for which?"""
    state = turn.state
    if state.stage in REGISTERING or state.context.event is None:
        return asides.here(turn)
    return registering.begin(turn, state.context.event.code)


def _asked_first(turn: Turn, code: str, go: Callable[[Turn, str], Reply]) -> Reply:
    begun = turn.state.context.event
    if turn.state.stage not in REGISTERING or begun is None:
        return go(turn, code)
    if code == begun.code:
        return registering.question(turn)
    try:
        other = turn.facts.event(code)
    except RegistrySilent:
        return silent(turn, f"ev:{code}")
    if other is None:
        return asides.beside(turn, turn.say("event.unknown"))
    if other.status == "draft":
        return asides.beside(turn, turn.say("event.draft"))
    if other.status != "published" or other.starts_at <= turn.now:
        told = f"{other.title}: {event_card.standing(turn, other)}"
        return asides.beside(turn, told)
    return _ask(turn, begun, other)


def _ask(turn: Turn, begun: ChosenEvent, other: EventCard) -> Reply:
    offers = (
        Offer(id=f"switch:{other.code}", label=turn.say("button.switch"), role="yes"),
        Offer(id="here", label=turn.say("button.stay"), role="back"),
    )
    text = turn.say("switch.ask", title=begun.title, other=other.title)
    return turn.ends(Prompt(text, offers))
