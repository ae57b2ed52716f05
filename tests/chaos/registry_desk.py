"""An organiser's program, which talks to the registry by HTTP."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

import httpx

STARTS_IN = timedelta(days=30)
REQUEST_SECONDS_MAX = 30.0
POLL_SECONDS = 0.2


class Desk:
    """`async with Desk(url, headers) as desk: event = await desk.publishes("Gold", seats=100)`."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=REQUEST_SECONDS_MAX, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def publishes(self, title: str, *, seats: int, starts_at: datetime | None = None) -> UUID:
        """Add a published event; its id."""
        answer = await self._http.post(
            "/api/events",
            json={
                "title": title,
                "starts_at": (starts_at or datetime.now(UTC) + STARTS_IN).isoformat(),
                "timezone": "UTC",
                "max_participants": seats,
                "status": "published",
            },
        )
        event = await self._done(answer.raise_for_status())
        assert event is not None, "a new event cannot be refused"
        return UUID(event["id"])

    async def changes(self, event_id: UUID, **changes: Any) -> bool:
        """Change an event as it is now; False when it cannot be, or somebody else was faster."""
        seen = (await self._http.get(f"/api/events/{event_id}")).raise_for_status()
        answer = await self._http.patch(
            f"/api/events/{event_id}", json=changes, headers={"If-Match": seen.headers["ETag"]}
        )
        if answer.status_code in (httpx.codes.CONFLICT, httpx.codes.PRECONDITION_FAILED):
            return False
        return await self._done(answer.raise_for_status()) is not None

    async def _done(self, answer: httpx.Response) -> dict[str, Any] | None:
        """The event as it was written, also when that took longer than a request may wait; None
        when it was refused then.
        """
        found: dict[str, Any] = answer.json()
        if answer.status_code != httpx.codes.ACCEPTED:
            return found
        while found["status"] == "pending":
            await asyncio.sleep(POLL_SECONDS)
            status = await self._http.get(answer.headers["Location"])
            found = status.raise_for_status().json()
        assert found["status"] in ("done", "refused"), found
        event: dict[str, Any] | None = found.get("event")
        return event

    async def sees(self, event_id: UUID) -> dict[str, Any]:
        """The event with its figures."""
        answer = await self._http.get(f"/api/events/{event_id}")
        found: dict[str, Any] = answer.raise_for_status().json()
        return found
