"""What is said while the registry still owes the answer to the chat's own command.

A chat has one unanswered command at most, so wishes are kept and answered in order after the
outcome. That takes milliseconds, unless the registry is silent: then it may take hours. As soon as
the person knows that it takes longer, everything said has an answer at once, in the order in which
it was said: questions are answered from what is known, and what has to wait is answered with a
word that it is noted. So there is help, and a look around, in the longest outage.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from contracts import InboundMessage, derived_id
from conversation.dialogue import choices
from conversation.dialogue.facts import Facts, RegistrySilent
from conversation.dialogue.last_known import as_it_was
from conversation.dialogue.owing import Step, owing, said_aside
from conversation.dialogue.signposts import silent
from conversation.dialogue.state import Context, Stage, State
from conversation.dialogue.turn import Turn

KEPT_MAX = 5
"""Things said while waiting that are kept; more would not fit the chat's document."""
KEPT_BYTES_MAX = 16 * 1024
PATIENCE = timedelta(seconds=10)
"""After this much waiting the person is told that it takes longer."""

_OF_A_SEAT = ("claim", "accept", "drop")
QUESTIONS = frozenset(
    {"start", "stop", "menu", "events", "ev", "my", "mine", "tickets", "ticket", "calendar"}
    | {"calendars", "help", "thanks", "lang", "here", "privacy"}
)
"""What can be answered wherever the chat stands: nothing that the outcome needs is changed."""


def meanwhile(
    state: State, item: InboundMessage, choice_id: str | None, facts: Facts, now: datetime
) -> Step:
    """Keep it until the outcome is here, or answer it at once.

    Args:
        state: a chat that waits.
        item: what was said.
        choice_id: the choice that it stands for, if it stands for one.
        facts: answers of the registry, or its silence.
        now: business time.

    Raises:
        FactMissing: `facts` lack an answer that this needs.
    """
    waiting = state.waiting
    assert waiting is not None
    takes_long = waiting.told or now - waiting.since >= PATIENCE
    turn = Turn(
        state=state.told_to_wait() if takes_long else state,
        # Apart from the ids of its later answer.
        cause=derived_id(item.id, "wait"),
        correlation_id=item.correlation_id,
        address=item.address,
        sender=item.sender,
        facts=facts,
        now=now,
        provider_id=item.provider_id,
    )
    known = turn.say("wait.still") if waiting.told else turn.say("wait.kept")
    if choice_id == waiting.choice_id:
        # The same wish again: its outcome answers both, unless that takes long.
        return said_aside(turn, known) if takes_long else Step(state, ())
    if takes_long and choice_id is not None and choice_id.partition(":")[0] in QUESTIONS:
        return _answered(turn, choice_id, known)
    kept = (*state.kept, item)
    if len(kept) > KEPT_MAX or _size_bytes(kept) > KEPT_BYTES_MAX:
        return said_aside(turn, turn.say("wait.enough"))
    if not takes_long:
        return Step(state.keeping(kept), ())
    keeping = turn.on(turn.state.keeping(kept))
    if choice_id == "cancel" and waiting.wish in _OF_A_SEAT:
        return said_aside(keeping, turn.say("wait.cancel"))
    return said_aside(keeping, turn.say("wait.noted") if waiting.told else known)


def _answered(turn: Turn, choice_id: str, known: str) -> Step:
    """Answer a question; the chat stands where its command left it, for the outcome's sake."""
    aside = replace(
        turn.on(turn.state.answered().at(Stage.CHOOSING_EVENT, Context())),
        facts=turn.facts.afresh(),
        aside=True,
    )
    try:
        reply = as_it_was(aside, choices.choose(aside, choice_id))
    except RegistrySilent:
        reply = silent(aside, choice_id)
    said = owing(reply.led_by(known), aside, ordinal=0, priority="reply")
    return Step(_as_wished(turn.state, said.state), said.owed)


def _as_wished(state: State, wanted: State) -> State:
    """What a question may change: the choices on offer, the language, and being left in peace."""
    there = state.offering(wanted.offered)
    return there.wishing(muted=wanted.muted, language=wanted.language)


def _size_bytes(kept: tuple[InboundMessage, ...]) -> int:
    return sum(len(one.model_dump_json().encode()) for one in kept)
