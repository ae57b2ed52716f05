"""The notifier hears of everything that says whether somebody can be written to."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from conversation_house import House, handlers_at, house_at
from conversation_talk import ANN, ANN_SENDS

from contracts import (
    Address,
    ChatBlocked,
    ChatMoved,
    ChatUnblocked,
    Content,
    InboundMessage,
    MarketingPreferred,
    MessageRevoked,
    OtherSent,
    PeerChanged,
    ReactionSent,
    TextSaid,
)
from conversation.reach import change_told_by

SENT_AT = datetime.now(UTC) - timedelta(seconds=30)


def item(content: Content, *, address: Address = ANN) -> InboundMessage:
    message_id = uuid4()
    return InboundMessage(
        id=message_id,
        occurred_at=datetime.now(UTC),
        correlation_id=message_id,
        address=address,
        sender=ANN_SENDS,
        content=content,
        sent_at=SENT_AT,
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (ChatBlocked(), {"blocked": True}),
        (ChatUnblocked(), {"blocked": False}),
        (MarketingPreferred(stopped=True), {"marketing_stopped": True}),
        (MarketingPreferred(stopped=False), {"marketing_stopped": False}),
        (ChatMoved(previous="41"), {"previous": "41"}),
        (ReactionSent(emoji="👍"), {"blocked": False}),
        (MessageRevoked(), {"blocked": False}),
        (OtherSent(type="poll"), {"blocked": False, "heard": True}),
        (TextSaid(text="hm"), {"blocked": False, "heard": True}),
    ],
)
def test_what_a_person_did_says_how_they_can_be_reached(
    content: Content, told: dict[str, Any]
) -> None:
    change = change_told_by(item(content))
    assert change is not None
    assert (
        change.model_dump(
            include={"blocked", "marketing_stopped", "heard", "previous"}, exclude_defaults=True
        )
        == told
    )
    assert change.at == SENT_AT


def test_what_nobody_did_says_nothing() -> None:
    assert change_told_by(item(OtherSent(type="system.customer_identity_changed"))) is None
    group = ANN.model_copy(update={"chat_id": "-42"})
    assert change_told_by(item(ChatBlocked(), address=group)) is None


async def _reaches(house: House) -> list[PeerChanged]:
    return [PeerChanged.model_validate_json(body) for body in await house.stored("REACH")]


async def test_a_block_is_told_once_however_often_it_comes(provisioned: str) -> None:
    blocked = item(ChatBlocked())
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        await handlers.hear(blocked)
        await handlers.hear(blocked)
        (told,) = await _reaches(house)
    assert (told.address, told.blocked) == (ANN, True)


async def test_whoever_gets_an_answer_is_told_by_the_answer(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        await handlers.hear(item(TextSaid(text="/start")))
        (answer, *_) = await house.messages()
        assert answer.heard_at == SENT_AT
        assert await _reaches(house) == []


async def test_whoever_gets_no_answer_is_told_all_the_same(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        await handlers.hear(reaction := item(ReactionSent(emoji="👍")))
        assert await house.messages() == []
        (told,) = await _reaches(house)
    assert told.correlation_id == reaction.id
    assert told.blocked is False


async def test_a_changed_number_is_told_to_the_new_chat(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        moved = item(ChatMoved(previous="16505551234"))
        await handlers.hear(moved)
        (told,) = await _reaches(house)
    assert (told.address, told.previous) == (moved.address, "16505551234")
