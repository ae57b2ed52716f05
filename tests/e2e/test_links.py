"""From a poster to the event's card, on both platforms."""

from uuid import uuid4

import pytest

from tests.e2e.people import PLATFORMS, Organiser, Simulator
from tests.poster_reading import codes_on, symbol_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_who_scans_the_poster_sees_the_event(
    simulator: Simulator, organiser: Organiser
) -> None:
    event = await organiser.publishes(title := f"Poster {uuid4().hex[:6]}")
    path = f"/api/events/{event['id']}"
    links = (await organiser.http.get(f"{path}/links")).raise_for_status().json()
    assert links["code"] == event["code"]
    poster = (await organiser.http.get(f"{path}/poster.pdf")).raise_for_status()
    assert poster.headers["Content-Type"] == "application/pdf"
    assert codes_on(poster.content) == [symbol_of(links[one]["url"]) for one in PLATFORMS]
    for platform in PLATFORMS:
        person = await simulator.person(platform, name="Ann")
        await person.opens(links[platform]["url"])
        card = await person.hears()
        assert title in card.text
        assert "Hall 2" in card.text
        assert card.label("Register")


async def test_who_scans_too_early_hears_that_it_is_not_announced(
    simulator: Simulator, organiser: Organiser
) -> None:
    event = await organiser.publishes(title := f"Early {uuid4().hex[:6]}", status="draft")
    links = (await organiser.http.get(f"/api/events/{event['id']}/links")).raise_for_status().json()
    for platform in PLATFORMS:
        person = await simulator.person(platform, name="Ben")
        await person.opens(links[platform]["url"])
        answer = await person.hears()
        assert title not in answer.text
        assert "announced" in answer.text
