"""What is kept about somebody, for them alone: all of it, readable, and never too much."""

import json
from datetime import timedelta
from typing import Any, Literal

from registry_commands import check_in, enter, promise, prove
from registry_house import QuietHouse, chat, claim_seat, give_back
from test_consents import consent
from test_forgetting import forget

from contracts import ExportAnswer, ExportPerson
from registry.export import EXPORT_BYTES_MAX, Exports

FILE_BYTES_MAX = 2_000_000


async def export(
    house: QuietHouse, person: int = 1, language: Literal["en", "ru"] = "en"
) -> ExportAnswer:
    exports = Exports(database=house.databases[0], clock=house.clock)
    return await exports.export_person(ExportPerson(address=chat(person), language=language))


async def data(house: QuietHouse, person: int = 1) -> dict[str, Any]:
    found = json.loads((await export(house, person)).data)
    assert isinstance(found, dict)
    return found


async def lively(house: QuietHouse) -> None:
    """Person 1 has a seat, had another, agreed, and is promised a third."""
    event_id = await house.event()
    claim = claim_seat(event_id, 1).model_copy(update={"consent": consent()})
    await house.do(claim)
    gone = await enter(house, await house.event(), 1)
    await house.do(give_back(gone, chat(1)))
    await prove(house, 1, "ann@example.org")
    theirs = await enter(house, await house.event(), 2)
    await house.do(promise(theirs, 2, "ann@example.org"))


async def test_everything_that_the_tables_hold_is_in_it(quiet_house: QuietHouse) -> None:
    await lively(quiet_house)
    kept = await data(quiet_house)
    assert kept["known"] is True
    assert kept["profile"]["name"] == "Ann Lee"
    assert kept["profile"]["email"] == "ann@example.org"
    assert [one["chat_id"] for one in kept["chats"]] == [chat(1).chat_id]
    assert sorted(one["status"] for one in kept["registrations"]) == ["cancelled", "confirmed"]
    assert [one["text_version"] for one in kept["consents"]] == ["1"]
    assert len(kept["promised_to_you"]) == 1
    assert {one["action"] for one in kept["changes"]} == {"seat-claimed", "registration-ended"}
    assert len(kept["reminders"]) == 2


async def test_nothing_of_anybody_else_is_in_it(quiet_house: QuietHouse) -> None:
    house = quiet_house
    await lively(house)
    (card,) = await house.rows(
        "SELECT r.id FROM event_registrations AS r JOIN users AS u ON u.id = r.user_id "
        "WHERE r.status = 'confirmed' AND u.telegram_id = $1",
        int(chat(1).chat_id),
    )
    whole = (await export(house)).data
    assert chat(2).chat_id not in whole
    seat = await enter(house, await house.event(), 1)
    await house.do(check_in(seat, "Zoe's phone"))
    again = (await export(house)).data
    assert "checked_in_at" in again
    assert "Zoe" not in again
    assert str(card["id"]) in again


async def test_the_summary_is_in_the_language_that_was_asked_for(quiet_house: QuietHouse) -> None:
    await lively(quiet_house)
    english, russian = await export(quiet_house), await export(quiet_house, language="ru")
    assert "Name: Ann Lee" in english.summary
    assert "you have shown that it is yours" in english.summary
    assert "Имя: Ann Lee" in russian.summary
    assert "Что мы о вас храним" in russian.summary
    assert "{" not in english.summary + russian.summary


async def test_of_an_unknown_chat_it_says_that_nothing_is_kept(quiet_house: QuietHouse) -> None:
    answer = await export(quiet_house)
    assert "Nothing is kept about you" in answer.summary
    assert json.loads(answer.data)["known"] is False


async def test_it_is_never_too_long_for_a_file(quiet_house: QuietHouse) -> None:
    house = quiet_house
    await enter(house, await house.event(), 1)
    await house.rows(
        """INSERT INTO audit (at, command_id, correlation_id, actor, channel, action, event_id,
             registration_id, reason)
           SELECT now(), gen_random_uuid(), gen_random_uuid(), 'organiser', 'api', 'moved',
             event_id, id, repeat('ж', 4000)
           FROM event_registrations, generate_series(1, 600)"""
    )
    answer = await export(house)
    assert len(answer.data.encode()) <= EXPORT_BYTES_MAX
    assert len(answer.model_dump_json().encode()) <= FILE_BYTES_MAX
    kept = json.loads(answer.data)
    assert kept["left_out"] == ["changes"]
    assert kept["changes"]
    assert kept["profile"]["name"] == "Ann Lee"


async def test_after_being_forgotten_there_is_nothing(quiet_house: QuietHouse) -> None:
    await lively(quiet_house)
    quiet_house.clock.advance(timedelta(seconds=1))
    await quiet_house.do(forget(1))
    answer = await export(quiet_house)
    assert json.loads(answer.data)["known"] is False
    assert "Ann" not in answer.data + answer.summary
