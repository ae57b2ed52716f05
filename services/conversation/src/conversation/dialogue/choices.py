"""What each choice does. Its id carries what it means, so that an old button stays truthful."""

from collections.abc import Callable

from conversation.dialogue import asides, browsing, dropping, mine, offered, registering, transfers
from conversation.dialogue.state import REGISTERING, Stage
from conversation.dialogue.turn import Reply, Turn

Action = Callable[[Turn, str], Reply]

OF_A_QUESTION: dict[str, Action] = {
    # <verb>:<token of the question>; the token of an older question is stale.
    "name": registering.take_suggested_name,
    "mail-fix": registering.take_suggested_email,
    "mail-keep": registering.keep_email,
    "ok": registering.claim,
    "change": registering.change,
    "leave": registering.leave,
    "back": registering.back,
}

ALWAYS: dict[str, Action] = {
    "start": browsing.greeting,
    "events": browsing.events,
    "ev": browsing.card,
    "reg": registering.begin,
    "my": mine.registrations,
    "tickets": mine.tickets,
    "ticket": mine.show,
    "mine": mine.show,
    "drops": dropping.choose,
    "drop": dropping.drop,
    "drop-now": dropping.drop_now,
    "keep": dropping.keep,
    "take": offered.take,
    "pass": offered.decline,
    "xtake": transfers.take,
    "xpass": transfers.decline,
    "here": asides.here,
    "help": asides.help_,
    "lang": asides.language,
    "unknown": asides.unknown,
}


def choose(turn: Turn, choice_id: str) -> Reply:
    """Do what was tapped, or what was said in its words."""
    verb, _, argument = choice_id.partition(":")
    if verb in OF_A_QUESTION and argument:
        if argument != turn.state.context.token:
            return asides.stale(turn)
        return OF_A_QUESTION[verb](turn, argument)
    if verb == "back":
        return registering.back(turn)
    if verb == "cancel":
        # With something begun it is the way out; with nothing begun a registration is meant.
        begun = turn.state.stage in REGISTERING
        return registering.leave(turn) if begun else dropping.cancel(turn)
    action = ALWAYS.get(verb)
    return action(turn, argument) if action else asides.stale(turn)


def typed(turn: Turn, text: str) -> Reply:
    """Text that stands for no choice: an answer to the open question, a title, or nothing."""
    if turn.state.stage is Stage.START:
        return browsing.greeting(turn)
    if turn.state.stage is Stage.ENTERING_NAME:
        return registering.typed_name(turn, text)
    if turn.state.stage is Stage.ENTERING_EMAIL:
        return registering.typed_email(turn, text)
    if turn.state.stage is Stage.CHOOSING_EVENT and (found := browsing.typed(turn, text)):
        return found
    return asides.unknown(turn)
