"""Stop and start: nothing but answers, or reminders, news and offers as well."""

from conversation.dialogue import asides, registering
from conversation.dialogue.facts import RegistrySilent
from conversation.dialogue.preferences import also
from conversation.dialogue.signposts import onward, silent, to_mine
from conversation.dialogue.state import REGISTERING, Offer, Profile
from conversation.dialogue.turn import Prompt, Reply, Turn


def stop(turn: Turn, _argument: str = "") -> Reply:
    """Nothing but answers any more; said in mid-registration, it ends that too.

    Whoever says stop while being asked for a name may mean either. Both are done, both are told,
    and either is taken back with one tap; asking which was meant would be one message too many.
    """
    text = turn.say("stop.already") if turn.state.muted else turn.say("stop.done")
    there = turn
    if turn.state.stage in REGISTERING:
        there = turn.on(registering.leave(turn).state)
        text = f"{turn.say('registration.left')}\n\n{text}"
    there = there.on(there.state.hushed(muted=True))
    again = Offer(id="start", label=turn.say("button.start"))
    # Owed even if it is off already: should the first wish have been lost, this one is not.
    return also(there.ends(Prompt(text, (again, to_mine(there), onward(there)))), turn, muted=True)


def start(turn: Turn, argument: str = "") -> Reply:
    """Hello, and after a stop reminders and news again."""
    if not turn.state.muted:
        if turn.state.profile == Profile():
            return asides.start(turn, argument)
        # Whoever is known here may have said stop in another messenger: start takes that back, too.
        try:
            return also(asides.start(turn, argument), turn, muted=False)
        except RegistrySilent:
            return also(silent(turn, "start"), turn, muted=False)
    told = turn.on(turn.state.hushed(muted=False))
    try:
        reply = asides.start(told, argument)
    except RegistrySilent:
        return also(told.ends(Prompt(turn.say("start.again"))), turn, muted=False)
    return also(reply.led_by(turn.say("start.again")), turn, muted=False)
