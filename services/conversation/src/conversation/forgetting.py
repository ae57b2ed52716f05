"""What is said, and what is looked for, when a chat is forgotten."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from contracts import Address, ChatForgotten, OutboundMessage, derived_id
from contracts.ids import TURNOUT
from conversation.dialogue import State
from conversation.document import ChatDocument
from conversation.texts import texts

OWN_WAYS = ("email", "phone")
"""Parts of the names of fields that hold what leads to one person alone."""


def told_elsewhere(
    forgotten: ChatForgotten, chat: Address, state: State, now: datetime
) -> OutboundMessage:
    """Say in this chat what was wished in another one; the same message however often it is said.

    Args:
        forgotten: the wish.
        chat: where the chat is now.
        state: where it stood.
        now: business time.
    """
    wish = f"forgotten:{chat.platform}:{chat.chat_key}:{forgotten.at.isoformat()}"
    return OutboundMessage(
        id=derived_id(TURNOUT, wish),
        occurred_at=now,
        correlation_id=forgotten.correlation_id,
        address=chat,
        priority="transactional",
        language=state.language,
        text=texts(state.language).say("forget.elsewhere"),
        heard_at=state.heard_at,
    )


def known_by(chat: Address, document: ChatDocument | None) -> frozenset[str]:
    """By what else only this person is known, for what does not say whose it is."""
    number = {chat.chat_id} if chat.is_whatsapp_number else set()
    said = () if document is None else _own_ways(document.state.model_dump(mode="json"))
    return frozenset({*number, *said})


def _own_ways(value: Any, name: str = "") -> Iterator[str]:
    match value:
        case dict():
            for inner_name, inner in value.items():
                yield from _own_ways(inner, inner_name)
        case list():
            for inner in value:
                yield from _own_ways(inner, name)
        case str() if value and any(way in name for way in OWN_WAYS):
            yield value
