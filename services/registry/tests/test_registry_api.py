"""The organiser API, as a program of an organiser uses it."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from httpx import AsyncClient, Response
from registry_house import House, chat, claim_seat, give_back

JSON = {"Content-Type": "application/json"}
FACT_SECONDS_MAX = 20.0


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


async def create(api: AsyncClient, **changes: Any) -> dict[str, Any]:
    created = await api.post("/api/events", json=new_event(**changes))
    assert created.status_code == 201, created.text
    event: dict[str, Any] = created.json()
    return event


def problem(answer: Response, status: int) -> dict[str, Any]:
    """The problem details of an answer that is no success."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    details: dict[str, Any] = answer.json()
    assert details["status"] == status
    assert details["detail"]
    return details


async def test_an_event_is_created_and_read_back(api: AsyncClient) -> None:
    created = await api.post("/api/events", json=new_event())
    assert created.status_code == 201, created.text
    event = created.json()
    assert created.headers["Location"] == f"/api/events/{event['id']}"
    assert created.headers["ETag"] == '"1"'
    assert (event["confirmed"], event["held"], event["waiting"], event["checked_in"]) == (0,) * 4
    read = await api.get(created.headers["Location"])
    assert read.json() == event
    assert read.headers["ETag"] == '"1"'
    listed = await api.get("/api/events")
    assert listed.json() == {"events": [event], "next_cursor": None}


@pytest.mark.parametrize("token", [None, "Bearer wrong", "Bearer ", "Basic admin", "Bearer пароль"])
async def test_without_the_token_nothing_is_told(api: AsyncClient, token: str | None) -> None:
    del api.headers["Authorization"]
    headers = [(b"Authorization", token.encode())] if token else []
    for method, path in (
        ("GET", "/api/events"),
        ("POST", "/api/events"),
        ("GET", f"/api/events/{uuid4()}"),
        ("GET", f"/api/events/{uuid4()}/registrations.csv"),
        ("GET", f"/api/commands/{uuid4()}"),
    ):
        answer = await api.request(method, path, headers=headers)
        assert "ADMIN_TOKEN" in problem(answer, 401)["detail"]
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"starts_at": "2100-03-01T18:00:00"}, "starts_at", "offset from UTC is missing"),
        ({"starts_at": "2100-03-01T18:00:00+25:00"}, "starts_at", "no such date or time"),
        ({"starts_at": "2100-03-01T18:00:00+15:00"}, "starts_at", "No place on Earth"),
        ({"starts_at": "2100-02-30T18:00:00Z"}, "starts_at", "no such date or time"),
        ({"starts_at": "tomorrow"}, "starts_at", "Write it like"),
        ({"starts_at": 1893456000}, "starts_at", "Write it like"),
        ({"starts_at": "9999-12-31T23:59:59Z"}, "starts_at", "must not be after"),
        ({"starts_at": "2020-01-01T18:00:00Z"}, "starts_at", "must lie in the future"),
        ({"timezone": "Europe/Berln"}, "timezone", "did you mean Europe/Berlin?"),
        ({"timezone": "../etc/passwd"}, "timezone", "no such time zone"),
        ({"title": "  "}, "title", "at least 1 character"),
        ({"title": "x" * 121}, "title", "at most 120 characters"),
        ({"title": "bell \u0007"}, "title", "control character"),
        ({"max_participants": 0}, "max_participants", "greater than or equal to 1"),
        ({"max_participants": "2"}, "max_participants", "valid integer"),
        ({"status": "cancelled"}, "status", "'draft' or 'published'"),
        ({"colour": "red"}, "colour", "misspelling"),
    ],
)
async def test_what_cannot_be_taken_is_explained(
    api: AsyncClient, changes: dict[str, Any], field: str, says: str
) -> None:
    details = problem(await api.post("/api/events", json=new_event(**changes)), 422)
    assert says in details["detail"]
    assert field in details["detail"]


async def test_a_body_that_is_no_json_and_a_page_that_is_not_there(api: AsyncClient) -> None:
    details = problem(await api.post("/api/events", content=b"{", headers=JSON), 422)
    assert details["errors"] == [{"field": "body", "detail": "This is not JSON."}]
    details = problem(await api.post("/api/events", content=b"{}"), 422)
    assert "Content-Type: application/json" in details["detail"]
    details = problem(await api.post("/api/events", json={"title": "PyCon"}), 422)
    assert {"field": "starts_at", "detail": "This is required."} in details["errors"]
    problem(await api.get("/api/nothing"), 404)
    problem(await api.get(f"/api/events/{uuid4()}"), 404)
    problem(await api.get(f"/api/events/{uuid4()}/registrations"), 404)
    problem(await api.post(f"/api/events/{uuid4()}/cancel"), 404)
    problem(await api.get("/api/events?cursor=nonsense"), 422)


async def test_the_same_key_makes_one_event(api: AsyncClient) -> None:
    headers = {"Idempotency-Key": "spring-2026"}
    body = new_event()
    answers = await asyncio.gather(
        *(api.post("/api/events", json=body, headers=headers) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len((await api.get("/api/events")).json()["events"]) == 1
    other = await api.post("/api/events", json=new_event(title="Other"), headers=headers)
    assert problem(other, 422)["type"].endswith("idempotency-key-reused")


async def test_without_a_key_each_request_is_a_change_of_its_own(api: AsyncClient) -> None:
    body = new_event()
    first, second = [await api.post("/api/events", json=body) for _ in range(2)]
    assert first.json()["id"] != second.json()["id"]
    assert first.json()["code"] != second.json()["code"]


async def test_a_change_needs_the_version_that_was_read(api: AsyncClient) -> None:
    path = f"/api/events/{(await create(api))['id']}"
    problem(await api.patch(path, json={"title": "New"}), 428)
    changed = await api.patch(path, json={"title": "New"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert changed.json()["title"] == "New"
    assert changed.json()["location"] == "Main hall"
    for stale in ('"1"', '"x"', "*"):
        problem(await api.patch(path, json={"title": "X"}, headers={"If-Match": stale}), 412)
    null = await api.patch(path, json={"title": None}, headers={"If-Match": '"2"'})
    assert "cannot be null" in problem(null, 422)["detail"]


async def test_of_two_changes_at_once_one_wins(api: AsyncClient) -> None:
    path = f"/api/events/{(await create(api))['id']}"
    answers = await asyncio.gather(
        *(
            api.patch(path, json={"title": f"Title {n}"}, headers={"If-Match": '"1"'})
            for n in range(4)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]


async def test_a_repeated_change_is_answered_as_the_first_time(api: AsyncClient) -> None:
    path = f"/api/events/{(await create(api))['id']}"
    headers = {"If-Match": '"1"', "Idempotency-Key": "k1"}
    first = await api.patch(path, json={"title": "New"}, headers=headers)
    await api.patch(path, json={"title": "Newer"}, headers={"If-Match": '"2"'})
    again = await api.patch(path, json={"title": "New"}, headers=headers)
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await api.get(path)).json()["title"] == "Newer"


async def test_a_published_event_does_not_become_a_draft_again(api: AsyncClient) -> None:
    path = f"/api/events/{(await create(api))['id']}"
    answer = await api.patch(path, json={"status": "draft"}, headers={"If-Match": '"1"'})
    assert "can be cancelled" in problem(answer, 409)["detail"]


async def test_an_event_is_called_off_once(api: AsyncClient) -> None:
    path = f"/api/events/{(await create(api))['id']}"
    first = await api.post(f"{path}/cancel", json={"reason": "storm"})
    again = await api.post(f"{path}/cancel")
    assert (first.json()["status"], first.json()["version"]) == ("cancelled", 2)
    assert again.json() == first.json()
    problem(await api.patch(path, json={"title": "New"}, headers={"If-Match": '"2"'}), 409)


async def test_events_come_in_pages_by_their_start(api: AsyncClient) -> None:
    now = datetime.now(UTC)
    for day in (3, 1, 2):
        await create(api, title=f"day {day}", starts_at=(now + timedelta(days=day)).isoformat())
    first = (await api.get("/api/events?limit=2")).json()
    assert [event["title"] for event in first["events"]] == ["day 3", "day 2"]
    second = (await api.get("/api/events", params={"cursor": first["next_cursor"]})).json()
    assert [event["title"] for event in second["events"]] == ["day 1"]
    assert second["next_cursor"] is None


async def test_a_change_that_takes_long_is_accepted_and_can_be_asked_after(
    api: AsyncClient, database_url: str
) -> None:
    event = await create(api)
    holder = await asyncpg.connect(database_url)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM events FOR NO KEY UPDATE")
        answer = await api.post(f"/api/events/{event['id']}/cancel")
        assert answer.status_code == 202
        status_url = answer.headers["Location"]
        assert (await api.get(status_url)).json() == {
            "id": status_url.rpartition("/")[2],
            "status": "pending",
        }
    await holder.close()
    async with asyncio.timeout(FACT_SECONDS_MAX):
        while (status := (await api.get(status_url)).json())["status"] == "pending":
            await asyncio.sleep(0.05)
    assert (status["status"], status["event"]["status"]) == ("done", "cancelled")


async def register(house: House, event_id: UUID, person: int, name: str) -> None:
    await house.do(claim_seat(event_id, person, name=name))


async def test_registrations_are_listed_in_pages_and_by_state(
    api: AsyncClient, house: House
) -> None:
    event_id = await house.event(10)
    for person in range(3):
        await register(house, event_id, person, f"Person {person}")
    seat = await house.seat(event_id, 3)
    await house.do(give_back(seat, chat(3)))
    path = f"/api/events/{event_id}/registrations"
    first = (await api.get(path, params={"limit": 3})).json()
    assert [one["name"] for one in first["registrations"]] == ["Person 0", "Person 1", "Person 2"]
    one = first["registrations"][0]
    assert (one["status"], one["registered_via"], one["email"], one["email_proven"]) == (
        "confirmed",
        "telegram",
        "ann@example.org",
        False,
    )
    second = (await api.get(path, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [one["status"] for one in second["registrations"]] == ["cancelled"]
    assert second["registrations"][0]["ticket"] is None
    gone = (await api.get(path, params={"status": "cancelled"})).json()
    assert gone["registrations"] == second["registrations"]
    event = (await api.get(f"/api/events/{event_id}")).json()
    assert (event["confirmed"], event["waiting"]) == (3, 0)


async def test_the_file_for_a_spreadsheet_calculates_nothing(
    api: AsyncClient, house: House
) -> None:
    event_id = await house.event(10)
    names = ["=1+1", " =cmd|' /C calc'!A0", "+7 999", "@SUM(A1)", "-2", 'Ann, "the" Lee', "Аня"]
    for person, name in enumerate(names):
        await register(house, event_id, person, name)
    answer = await api.get(f"/api/events/{event_id}/registrations.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["name"] for row in rows] == [
        "'=1+1",
        "' =cmd|' /C calc'!A0",
        "'+7 999",
        "'@SUM(A1)",
        "'-2",
        'Ann, "the" Lee',
        "Аня",
    ]
    assert rows[0]["email_proven"] == "no"
    assert rows[0]["ticket"].startswith("T1.")


async def test_a_long_file_is_complete(api: AsyncClient, house: House) -> None:
    event_id = await house.event(5000)
    await house.many_seats(event_id, 1201)
    answer = await api.get(f"/api/events/{event_id}/registrations.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len({row["id"] for row in rows}) == len(rows) == 1201


async def test_the_figures_say_what_was_handled(api: AsyncClient) -> None:
    await create(api)
    metrics = (await api.get("/metrics")).text
    labels = 'command="create-event",outcome="event-written",service="registry"'
    assert f"turnout_commands_total{{{labels}}}" in metrics
    assert "turnout_lock_wait_seconds_bucket" in metrics


async def test_the_description_of_the_api_is_open_to_all(api: AsyncClient) -> None:
    del api.headers["Authorization"]
    assert (await api.get("/docs")).status_code == 200
    description = (await api.get("/openapi.json")).json()
    assert set(description["paths"]) >= {
        "/api/events",
        "/api/events/{event_id}",
        "/api/events/{event_id}/cancel",
        "/api/events/{event_id}/registrations",
        "/api/events/{event_id}/registrations.csv",
        "/api/events/{event_id}/check-ins",
        "/api/events/{event_id}/check-ins/{ticket}",
        "/api/events/{event_id}/audit",
        "/api/registrations/{registration_id}",
        "/api/registrations/{registration_id}/cancel",
        "/api/registrations/{registration_id}/move",
        "/api/registrations/{registration_id}/resend",
        "/api/commands/{command_id}",
        "/api/tokens",
        "/api/tokens/{token_id}",
        "/api/webhooks",
        "/api/webhooks/{webhook_id}",
        "/api/webhooks/{webhook_id}/deliveries",
        "/api/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
        "/api/webhooks/{webhook_id}/replay",
    }
    assert "HTTPBearer" in description["components"]["securitySchemes"]
