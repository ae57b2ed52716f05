"""A few events to look at, made through the organiser's API like any other."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx

from devstack.process import Failed

SECONDS_MAX = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoEvent:
    """An event that is always some days ahead."""

    slug: str
    title: str
    description: str
    days_ahead: int
    hour: int
    timezone: str
    location: str
    max_participants: int

    def starts_at(self, now: datetime) -> datetime:
        """That hour in the event's own zone, so many days from today."""
        day = now.astimezone(ZoneInfo(self.timezone)) + timedelta(days=self.days_ahead)
        return day.replace(hour=self.hour, minute=0, second=0, microsecond=0)


EVENTS = (
    DemoEvent(
        slug="python-evening",
        title="Python Evening: one message, many processes",
        description="Two talks and a long table afterwards. How a chat bot stays honest when "
        "any of its processes may die at any moment, and what a queue can and cannot promise. "
        "Beginners are welcome; bring a question.",
        days_ahead=3,
        hour=19,
        timezone="Europe/Berlin",
        location="Betahaus, Rudi-Dutschke-Straße 23, Berlin",
        max_participants=60,
    ),
    DemoEvent(
        slug="lino-printing",
        title="Linocut for two",
        description="A whole afternoon with a printer, her press and just two places: cut, ink "
        "and pull your own postcards. Materials are included.",
        days_ahead=5,
        hour=14,
        timezone="Europe/Lisbon",
        location="Oficina do Cego, Rua dos Lagares 12, Lisbon",
        max_participants=2,
    ),
    DemoEvent(
        slug="city-walk",
        title="Прогулка: модернизм Еревана",
        description="Три часа пешком от Каскада до кинотеатра «Россия»: дома, лестницы и "
        "мозаики 1960–1980-х. Идём в любую погоду, в середине — кофе.",
        days_ahead=8,
        hour=11,
        timezone="Asia/Yerevan",
        location="Ереван, площадь у Каскада, у скульптуры кота",
        max_participants=25,
    ),
    DemoEvent(
        slug="open-data-day",
        title="Open Data Day",
        description="One day, one city, one dataset each. In the morning we choose, at noon we "
        "eat, by the evening there is something to show.",
        days_ahead=21,
        hour=10,
        timezone="Europe/Madrid",
        location="Medialab Matadero, Madrid",
        max_participants=120,
    ),
)


async def seed_events(registry_url: str, environment: Mapping[str, str], now: datetime) -> int:
    """Add each event that is not there yet or lies in the past; how many were added.

    Raises:
        Failed: the registry refused.
    """
    headers = {"Authorization": f"Bearer {environment['ADMIN_TOKEN']}"}
    try:
        async with httpx.AsyncClient(
            base_url=registry_url, headers=headers, timeout=SECONDS_MAX, trust_env=False
        ) as client:
            coming = await _coming(client, now)
            missing = [event for event in EVENTS if event.title not in coming]
            for event in missing:
                await _add(client, event, now)
    except httpx.HTTPError as error:
        raise Failed(f"the registry does not answer: {type(error).__name__}") from error
    return len(missing)


async def _coming(client: httpx.AsyncClient, now: datetime) -> set[str]:
    answer = await client.get("/api/events")
    _check(answer, "list its events")
    body = answer.json()
    events = body["events"] if isinstance(body, dict) else body
    return {e["title"] for e in events if datetime.fromisoformat(e["starts_at"]) > now}


async def _add(client: httpx.AsyncClient, event: DemoEvent, now: datetime) -> None:
    starts_at = event.starts_at(now)
    details = {
        "title": event.title,
        "description": event.description,
        "starts_at": starts_at.isoformat(),
        "timezone": event.timezone,
        "location": event.location,
        "max_participants": event.max_participants,
        "status": "published",
    }
    # The same request on the same day is the same event, however often it is repeated.
    key = f"demo-{event.slug}-{starts_at.date()}"
    answer = await client.post("/api/events", json=details, headers={"Idempotency-Key": key})
    _check(answer, f"add {event.title!r}")


def _check(answer: httpx.Response, wish: str) -> None:
    if not answer.is_success:
        raise Failed(f"the registry would not {wish}: {answer.status_code} {answer.text[:300]}")


def business_now(clock_file: Path) -> datetime:
    """Real time and what an earlier visitor advanced the clock by."""
    try:
        offset_seconds = float(json.loads(clock_file.read_text())["offset_seconds"])
    except (OSError, ValueError, KeyError):
        offset_seconds = 0.0
    return datetime.now(UTC) + timedelta(seconds=offset_seconds)
