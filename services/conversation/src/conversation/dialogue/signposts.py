"""The choices that lead on from anywhere."""

import re

from contracts.outbound import CHOICE_ID_BYTES_MAX
from conversation.dialogue.languages import guess_of
from conversation.dialogue.state import ASKING, PROVING, REGISTERING, Offer, Profile, Stage
from conversation.dialogue.turn import Prompt, Reply, Turn
from conversation.texts import LANGUAGES, Language, texts

_CAN_BE_OFFERED = re.compile(rf"[A-Za-z0-9:._-]{{1,{CHOICE_ID_BYTES_MAX}}}")


def to_events(turn: Turn) -> Offer:
    """The list of events."""
    return Offer(id="events", label=turn.say("button.events"))


def to_mine(turn: Turn) -> Offer:
    """The person's own registrations."""
    return Offer(id="my", label=turn.say("button.my"))


def to_help(turn: Turn) -> Offer:
    """What can be said."""
    return Offer(id="help", label=turn.say("button.help"))


def to_link(turn: Turn, then: str = "") -> Offer:
    """For whoever is registered already, in another messenger or by the organisers."""
    choice_id = f"link:{then}" if then else "link"
    return Offer(id=choice_id, label=turn.say("button.link"))


def to_forget(turn: Turn) -> Offer:
    """The wish to be forgotten; it is asked about once more."""
    return Offer(id="forget", label=turn.say("button.forget"))


def to_mydata(turn: Turn) -> Offer:
    """Everything that is kept about the person."""
    return Offer(id="mydata", label=turn.say("button.mydata"))


def onward(turn: Turn) -> Offer:
    """Back to a registration or a proof that is under way, else on to the events."""
    if turn.state.stage in REGISTERING:
        return Offer(id="here", label=turn.say("button.continue"), role="back")
    if turn.state.stage in PROVING:
        return Offer(id="here", label=turn.say("button.go-on"), role="back")
    return Offer(id="events", label=turn.say("button.events"), role="back")


def ways_out(turn: Turn) -> tuple[Offer, ...]:
    """One question back, and out of the registration."""
    token = turn.state.context.token
    return (
        Offer(id=f"back:{token}", label=turn.say("button.back"), role="back"),
        Offer(id=f"leave:{token}", label=turn.say("button.cancel")),
    )


def other_language(turn: Turn) -> tuple[Offer, ...]:
    """The languages that we do not speak, at the first word to somebody whose own we guessed."""
    state = turn.state
    if state.stage is not Stage.START or state.language_chosen:
        return ()
    if guess_of(turn.address, turn.sender).sure:
        return ()
    return tuple(language_offer(one) for one in LANGUAGES if one != state.language)


def already_registered(turn: Turn) -> tuple[Offer, ...]:
    """The way to one's own registrations, in a chat that knows nothing of its person yet."""
    return (to_link(turn),) if turn.state.profile == Profile() else ()


def language_offer(language: Language) -> Offer:
    """A language, by its own name."""
    return Offer(id=f"lang:{language}", label=texts(language).say("language.name"))


def silent(turn: Turn, asked: str | None) -> Reply:
    """The registry does not answer a question; what to tap to ask it once more.

    Args:
        turn: the turn that asked.
        asked: the choice that it was asked with; None when it was asked in words of one's own.
    """
    # What was tapped may be forged, and not everything can be offered.
    again_id = asked if asked and _CAN_BE_OFFERED.fullmatch(asked) else "here"
    again = Offer(id=again_id, label=turn.say("button.try-again"))
    ways_on = (onward(turn),) if turn.state.stage in ASKING and again_id != "here" else ()
    return turn.ends(Prompt(turn.say("registry.silent"), (again, *ways_on)))
