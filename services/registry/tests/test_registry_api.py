"""The organiser API, as a program of an organiser uses it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from httpx import AsyncClient


def new_event(**changes: Any) -> dict[str, Any]:
    starts_at = datetime.now(UTC) + timedelta(days=3)
    return {
        "title": "PyCon",
        "description": "Two days of Python",
        "starts_at": starts_at.isoformat(),
        "timezone": "Europe/Berlin",
        "location": "Main hall",
        "max_participants": 2,
        "status": "published",
        **changes,
    }


async def test_an_event_is_created_and_read_back(api: AsyncClient) -> None:
    created = await api.post("/api/events", json=new_event())
    assert created.status_code == 201, created.text
    event = created.json()
    assert created.headers["Location"] == f"/api/events/{event['id']}"
    assert created.headers["ETag"] == '"1"'
    assert (event["confirmed"], event["held"], event["waiting"], event["checked_in"]) == (0,) * 4
    read = await api.get(created.headers["Location"])
    assert read.json() == event
    listed = await api.get("/api/events")
    assert listed.json() == {"events": [event], "next_cursor": None}
