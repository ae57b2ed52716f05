"""Templates through the management API: submitted, listed page by page, refused."""

from typing import Any

import httpx
import pytest
from simulator_driver import WA, Driver

PATH = f"{WA.waba_id}/message_templates"


def a_template(name: str = "seat_lost", **changes: Any) -> dict[str, Any]:
    """What an app submits."""
    body = {
        "type": "BODY",
        "text": "Your seat at {{1}} is lost.",
        "example": {"body_text": [["PyCon"]]},
    }
    quick = [{"type": "QUICK_REPLY", "text": "Again"}]
    values = {
        "name": name,
        "language": "en_US",
        "category": "UTILITY",
        "components": [body, {"type": "BUTTONS", "buttons": quick}],
    }
    return values | changes


async def test_a_submitted_template_can_be_sent_and_its_button_brings_its_payload(
    sim: Driver,
) -> None:
    answer = (await sim.graph(PATH, a_template())).json()
    assert (answer["status"], answer["category"]) == ("APPROVED", "UTILITY")
    vera = await sim.person("whatsapp", says=None)
    button = {
        "type": "button",
        "sub_type": "quick_reply",
        "index": "0",
        "parameters": [{"type": "payload", "payload": "again:1"}],
    }
    asked = {
        "name": "seat_lost",
        "language": {"code": "en_US"},
        "components": [
            {"type": "body", "parameters": [{"type": "text", "text": "PyCon"}]},
            button,
        ],
    }
    assert (await sim.send(vera, type="template", template=asked)).status_code == 200
    (shown,) = await sim.chat("whatsapp", vera)
    assert shown["text"] == "Your seat at PyCon is lost."
    assert [(one["label"], one["data"]) for one in shown["choices"]] == [("Again", "again:1")]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"components": [{"type": "BODY", "text": "At {{1}} is a seat."}]}, "example"),
        (
            {
                "components": [
                    {"type": "BODY", "text": "{{1}} has a seat.", "example": {"body_text": [["P"]]}}
                ]
            },
            "start or end",
        ),
        ({"name": "Seat lost"}, "lower-case"),
        ({"components": []}, "components is required"),
    ],
)
async def test_what_meta_would_not_take_is_refused(
    sim: Driver, changes: dict[str, Any], says: str
) -> None:
    answer = await sim.graph(PATH, a_template(**changes))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, 100)
    assert says in error.get("error_user_msg", error["message"])


async def test_a_template_is_submitted_once(sim: Driver) -> None:
    await sim.graph(PATH, a_template())
    error = (await sim.graph(PATH, a_template())).json()["error"]
    assert (error["code"], error["error_subcode"]) == (100, 2388024)


async def test_templates_are_listed_page_by_page(sim: Driver) -> None:
    for number in range(3):
        await sim.graph(PATH, a_template(f"page_{number}"))
    names: list[str] = []
    after = ""
    while True:
        page = (await sim.graph(f"{PATH}?name=page&limit=2&after={after}")).json()
        names += [one["name"] for one in page["data"]]
        if "next" not in page["paging"]:
            break
        after = page["paging"]["cursors"]["after"]
    assert names == ["page_0", "page_1", "page_2"]


async def test_an_authentication_template_has_metas_own_words(sim: Driver) -> None:
    otp = {"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy code"}
    components = [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "BUTTONS", "buttons": [otp]},
    ]
    await sim.graph(PATH, a_template("pin", category="AUTHENTICATION", components=components))
    (listed,) = (await sim.graph(f"{PATH}?name=pin")).json()["data"]
    body, buttons = listed["components"]
    assert "is your verification code" in body["text"]
    assert buttons["buttons"][0]["type"] == "URL"


CODE = {"type": "text", "text": "123456"}
COPIES = {"type": "button", "sub_type": "url", "index": "0", "parameters": [CODE]}


async def code_sent(sim: Driver, *buttons: dict[str, Any], **to: str) -> httpx.Response:
    """The answer to a code sent by template."""
    otp = {"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy code"}
    components = [{"type": "BODY"}, {"type": "BUTTONS", "buttons": [otp]}]
    await sim.graph(PATH, a_template("pin", category="AUTHENTICATION", components=components))
    template = {
        "name": "pin",
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": [CODE]}, *buttons],
    }
    message = {"messaging_product": "whatsapp", "type": "template", "template": template}
    return await sim.graph(f"{WA.phone_id}/messages", message | to)


async def test_a_code_goes_to_numbers_and_to_no_scoped_id(sim: Driver) -> None:
    person = (await sim.http.post("/sim/people", json={"platform": "whatsapp"})).json()
    vera = person["id"]
    assert (await code_sent(sim, COPIES, to=vera)).status_code == 200
    (shown,) = await sim.chat("whatsapp", vera)
    assert [(one["label"], one["copies"]) for one in shown["choices"]] == [("Copy code", "123456")]
    refused = await code_sent(sim, COPIES, recipient=person["user_id"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 131062)


async def test_a_code_needs_its_button(sim: Driver) -> None:
    vera = await sim.person("whatsapp", says=None)
    other = {**COPIES, "parameters": [{"type": "text", "text": "654321"}]}
    for buttons in ((), (other,), ({**COPIES, "sub_type": "quick_reply"},)):
        refused = await code_sent(sim, *buttons, to=vera)
        assert refused.json()["error"]["code"] == 131008
