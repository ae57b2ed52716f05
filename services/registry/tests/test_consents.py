"""What people have agreed to: the first time, for each wording and channel."""

from datetime import UTC, datetime, timedelta
from typing import Any

from registry_house import QuietHouse, claim_seat

from contracts import Consent

FIRST = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def consent(text_version: str = "1", **said: Any) -> Consent:
    values: dict[str, Any] = {"language": "en", "at": FIRST, "channel": "telegram"} | said
    return Consent(text_version=text_version, **values)


async def consents(house: QuietHouse) -> list[tuple[str, str, str, datetime]]:
    rows = await house.rows(
        "SELECT text_version, language, channel, at FROM consents ORDER BY at, text_version"
    )
    return [tuple(row.values()) for row in rows]


async def test_the_first_yes_to_a_wording_is_kept_with_language_time_and_channel(
    quiet_house: QuietHouse,
) -> None:
    house = quiet_house
    later = FIRST + timedelta(days=1)
    for said in (consent(), consent(language="ru", at=later), consent("2", at=later)):
        claim = claim_seat(await house.event()).model_copy(update={"consent": said})
        await house.do(claim)
        # A claim that comes twice agrees once.
        await house.do(claim)
    assert await consents(house) == [
        ("1", "en", "telegram", FIRST),
        ("2", "en", "telegram", later),
    ]


async def test_a_claim_of_a_release_that_did_not_ask_agrees_to_nothing(
    quiet_house: QuietHouse,
) -> None:
    await quiet_house.do(claim_seat(await quiet_house.event()))
    assert await consents(quiet_house) == []


async def test_who_waits_has_agreed_as_well(quiet_house: QuietHouse) -> None:
    event_id = await quiet_house.event(1)
    await quiet_house.do(claim_seat(event_id, 1))
    await quiet_house.do(claim_seat(event_id, 2).model_copy(update={"consent": consent()}))
    assert len(await consents(quiet_house)) == 1
