"""What organisers do with people through the API: add, cancel, move, send again, check in."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from registry_house import TICKETS, House, chat, claim_seat, give_back
from test_registry_api import create, problem


async def add(api: AsyncClient, event: dict[str, Any], name: str = "Ann Lee") -> dict[str, Any]:
    added = await api.post(f"/api/events/{event['id']}/registrations", json={"name": name})
    assert added.status_code == 201, added.text
    assert added.headers["Location"] == f"/api/registrations/{added.json()['id']}"
    view: dict[str, Any] = added.json()
    return view


async def figures(api: AsyncClient, event: dict[str, Any]) -> dict[str, int]:
    names = ("confirmed", "offered", "waiting", "checked_in", "over_by")
    read = (await api.get(f"/api/events/{event['id']}")).json()
    return {name: read[name] for name in names}


async def test_somebody_added_by_hand_has_a_seat_and_a_ticket(api: AsyncClient) -> None:
    event = await create(api)
    ann = await add(api, event)
    assert (ann["status"], ann["registered_via"], ann["name"]) == (
        "confirmed",
        "organiser",
        "Ann Lee",
    )
    assert str(TICKETS.check(ann["ticket"])) == ann["id"]
    assert (await api.get(f"/api/registrations/{ann['id']}")).json() == ann


async def test_a_full_event_puts_somebody_added_by_hand_in_line(api: AsyncClient) -> None:
    event = await create(api, max_participants=1)
    await add(api, event)
    ben, cid = await add(api, event, "Ben"), await add(api, event, "Cid")
    assert [(one["status"], one["position"]) for one in (ben, cid)] == [
        ("waiting", 1),
        ("waiting", 2),
    ]
    page = (await api.get(f"/api/events/{event['id']}/registrations?status=waiting")).json()
    assert [one["position"] for one in page["registrations"]] == [1, 2]


async def test_the_same_address_is_added_once(api: AsyncClient) -> None:
    event = await create(api)
    body = {"name": "Ann", "email": "ann@example.org"}
    path = f"/api/events/{event['id']}/registrations"
    assert (await api.post(path, json=body)).status_code == 201
    assert "One person" in problem(await api.post(path, json=body), 409)["detail"]
    assert (await figures(api, event))["confirmed"] == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"name": "A"}, {"name": "Ann", "email": "nonsense"}, {"name": "An\u0007n"}, {"nam": "x"}],
)
async def test_who_cannot_be_added_is_told_why(api: AsyncClient, body: dict[str, Any]) -> None:
    event = await create(api)
    refused = await api.post(f"/api/events/{event['id']}/registrations", json=body)
    assert problem(refused, 422)["errors"]


async def test_a_seat_taken_back_by_an_organiser_is_offered_to_who_waits(api: AsyncClient) -> None:
    event = await create(api, max_participants=1)
    ann, ben = await add(api, event), await add(api, event, "Ben")
    path = f"/api/registrations/{ann['id']}/cancel"
    gone = await api.post(path, json={"reason": "asked by phone"})
    assert gone.status_code == 200, gone.text
    assert (gone.json()["status"], gone.json()["end_reason"]) == ("cancelled", "organiser")
    offered = (await api.get(f"/api/registrations/{ben['id']}")).json()
    assert offered["status"] == "offered"
    assert offered["offer_expires_at"]
    assert await figures(api, event) == {
        "confirmed": 0,
        "offered": 1,
        "waiting": 0,
        "checked_in": 0,
        "over_by": 0,
    }
    lines = (await api.get(f"/api/events/{event['id']}/audit")).json()["lines"]
    reasons = {line["action"]: (line["by"], line["reason"]) for line in lines}
    assert reasons["registration-ended"] == ("admin", "asked by phone")
    assert problem(await api.post(f"/api/registrations/{uuid4()}/cancel"), 404)


async def test_a_move_needs_a_reason_and_changes_the_order(api: AsyncClient) -> None:
    event = await create(api, max_participants=1)
    await add(api, event)
    ben, cid = await add(api, event, "Ben"), await add(api, event, "Cid")
    path = f"/api/registrations/{cid['id']}/move"
    problem(await api.post(path, json={"to": "waiting", "place": "front"}), 422)
    moved = await api.post(
        path, json={"to": "waiting", "place": "front", "reason": "gave the talk"}
    )
    assert moved.json()["position"] == 1
    assert (await api.get(f"/api/registrations/{ben['id']}")).json()["position"] == 2
    full = await api.post(path, json={"to": "confirmed", "reason": "please"})
    assert "max_participants" in problem(full, 409)["detail"]


async def test_a_confirmed_person_can_be_put_back_in_line(api: AsyncClient) -> None:
    event = await create(api, max_participants=1)
    ann, ben = await add(api, event), await add(api, event, "Ben")
    moved = await api.post(
        f"/api/registrations/{ann['id']}/move", json={"to": "waiting", "reason": "came by mistake"}
    )
    assert (moved.json()["status"], moved.json()["ticket"]) == ("waiting", None)
    seat = await api.post(
        f"/api/registrations/{ben['id']}/move", json={"to": "confirmed", "reason": "is at the desk"}
    )
    assert seat.json()["status"] == "confirmed"


async def test_a_ticket_is_sent_again(api: AsyncClient, house: House) -> None:
    event = await create(api)
    ann = await add(api, event)
    again = await api.post(f"/api/registrations/{ann['id']}/resend")
    assert again.status_code == 200
    kinds = [str(notice.kind) for notice in await house.notices()]
    assert kinds == ["seat-confirmed"]


async def test_the_first_scan_is_a_welcome_and_the_second_says_who_was_first(
    api: AsyncClient,
) -> None:
    event = await create(api)
    ann = await add(api, event)
    path = f"/api/events/{event['id']}/check-ins"
    scans = await asyncio.gather(
        *(api.post(path, json={"ticket": ann["ticket"], "scanner": door}) for door in "NESW")
    )
    assert sorted(scan.status_code for scan in scans) == [201, 409, 409, 409]
    (welcome,) = (scan.json() for scan in scans if scan.status_code == 201)
    refused = problem(next(scan for scan in scans if scan.status_code == 409), 409)
    assert refused["type"].endswith("already-in")
    assert refused["checked_in_by"] == welcome["checked_in_by"]
    assert datetime.fromisoformat(refused["checked_in_at"]) == datetime.fromisoformat(
        welcome["checked_in_at"]
    )
    assert (await figures(api, event))["checked_in"] == 1
    came = await api.get(f"/api/events/{event['id']}/registrations?checked_in=true")
    assert [one["id"] for one in came.json()["registrations"]] == [ann["id"]]


async def test_a_scan_that_is_sent_again_with_its_key_is_still_a_welcome(api: AsyncClient) -> None:
    event = await create(api)
    ann = await add(api, event)
    path = f"/api/events/{event['id']}/check-ins"
    scan = {
        "ticket": ann["ticket"],
        "scanned_at": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(),
    }
    answers = [
        await api.post(path, json=scan, headers={"Idempotency-Key": "scan-1"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


async def test_a_check_in_is_taken_back_and_noted(api: AsyncClient) -> None:
    event = await create(api)
    ann = await add(api, event)
    path = f"/api/events/{event['id']}/check-ins"
    assert (await api.post(path, json={"ticket": ann["ticket"]})).status_code == 201
    problem(await api.post(f"/api/registrations/{ann['id']}/cancel"), 409)
    out = await api.delete(f"{path}/{ann['ticket']}", params={"reason": "wrong person"})
    assert (out.status_code, out.json()["checked_in_at"]) == (200, None)
    problem(await api.delete(f"{path}/{ann['ticket']}"), 409)
    assert (await api.post(path, json={"ticket": ann["ticket"]})).status_code == 201
    lines = (await api.get(f"/api/events/{event['id']}/audit")).json()["lines"]
    assert [line["action"] for line in lines[:3]] == ["checked-in", "check-in-undone", "checked-in"]
    assert lines[1]["reason"] == "wrong person"


async def test_what_is_no_ticket_for_this_door_lets_nobody_in(
    api: AsyncClient, house: House
) -> None:
    event, other = await create(api), await create(api)
    ann = await add(api, other)
    path = f"/api/events/{event['id']}/check-ins"
    forged = ann["ticket"][:-2] + ("AA" if ann["ticket"][-2:] != "AA" else "BB")
    assert problem(await api.post(path, json={"ticket": forged}), 422)["type"].endswith("a-ticket")
    elsewhere = problem(await api.post(path, json={"ticket": ann["ticket"]}), 404)
    assert elsewhere["type"].endswith("another-event")
    await house.do(claim_seat(event["id"]))
    page = (await api.get(f"/api/events/{event['id']}/registrations")).json()
    ticket = page["registrations"][0]["ticket"]
    card = (await house.answers())[0].outcome.registration  # type: ignore[union-attr]
    await house.do(give_back(card, chat(1)))
    assert "worth nothing" in problem(await api.post(path, json={"ticket": ticket}), 409)["title"]


async def test_a_ticket_is_checked_offline_by_the_public_key_alone(api: AsyncClient) -> None:
    ann = await add(api, await create(api))
    key = (await api.get("/api/ticket-key")).json()
    assert len(ann["ticket"]) <= 120
    content = base64.urlsafe_b64decode(ann["ticket"].removeprefix("T1.") + "==")
    registration, signature = content[:16], content[16:]
    verify = VerifyKey(base64.b64decode(key["public_key"])).verify
    verify(base64.b64decode(key["purpose"]) + registration, signature)
    assert str(UUID(bytes=registration)) == ann["id"]
    with pytest.raises(BadSignatureError):
        verify(base64.b64decode(key["purpose"]) + uuid4().bytes, signature)


async def test_a_registration_window_is_told_and_kept(api: AsyncClient, house: House) -> None:
    opens = datetime.now(UTC) + timedelta(hours=1)
    event = await create(api, registration_opens_at=opens.isoformat())
    early = claim_seat(event["id"])
    await house.do(early)
    assert (await house.answer(early)).outcome.reason == "not-yet-open"  # type: ignore[union-attr]
    house.clock.advance(timedelta(hours=1, seconds=1))
    in_time = claim_seat(event["id"])
    await house.do(in_time)
    assert (await house.answer(in_time)).outcome.kind == "seat-claimed"
    closed = await api.patch(
        f"/api/events/{event['id']}",
        json={"registration_closes_at": house.clock.now().isoformat()},
        headers={"If-Match": '"1"'},
    )
    assert closed.status_code == 200, closed.text
    late = claim_seat(event["id"], 2)
    await house.do(late)
    assert (await house.answer(late)).outcome.reason == "closed"  # type: ignore[union-attr]
    anyhow = await add(api, event, "Ben")
    assert anyhow["status"] == "confirmed"
    again = await api.patch(
        f"/api/events/{event['id']}",
        json={"registration_closes_at": None, "registration_opens_at": None},
        headers={"If-Match": '"2"'},
    )
    assert again.json()["registration_closes_at"] is None


async def test_a_window_in_which_nobody_could_register_is_refused(api: AsyncClient) -> None:
    event = await create(api)
    late = (datetime.fromisoformat(event["starts_at"]) + timedelta(hours=1)).isoformat()
    refused = await api.patch(
        f"/api/events/{event['id']}",
        json={"registration_closes_at": late},
        headers={"If-Match": '"1"'},
    )
    assert "starts_at" in problem(refused, 422)["detail"]


async def test_events_are_filtered_by_state_and_time(api: AsyncClient) -> None:
    soon = await create(api)
    draft = await create(api, status="draft")
    far = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    later = await create(api, starts_at=far)

    async def ids(**filters: str) -> list[str]:
        listed = await api.get("/api/events", params=filters)
        return [event["id"] for event in listed.json()["events"]]

    assert await ids(status="draft") == [draft["id"]]
    middle = (datetime.now(UTC) + timedelta(days=10)).isoformat()
    assert await ids(starts_from=middle) == [later["id"]]
    assert await ids(starts_before=middle, status="published") == [soon["id"]]


async def test_capacity_below_what_is_taken_drops_nobody_and_says_by_how_many(
    api: AsyncClient,
) -> None:
    event = await create(api, max_participants=3)
    for name in ("Ann", "Ben", "Cid"):
        await add(api, event, name)
    lowered = await api.patch(
        f"/api/events/{event['id']}", json={"max_participants": 1}, headers={"If-Match": '"1"'}
    )
    assert (lowered.json()["confirmed"], lowered.json()["over_by"]) == (3, 2)
    assert (await add(api, event, "Dan"))["status"] == "waiting"
