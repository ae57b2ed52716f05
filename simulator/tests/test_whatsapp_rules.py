"""What `/messages` and `/media` refuse, with the platform's codes and details."""

from __future__ import annotations

from typing import Any

import pytest
from simulator_driver import WA, Driver, calling, with_whatsapp

Json = dict[str, Any]


def buttons(*titles: str, body: str = "Pick", **more: Any) -> Json:
    replies = [
        {"type": "reply", "reply": {"id": f"id-{n}", "title": title}}
        for n, title in enumerate(titles)
    ]
    action = {"buttons": replies}
    return _interactive({"type": "button", "body": {"text": body}, "action": action, **more})


def rows(*sections: list[Json], titles: bool = True, label: str = "Open", **more: Any) -> Json:
    shown = [
        ({"title": f"Part {n}"} if titles else {}) | {"rows": found}
        for n, found in enumerate(sections)
    ]
    action = {"button": label, "sections": shown}
    body = more.pop("body", "Pick")
    return _interactive({"type": "list", "body": {"text": body}, "action": action, **more})


def row(n: int, **more: Any) -> Json:
    return {"id": f"row-{n}", "title": f"Row {n}", **more}


def template(name: str, language: str, *values: str) -> Json:
    parameters = [{"type": "text", "text": value} for value in values]
    return {
        "type": "template",
        "template": {
            "name": name,
            "language": {"code": language},
            "components": [{"type": "body", "parameters": parameters}],
        },
    }


def _interactive(content: Json) -> Json:
    return {"type": "interactive", "interactive": content}


TEXT_REQUIRED = "(#100) The parameter text['body'] is required."

BY_MESSAGE: list[tuple[str, Json, str]] = [
    ("an empty text", {"type": "text", "text": {"body": ""}}, TEXT_REQUIRED),
    ("no text object", {"type": "text"}, TEXT_REQUIRED),
    (
        "4097 characters",
        {"type": "text", "text": {"body": "ы" * 4097}},
        "(#100) Param text['body'] must be at most 4096 characters long.",
    ),
    (
        "another product",
        {"messaging_product": "x", "type": "text", "text": {"body": "x"}},
        '(#100) Param messaging_product must be one of {WHATSAPP} - got "x".',
    ),
    (
        "a group",
        {"recipient_type": "group", "type": "text", "text": {"body": "x"}},
        '(#100) Param recipient_type must be one of {INDIVIDUAL} - got "group".',
    ),
    (
        "a long caption",
        {"type": "image", "image": {"id": "1", "caption": "x" * 1025}},
        "(#100) Param image['caption'] must be at most 1024 characters long.",
    ),
    (
        "unknown media",
        {"type": "image", "image": {"id": "1"}},
        "(#100) Param image['id'] is not a valid whatsapp business account media attachment ID",
    ),
]

BY_DETAILS: list[tuple[str, Json, int, str]] = [
    (
        "four buttons",
        buttons("A", "B", "C", "D"),
        131009,
        "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3",
    ),
    (
        "no buttons",
        buttons(),
        131009,
        "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3",
    ),
    (
        "a title of 21",
        buttons("x" * 21),
        131009,
        "Button title length invalid. Min length: 1, Max length: 20",
    ),
    ("two equal titles", buttons("A", "A"), 131009, "Duplicate button title"),
    (
        "a long body",
        buttons("A", body="x" * 1025),
        131009,
        "Body text length invalid. Min length: 1, Max length: 1024",
    ),
    (
        "a long header",
        buttons("A", header={"type": "text", "text": "x" * 61}),
        131009,
        "Header text length invalid. Min length: 1, Max length: 60",
    ),
    (
        "a long footer",
        buttons("A", footer={"text": "x" * 61}),
        131009,
        "Footer text length invalid. Min length: 1, Max length: 60",
    ),
    (
        "eleven rows in two sections",
        rows([row(n) for n in range(6)], [row(n) for n in range(6, 11)]),
        131009,
        "Total row count exceed max allowed count: 10",
    ),
    (
        "a row title of 25",
        rows([row(1, title="x" * 25)]),
        131009,
        "Row title is too long. Max length is 24",
    ),
    (
        "a description of 73",
        rows([row(1, description="x" * 73)]),
        131009,
        "Row description is too long. Max length is 72",
    ),
    (
        "a row id of 201",
        rows([row(1, id="x" * 201)]),
        131009,
        "Row id is too long. Max length is 200",
    ),
    ("two equal row ids", rows([row(1), row(1)]), 131009, "Duplicated row id"),
    ("an empty section", rows([]), 131009, "Section must have at least one row"),
    (
        "two sections without titles",
        rows([row(1)], [row(2)], titles=False),
        131009,
        "Section title is required when there is more than one section",
    ),
    (
        "a long label",
        rows([row(1)], label="x" * 21),
        131009,
        "List button label length invalid. Min length: 1, Max length: 20",
    ),
    (
        "a picture over a list",
        rows([row(1)], header={"type": "image", "image": {"id": "1"}}),
        131009,
        "Header type is invalid: image",
    ),
    (
        "a contact card",
        {"type": "contacts", "contacts": []},
        131051,
        "Message type is currently not supported.",
    ),
    (
        "a parameter too few",
        template("event_reminder", "en_US", "PyCon"),
        132000,
        "body: number of localizable_params (1) does not match the expected number of params (3)",
    ),
]

TAKEN: list[tuple[str, Json]] = [
    ("4096 characters", {"type": "text", "text": {"body": "ы" * 4096}}),
    ("three buttons of 20", buttons("a" * 20, "b" * 20, "c" * 20)),
    ("a body of 4096 over a list", rows([row(1)], body="x" * 4096)),
    ("ten rows", rows([row(n) for n in range(5)], [row(n) for n in range(5, 10)])),
    ("a template", template("event_reminder", "ru", "PyCon", "завтра", "Берлин")),
]


def ids(cases: list[Any]) -> list[str]:
    return [case[0] for case in cases]


@pytest.mark.parametrize(("body", "words"), [c[1:] for c in BY_MESSAGE], ids=ids(BY_MESSAGE))
async def test_what_the_graph_api_refuses(sim: Driver, body: Json, words: str) -> None:
    vera = await sim.person("whatsapp")
    answer = await sim.send(vera, **body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["message"]) == (400, 100, words)
    assert (error["type"], set(error)) == (
        "OAuthException",
        {"message", "type", "code", "fbtrace_id"},
    )


@pytest.mark.parametrize(
    ("body", "code", "details"), [c[1:] for c in BY_DETAILS], ids=ids(BY_DETAILS)
)
async def test_what_whatsapp_refuses(sim: Driver, body: Json, code: int, details: str) -> None:
    vera = await sim.person("whatsapp")
    answer = await sim.send(vera, **body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert error["message"].startswith(f"(#{code}) ")
    assert error["error_data"] == {"messaging_product": "whatsapp", "details": details}
    assert len(await sim.chat("whatsapp", vera)) == 1


@pytest.mark.parametrize("body", [case[1] for case in TAKEN], ids=ids(TAKEN))
async def test_what_stands_at_the_limit_is_taken(sim: Driver, body: Json) -> None:
    vera = await sim.person("whatsapp")
    assert (await sim.send(vera, **body)).status_code == 200


async def test_the_token_comes_first(sim: Driver) -> None:
    for headers in ({}, {"Authorization": "Bearer no"}, {"Authorization": f"OAuth {WA.token}"}):
        answer = await sim.http.post(f"/v23.0/{WA.phone_id}/messages", json={}, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith('OAuth "Facebook Platform"')
        error = answer.json()["error"]
        assert error["code"] == 190
        assert error["message"] == "Invalid OAuth access token - Cannot parse access token"


async def test_an_unknown_number_is_an_unsupported_object(sim: Driver) -> None:
    answer = await sim.graph("1/messages", {"messaging_product": "whatsapp"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["error_subcode"]) == (400, 100, 33)
    assert error["type"] == "GraphMethodException"
    assert error["message"].startswith("Unsupported post request. Object with ID '1' does not")


async def test_any_version_will_do_but_it_must_be_one(sim: Driver) -> None:
    vera = await sim.person("whatsapp")
    body = {"messaging_product": "whatsapp", "to": vera, "type": "text", "text": {"body": "x"}}
    headers = {"Authorization": f"Bearer {WA.token}"}
    for version, code in (("v26.0", 200), ("v17.0", 200), ("vX", 400)):
        path = f"/{version}/{WA.phone_id}/messages"
        assert (await sim.http.post(path, json=body, headers=headers)).status_code == code


async def test_recipients(sim: Driver) -> None:
    person = (await sim.http.post("/sim/people", json={"platform": "whatsapp"})).json()
    phone, bsuid = person["id"], person["user_id"]
    await sim.act("whatsapp", phone, "say", text="hi")
    pretty = f"+{phone[:2]} ({phone[2:5]}) {phone[5:]}"

    to_phone = (await sim.text(pretty)).json()
    assert to_phone["contacts"] == [{"input": pretty, "wa_id": phone}]
    assert set(to_phone["messages"][0]) == {"id"}
    path, text = f"{WA.phone_id}/messages", {"type": "text", "text": {"body": "x"}}
    to_bsuid = await sim.graph(path, {"messaging_product": "whatsapp", "recipient": bsuid, **text})
    assert to_bsuid.json()["contacts"] == [{"input": bsuid, "user_id": bsuid}]
    nobody = await sim.graph(path, {"messaging_product": "whatsapp", **text})
    assert nobody.json()["error"]["message"] == "The parameter to is required."
    own = await sim.text(WA.display_phone)
    assert own.json()["error"]["code"] == 131021
    assert len(await sim.chat("whatsapp", phone)) == 3


async def test_templates_must_exist_in_the_language_and_be_approved(sim: Driver) -> None:
    vera = await sim.person("whatsapp", says=None)
    reminder = template("event_reminder", "en_US", "PyCon", "tomorrow", "Berlin")

    sent = await sim.send(vera, **reminder)
    assert sent.json()["messages"][0]["message_status"] == "accepted"
    shown = (await sim.chat("whatsapp", vera))[-1]
    assert shown["text"] == "Reminder: PyCon starts tomorrow, Berlin."
    assert shown["template"] == "event_reminder"

    missing = await sim.send(vera, **template("event_reminder", "en", "a", "b", "c"))
    error = missing.json()["error"]
    assert (missing.status_code, error["code"]) == (404, 132001)
    assert error["message"] == "(#132001) Template name does not exist in the translation"
    assert error["error_data"]["details"] == ("template name (event_reminder) does not exist in en")
    for status, code in (("paused", 132015), ("disabled", 132016), ("rejected", 132001)):
        change = {"name": "event_reminder", "language": "en_US", "status": status}
        assert (await sim.http.patch("/sim/templates", json=change)).status_code == 200
        assert (await sim.send(vera, **reminder)).json()["error"]["code"] == code
    lines = template("event_reminder", "ru", "a\nb", "c", "d")
    assert (await sim.send(vera, **lines)).json()["error"]["code"] == 100


async def test_the_throughput_of_the_number(sim: Driver) -> None:
    async with calling(with_whatsapp(messages_per_second=3)) as slow:
        people = [await slow.person("whatsapp", says=None) for _ in range(4)]
        answers = [await slow.text(person) for person in people]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        error = answers[3].json()["error"]
        assert (error["code"], error["message"]) == (130429, "(#130429) Rate limit hit")
        assert (await slow.stats("whatsapp"))["over_limit"] == 1


async def test_the_throughput_counts_what_people_write(sim: Driver) -> None:
    async with calling(with_whatsapp(messages_per_second=3)) as slow:
        vera = await slow.person("whatsapp")
        await slow.act("whatsapp", vera, "say", text="hello")
        answers = [await slow.text(vera) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]


async def test_the_forty_sixth_message_at_once_to_one_person_is_too_many(sim: Driver) -> None:
    vera, other = await sim.person("whatsapp"), await sim.person("whatsapp")
    answers = [await sim.text(vera) for _ in range(46)]
    assert [answer.status_code for answer in answers] == [200] * 45 + [400]
    error = answers[45].json()["error"]
    assert error["code"] == 131056
    assert error["message"] == "(#131056) (Business Account, Consumer Account) pair rate limit hit"
    assert (await sim.text(other)).status_code == 200


async def test_media_is_uploaded_looked_up_and_downloaded(sim: Driver) -> None:
    headers = {"Authorization": f"Bearer {WA.token}"}

    async def upload(data: Json, content: bytes = b"\x89PNG") -> Any:
        return await sim.http.post(
            f"/v23.0/{WA.phone_id}/media",
            data=data,
            files={"file": ("t.png", content)},
            headers=headers,
        )

    untyped = await upload({"messaging_product": "whatsapp"})
    assert untyped.json()["error"]["code"] == 100
    foreign = await upload({"messaging_product": "whatsapp", "type": "image/gif"})
    assert "must be a file with one of the following types" in foreign.json()["error"]["message"]
    png = {"messaging_product": "whatsapp", "type": "image/png"}
    too_big = await upload(png, b"x" * (5 * 1024 * 1024 + 1))
    assert too_big.json()["error"]["code"] == 131053

    media_id = (await upload(png)).json()["id"]
    found = (await sim.graph(media_id)).json()
    assert (found["mime_type"], found["file_size"], found["id"]) == ("image/png", 4, media_id)
    assert (await sim.http.get(found["url"])).status_code == 401
    assert (await sim.http.get(found["url"], headers=headers)).content == b"\x89PNG"
    stale = found["url"].rsplit("=", 1)[0] + "=1"
    assert (await sim.http.get(stale, headers=headers)).status_code == 404

    vera = await sim.person("whatsapp")
    await sim.send(vera, type="document", document={"id": media_id, "filename": "ticket.png"})
    document = (await sim.chat("whatsapp", vera))[-1]["document"]
    assert (document["name"], document["mime"], document["size"]) == ("ticket.png", "image/png", 4)
    assert (await sim.http.get(document["url"])).content == b"\x89PNG"


async def test_mark_read_and_typing_need_a_known_message(sim: Driver) -> None:
    vera = await sim.person("whatsapp", says="hi")
    [said] = await sim.chat("whatsapp", vera)
    path = f"{WA.phone_id}/messages"
    read = {"messaging_product": "whatsapp", "status": "read", "message_id": said["id"]}

    answer = await sim.graph(path, {**read, "typing_indicator": {"type": "text"}})

    assert answer.json() == {"success": True}
    assert (await sim.chat("whatsapp", vera))[0]["status"] == "read"
    unknown = await sim.graph(path, {**read, "message_id": "wamid.X"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, 131009)


async def test_templates_are_listed_for_the_business_account(sim: Driver) -> None:
    answer = (await sim.graph(f"{WA.waba_id}/message_templates?name=event_reminder")).json()
    assert {(t["language"], t["status"]) for t in answer["data"]} == {
        ("en_US", "APPROVED"),
        ("ru", "APPROVED"),
    }
    assert "paging" in answer
