"""What a step ends with: the chat afterwards, and the messages that are owed for it."""

from dataclasses import dataclass
from uuid import UUID

from contracts import Choice as OutboundChoice
from contracts import OutboundMessage, Priority, derived_id
from conversation.dialogue.state import State
from conversation.dialogue.turn import ByTheWay, ChatCommand, Prompt, Reply, Turn
from conversation.texts import Language

Owed = OutboundMessage | ChatCommand | ByTheWay


@dataclass(frozen=True, slots=True)
class Step:
    """The chat afterwards, and what is owed for it, in this order."""

    state: State
    owed: tuple[Owed, ...]
    shed: bool = False
    """It was one too many (`pace`). With nothing owed there is nothing to write either."""


def owing(reply: Reply, turn: Turn, *, ordinal: int, priority: Priority) -> Step:
    """The step that a reply stands for.

    Args:
        reply: how the turn ended.
        turn: what it was made from.
        ordinal: names the bubble among all that the turn's cause brings about.
        priority: how urgent the bubble is.
    """
    owed: list[Owed] = [*reply.beside, *([] if reply.command is None else [reply.command])]
    if reply.prompt is None:
        return Step(reply.state, tuple(owed))
    owed.append(
        _message(
            reply.prompt,
            message_id=derived_id(turn.cause, ordinal),
            turn=turn,
            language=reply.state.language,
            priority=priority,
        )
    )
    offered = reply.state.offering(reply.prompt.offers) if reply.prompt.offers else reply.state
    return Step(offered, tuple(owed))


def said_aside(turn: Turn, sentence: str) -> Step:
    """One sentence; the choices of the prompt before it are still the ones on offer."""
    said = owing(turn.ends(Prompt(sentence)), turn, ordinal=0, priority="reply")
    return Step(turn.state, said.owed)


def _message(
    prompt: Prompt, *, message_id: UUID, turn: Turn, language: Language, priority: Priority
) -> OutboundMessage:
    return OutboundMessage(
        id=message_id,
        occurred_at=turn.now,
        correlation_id=turn.correlation_id,
        address=turn.address,
        priority=priority,
        language=language,
        text=prompt.text,
        choices=tuple(
            OutboundChoice(id=offer.id, label=offer.label, description=offer.description)
            for offer in prompt.offers
        ),
        choices_label=prompt.choices_label,
        document=prompt.document,
        heard_at=turn.state.heard_at,
        in_reply_to=turn.provider_id,
    )
