"""Telling the registry how a person wants to be written to, so that notices follow it as well."""

from dataclasses import replace

from contracts import ChangePreferences, derived_id
from conversation.dialogue.turn import Reply, Turn
from conversation.texts import Language


def also(
    reply: Reply, turn: Turn, *, muted: bool | None = None, language: Language | None = None
) -> Reply:
    """The reply, and the wish owed together with it; the chat does not wait for it."""
    wish = ChangePreferences(
        id=derived_id(turn.cause, "preferences"),
        occurred_at=turn.now,
        correlation_id=turn.correlation_id,
        chat=turn.address,
        muted=muted,
        language=language,
    )
    return replace(reply, beside=(*reply.beside, wish))
