"""Writing to many through the API, and hearing in words who has not received it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import nats
import pytest
import pytest_asyncio
from httpx import AsyncClient
from message_house import crowd
from nats.aio.client import Client
from nats.aio.msg import Msg
from registry_commands import new
from registry_house import House
from test_notice_results import report
from test_registry_api import create, problem

from contracts import CountReachable, DeliveryStatus, FeedMessages, NoticeDue, ReachAnswer
from contracts.organising import MESSAGE_CHARACTERS_MAX
from contracts.topology import VERSIONS
from registry.reasons import REASONS, STATES, explain


class Notifier:
    """Whoever knows who can be reached: everybody but one of each page."""

    def __init__(self, connection: Client) -> None:
        self.connection = connection
        self.asked: list[CountReachable] = []
        self.silent = False

    async def reply(self, message: Msg) -> None:
        question = CountReachable.model_validate_json(message.data)
        self.asked.append(question)
        answer = ReachAnswer(reachable=len(question.addresses) - 1, blocked=1)
        headers = {"Turnout-Unavailable": "nats"} if self.silent else None
        await self.connection.publish(
            message.reply, answer.model_dump_json().encode(), headers=headers
        )


@pytest_asyncio.fixture
async def notifier(provisioned: str) -> AsyncIterator[Notifier]:
    connection = await nats.connect(provisioned)
    notifier = Notifier(connection)
    await connection.subscribe(CountReachable.subject, cb=notifier.reply)
    await connection.flush()
    yield notifier
    await connection.close()


async def event_of(api: AsyncClient, house: House, people: int) -> UUID:
    event = await create(api, max_participants=max(1, people), status="published")
    await crowd(house, UUID(event["id"]), people)
    return UUID(event["id"])


async def write(api: AsyncClient, event_id: UUID, text: str = "Bring a pen.") -> str:
    answer = await api.post(
        f"/api/events/{event_id}/messages", json={"audience": "confirmed", "text": text}
    )
    assert answer.status_code == 202, answer.text
    message_id: str = answer.json()["id"]
    assert answer.headers["Location"] == f"/api/messages/{message_id}"
    return message_id


async def notices(house: House) -> list[NoticeDue]:
    """Those that a tick hands over; the service itself carries it out."""
    before = len(await house.notices())
    command = FeedMessages(**new(), due_at=house.clock.now())
    await house.broker.publish(command)
    async with asyncio.timeout(20):
        while not await house.rows(
            "SELECT FROM handled_commands WHERE command_id = $1", command.id
        ):
            await asyncio.sleep(0.05)
        (handled,) = await house.rows(
            "SELECT outcome->'result'->>'handed_over' AS n FROM handled_commands "
            "WHERE command_id = $1",
            command.id,
        )
        while len(found := await house.notices()) < before + int(handled["n"]):
            await asyncio.sleep(0.05)
    return found[before:]


async def read(api: AsyncClient, path: str, **headers: str) -> dict[str, Any]:
    answer = await api.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_preview_counts_and_writes_to_nobody(
    api: AsyncClient, house: House, notifier: Notifier
) -> None:
    event_id = await event_of(api, house, 620)
    body = {"audience": "confirmed", "text": "Bring a pen."}
    answer = await api.post(f"/api/events/{event_id}/messages?preview=1", json=body)
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    assert (seen["recipients"], seen["reachable"], seen["blocked"]) == (620, 618, 2)
    assert (seen["unasked"], seen["notes"]) == (0, [])
    assert sorted(len(question.addresses) for question in notifier.asked) == [120, 500]
    assert {question.template for question in notifier.asked} == {"organiser_message"}
    assert {question.parameters[1] for question in notifier.asked} == {"Bring a pen."}
    assert all(question.marketing for question in notifier.asked)
    assert (await read(api, f"/api/events/{event_id}/messages"))["messages"] == []


async def test_a_preview_says_what_it_could_not_learn_and_that_a_text_is_too_long_for_whatsapp(
    api: AsyncClient, house: House, notifier: Notifier
) -> None:
    event_id = await event_of(api, house, 3)
    notifier.silent = True
    body = {"audience": "confirmed", "text": "x" * 800}
    answer = await api.post(f"/api/events/{event_id}/messages?preview=1&language=ru", json=body)
    seen = answer.json()
    assert (seen["recipients"], seen["reachable"], seen["unasked"]) == (3, 0, 3)
    assert {question.template for question in notifier.asked} == {None}
    assert "слишком длинный для шаблона" in seen["notes"][0]
    assert "О 3 из них" in seen["notes"][1]


async def test_a_message_is_written_once_however_often_it_is_asked_for(
    api: AsyncClient, house: House
) -> None:
    event_id = await event_of(api, house, 12)
    path, body = f"/api/events/{event_id}/messages", {"audience": "all", "text": "Hello"}
    key = {"Idempotency-Key": "once"}
    answers = [await api.post(path, json=body, headers=key) for _ in range(2)]
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = await api.post(path, json=body | {"text": "Bye"}, headers=key)
    assert problem(other, 422)["type"].endswith("idempotency-key-reused")
    (message,) = (await read(api, path))["messages"]
    assert (message["text"], message["progress"]["recipients"]) == ("Hello", 12)


async def test_an_organiser_watches_pauses_resumes_and_cancels(
    api: AsyncClient, house: House
) -> None:
    event_id = await event_of(api, house, 50)
    path = f"/api/messages/{await write(api, event_id)}"
    seen = await read(api, path)
    assert (seen["status"], seen["progress"]["pending"]) == ("running", 50)
    assert seen["explanation"] == "It is being sent; about 1 min are left."
    assert seen["platforms"][0]["canary"] == 5
    assert (await api.post(f"{path}/pause")).json()["status"] == "paused"
    assert await notices(house) == []
    assert (await api.post(f"{path}/resume")).json()["status"] == "running"
    assert len(await notices(house)) == 5
    seen = (await api.post(f"{path}/cancel")).json()
    assert (seen["status"], seen["progress"]["cancelled"]) == ("cancelled", 45)
    # What waits to be sent is the first version; the notifier looks here before each call.
    versions = await house.broker.jetstream.key_value(VERSIONS.name)
    assert (await versions.get(path.rpartition("/")[2])).value == b"2"
    assert "is over" in problem(await api.post(f"{path}/resume"), 409)["title"]
    seen = await read(api, path, **{"Accept-Language": "ru-RU,en;q=0.5"})
    assert seen["explanation"].startswith("Отправка отменена")


async def test_who_may_not_write_and_what_cannot_be_written_is_said(
    api: AsyncClient, house: House
) -> None:
    event_id = await event_of(api, house, 1)
    path, body = f"/api/events/{event_id}/messages", {"audience": "confirmed", "text": "Hello"}
    long = body | {"text": "x" * (MESSAGE_CHARACTERS_MAX + 1)}
    assert problem(await api.post(path, json=long), 422)["errors"][0]["field"] == "text"
    assert problem(await api.post(path, json=body | {"text": " "}), 422)
    nobody = body | {"audience": "waiting"}
    assert "nobody" in problem(await api.post(path, json=nobody), 409)["type"]
    unknown = path.replace(str(event_id), str(uuid4()))
    for where in (unknown, f"{unknown}?preview=1"):
        assert problem(await api.post(where, json=body), 404)
    assert problem(await api.get(f"/api/messages/{uuid4()}"), 404)
    assert problem(await api.post(f"/api/messages/{uuid4()}/pause"), 404)
    made = await api.post("/api/tokens", json={"name": "door", "scopes": ["read"]})
    reader = {"Authorization": f"Bearer {made.json()['token']}"}
    assert problem(await api.post(path, json=body, headers=reader), 403)


async def test_the_desk_tells_who_has_not_received_it_and_why(
    api: AsyncClient, house: House
) -> None:
    event_id = await event_of(api, house, 6)
    message_id = await write(api, event_id)
    told = await notices(house)
    statuses: list[tuple[DeliveryStatus, str | None]] = [
        ("delivered", None),
        ("failed", "telegram-403"),
        ("suppressed", "window-closed"),
        ("unknown", "answer-lost"),
    ]
    for notice, (status, reason) in zip(told, statuses, strict=False):
        await house.broker.publish(report(notice, status, reason=reason, platform="telegram"))
    path = f"/api/events/{event_id}/delivery"
    async with asyncio.timeout(20):
        while (seen := await read(api, path))["counts"]["not_reached"] < 2:
            await asyncio.sleep(0.05)
        while (seen := await read(api, path))["counts"]["reached"] < 1:
            await asyncio.sleep(0.05)
    assert seen["counts"] == {"reached": 1, "not_reached": 2, "open": 3}
    why = {one["registration_id"]: one["explanation"] for one in seen["people"]}
    assert why == {
        str(told[1].registration_id): (
            "They have blocked us on Telegram, or are not there any more."
        ),
        str(told[2].registration_id): REASONS["window-closed"]["en"],
    }
    assert {one["name"] for one in seen["people"]} == {"Ann"}
    russian = await read(api, f"{path}?language=ru&outcome=reached")
    assert [one["explanation"] for one in russian["people"]] == ["Сообщение доставлено."]
    first = await read(api, f"{path}?outcome=all&message_id={message_id}&limit=4")
    rest = await read(
        api, f"{path}?outcome=all&message_id={message_id}&cursor={first['next_cursor']}"
    )
    everybody = [one["registration_id"] for one in (*first["people"], *rest["people"])]
    assert (len(everybody), len(set(everybody)), rest["next_cursor"]) == (6, 6, None)
    assert (await read(api, f"{path}?kind=reminder-1h"))["counts"]["open"] == 0
    assert problem(await api.get(f"/api/events/{uuid4()}/delivery"), 404)


def test_every_code_and_state_has_words_in_both_languages() -> None:
    for words in (*STATES.values(), *REASONS.values()):
        assert set(words) == {"en", "ru"}
        assert all(words.values())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("accepted", None, "telegram", "en"), "It is in their chat."),
        (("failed", "telegram-418", "telegram", "en"), "Telegram refused it (telegram-418)."),
        (("failed", "whatsapp-131026", "whatsapp", "ru"), REASONS["whatsapp-131026"]["ru"]),
    ],
)
def test_a_result_is_told_in_a_sentence(arguments: Any, said: str) -> None:
    assert explain(*arguments) == said


def test_what_went_another_way_is_told_whole() -> None:
    assert explain("delivered", None, "whatsapp", "en", passed_on_because="telegram-403") == (
        "They have blocked us on Telegram, or are not there any more. "
        "So it went another way: WhatsApp. It has arrived."
    )
    assert explain("accepted", None, "email", "ru", repeated=True).endswith("дважды.")
