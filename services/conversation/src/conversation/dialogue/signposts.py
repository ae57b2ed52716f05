"""The choices that lead on from anywhere."""

from conversation.dialogue.state import REGISTERING, Offer
from conversation.dialogue.turn import Prompt, Reply, Turn


def to_events(turn: Turn) -> Offer:
    """The list of events."""
    return Offer(id="events", label=turn.say("button.events"))


def to_mine(turn: Turn) -> Offer:
    """The person's own registrations."""
    return Offer(id="my", label=turn.say("button.my"))


def onward(turn: Turn) -> Offer:
    """Back to a registration that is under way, else on to the events."""
    if turn.state.stage in REGISTERING:
        return Offer(id="here", label=turn.say("button.continue"), role="back")
    return Offer(id="events", label=turn.say("button.events"), role="back")


def silent(turn: Turn, again_id: str) -> Reply:
    """The registry does not answer a question; what to tap to ask it once more."""
    again = Offer(id=again_id, label=turn.say("button.try-again"))
    return turn.ends(Prompt(turn.say("registry.silent"), (again,)))
