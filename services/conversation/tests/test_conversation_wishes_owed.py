"""A wish and its answer leave together: written in one write, published in order, never twice."""

from datetime import UTC, datetime
from uuid import uuid5

from conversation_house import handlers_at, house_at
from conversation_talk import ANN, ANN_SENDS, SPACE

from contracts import ChangePreferences, InboundMessage, TextSaid, derived_id


def says(text: str) -> InboundMessage:
    now = datetime.now(UTC)
    message_id = uuid5(SPACE, f"wishes {text}")
    return InboundMessage(
        id=message_id,
        occurred_at=now,
        correlation_id=message_id,
        address=ANN,
        sender=ANN_SENDS,
        content=TextSaid(text=text),
        sent_at=now,
    )


async def test_a_stop_that_is_delivered_twice_is_one_wish_and_one_answer(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        stop = says("stop")
        await handlers.hear(stop)
    async with house_at(provisioned) as house, handlers_at(provisioned) as another_replica:
        await another_replica.hear(stop)
        (command,) = await house.stored("COMMANDS")
        wish = ChangePreferences.model_validate_json(command)
        assert (wish.chat, wish.muted, wish.language) == (ANN, True, None)
        (answer,) = await house.messages()
        assert "no more reminders" in answer.text
        # Published again from the document, the wish first: the streams swallow the copies.
        expected = [str(derived_id(stop.id, "preferences")), str(answer.id)]
        assert house.published == expected
        assert wish.route() == f"command.change-preferences.{ANN.chat_key}"


async def test_what_is_said_behind_a_stop_does_not_wait_for_it(provisioned: str) -> None:
    async with house_at(provisioned) as house, handlers_at(provisioned) as handlers:
        for text in ("stop", "/language ru", "старт", "/events"):
            await handlers.hear(says(text))
        stop, language, start, events = await house.messages()
        assert "no more reminders" in stop.text
        assert "по-русски" in language.text
        assert "снова включены" in start.text
        assert "PyCon" in events.text
        wishes = [
            ChangePreferences.model_validate_json(body) for body in await house.stored("COMMANDS")
        ]
        assert [(one.muted, one.language) for one in wishes] == [
            (True, None),
            (None, "ru"),
            (False, None),
        ]
        assert [one.occurred_at for one in wishes] == sorted(one.occurred_at for one in wishes)
