"""What is told while the registry is silent: how it was when it last answered, and when."""

from conversation.dialogue.state import REGISTERING
from conversation.dialogue.turn import Reply, Turn
from conversation.moments import of_day


def as_it_was(turn: Turn, reply: Reply) -> Reply:
    """The reply with a mark before it, when it was made from what was last known.

    A question of a registration needs none: it shows nothing that could have changed but the
    event's date and place, and the registry alone decides on the claim.
    """
    as_of = turn.facts.as_of
    if as_of is None or reply.prompt is None or reply.state.stage in REGISTERING:
        return reply
    said = turn.on(reply.state)
    moment = of_day(as_of.at, as_of.timezone, reply.state.language)
    return reply.led_by(said.say("registry.last-known", moment=moment))
