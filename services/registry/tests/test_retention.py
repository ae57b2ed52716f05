"""Nothing is kept for longer than it may be, and nobody is forgotten too early."""

from datetime import timedelta

from registry_commands import enter, new
from registry_house import QuietHouse, chat, claim_seat
from test_forgetting import count, drift, tend

from contracts import ForgetPerson, PersonForgotten, RequestCode
from registry.results import Stored
from registry.retention import CODES_KEPT, COMMANDS_KEPT
from registry.work import RETENTION_DAYS

KEPT = timedelta(days=RETENTION_DAYS)


def due(stored: Stored) -> list[ForgetPerson]:
    return [
        ForgetPerson.model_validate_json(said.body)
        for said in stored.messages
        if said.subject.startswith("command.forget-person.")
    ]


async def test_people_are_forgotten_when_nothing_was_heard_of_them_for_so_long(
    quiet_house: QuietHouse,
) -> None:
    house = quiet_house
    await enter(house, await house.event(starts_in=timedelta(days=3)), 1)
    house.clock.advance(KEPT + timedelta(days=2))
    # The event was not long enough ago.
    assert due(await tend(house, at_the_hour=True)) == []
    house.clock.advance(timedelta(days=2))
    # Only once an hour everybody is looked at.
    assert due(await tend(house)) == []
    (wish,) = due(await tend(house, at_the_hour=True))
    assert wish.address is None
    stored = await house.carry_out(wish)
    assert stored.result == PersonForgotten(known=True)
    assert stored.messages == ()
    assert await count(house, "identities") == 0
    assert await drift(house) == {}
    assert due(await tend(house, at_the_hour=True)) == []


async def test_who_comes_back_before_it_is_carried_out_is_kept(quiet_house: QuietHouse) -> None:
    house = quiet_house
    await enter(house, await house.event(), 1)
    house.clock.advance(KEPT + timedelta(days=5))
    (wish,) = due(await tend(house, at_the_hour=True))
    again = {"occurred_at": house.clock.now()}
    await house.do(claim_seat(await house.event(), 1).model_copy(update=again))
    assert (await house.carry_out(wish)).result == PersonForgotten(known=False)
    assert await count(house, "identities") == 1


async def test_codes_are_kept_for_a_day_and_handled_commands_for_thirty(
    quiet_house: QuietHouse,
) -> None:
    house = quiet_house
    code = RequestCode(
        **new(), chat=chat(1), email="ann@example.org", by="messenger", language="en"
    )
    await house.do(code)
    for kept, query in (
        (CODES_KEPT, "SELECT 1 FROM email_proofs"),
        (COMMANDS_KEPT, f"SELECT 1 FROM handled_commands WHERE command_id = '{code.id}'"),
    ):
        await tend(house)
        assert await house.rows(query)
        house.clock.advance(kept)
        await tend(house)
        assert not await house.rows(query)
