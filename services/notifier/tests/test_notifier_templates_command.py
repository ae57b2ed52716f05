"""`./task templates` against the simulator."""

import asyncio
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import httpx
import pytest
from notifier_house import PHONE_ID, WABA_ID, answering, http
from notifier_stage import Stage, eventually, simulator

from notifier.templates.__main__ import main
from notifier.templates.catalogue import LANGUAGES, catalogue

ALL = len(catalogue()) * len(LANGUAGES)


async def templates(url: str, *arguments: str, **environment: str) -> tuple[int, str]:
    """The command's exit code and what it said, in the environment of an operator."""
    values = {
        "WHATSAPP_API_URL": url,
        "WHATSAPP_TOKEN": "demo-whatsapp-token",
        "WHATSAPP_PHONE_ID": PHONE_ID,
        "WHATSAPP_WABA_ID": WABA_ID,
    }
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        for name, value in (values | environment).items():
            patch.setenv(name, value)
        # It has a loop of its own, as in a process of its own, which takes seconds to start.
        code = await asyncio.to_thread(main, arguments)
    return code, said.getvalue()


def of(shown: str) -> dict[str, Any]:
    (account,) = json.loads(shown)["accounts"]
    assert isinstance(account, dict)
    return account


async def test_what_is_approved_is_shown_and_submitting_again_changes_nothing(
    stage: Stage,
) -> None:
    url = str(stage.platforms.base_url)
    code, shown = await templates(url, "submit")
    assert (code, f"{ALL} of {ALL} approved" in shown, "+ submitted" in shown) == (0, True, False)
    before = (await stage.platforms.get("/sim/templates")).json()
    code, shown = await templates(url, "submit", "--json")
    assert (code, of(shown)["submitted"]) == (0, [])
    assert (await stage.platforms.get("/sim/templates")).json() == before


async def test_what_is_missing_is_submitted_and_only_that() -> None:
    with simulator() as url:
        async with httpx.AsyncClient(base_url=url) as platforms:
            await eventually(platforms, "/sim/health")
            words = {"name": "event_soon", "language": "ru", "body": "Скоро: {{1}}, {{2}}, {{3}}!"}
            (await platforms.post("/sim/templates", json=words)).raise_for_status()
            code, shown = await templates(url, "submit", "--json")
            # What is there in other words is told, and left to a human.
            assert (code, len(of(shown)["submitted"])) == (1, ALL - 1)
            code, shown = await templates(url)
            assert (code, f"{ALL} of {ALL} approved" in shown) == (1, True)
            assert "approved, but body and buttons differ" in shown


@pytest.mark.parametrize(
    ("status", "code_after_submit", "says"),
    [
        ("pending", 0, "Meta's review takes"),
        ("paused", 1, "takes it up again by itself"),
        ("rejected", 1, "rejected (INVALID_FORMAT)"),
        ("disabled", 1, "disabled"),
    ],
)
async def test_what_is_not_approved_is_told_with_its_remedy(
    stage: Stage, status: str, code_after_submit: int, says: str
) -> None:
    url = str(stage.platforms.base_url)
    change = {"name": "seat_offer", "language": "ru", "status": status}
    (await stage.platforms.patch("/sim/templates", json=change)).raise_for_status()
    code, shown = await templates(url, "status")
    assert (code, f"{ALL - 1} of {ALL} approved" in shown, says in shown) == (1, True, True)
    assert (await templates(url, "submit"))[0] == code_after_submit


def graph_error(http_status: int, code: int, **more: Any) -> bytes:
    return http(http_status, json.dumps({"error": {"code": code, "message": "no"} | more}))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (graph_error(401, 190), "set WHATSAPP_TOKEN"),
        (graph_error(400, 100, error_subcode=33), "see WHATSAPP_WABA_ID"),
        (graph_error(403, 200), "whatsapp_business_management"),
        (graph_error(400, 80008), "limit of management calls per hour"),
        (graph_error(400, 100, error_user_msg="Not like this."), "Not like this. (code 100)"),
        (http(502, "<html>"), "answers 502 with something that is no JSON"),
        (None, "Meta cannot be reached"),
    ],
)
async def test_why_nobody_could_look_is_said_in_a_sentence(answer: bytes | None, says: str) -> None:
    async with answering(answer) as platform:
        code, shown = await templates(platform.url)
    assert (code, "cannot be looked at" in shown, says in shown) == (2, True, True)
    assert "demo-whatsapp-token" not in shown


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"WHATSAPP_WABA_ID": ""}, "WHATSAPP_WABA_ID is not set"),
        ({"WHATSAPP_TOKEN": ""}, "set WHATSAPP_TOKEN, WHATSAPP_PHONE_ID and WHATSAPP_WABA_ID"),
        ({"WHATSAPP_PHONE_ID": ""}, "WHATSAPP_PHONE_ID is missing"),
    ],
)
async def test_what_is_not_set_is_named(environment: dict[str, str], says: str) -> None:
    code, shown = await templates("http://127.0.0.1:1", **environment)
    assert (code, says in shown) == (2, True)


async def test_a_number_without_its_account_is_left_out_and_said(
    stage: Stage, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text('[[whatsapp]]\nphone_id = "77"\ntoken = "other-token"\n')
    code, shown = await templates(str(stage.platforms.base_url), TURNOUT_ACCOUNTS=str(file))
    assert code == 0
    assert "waba_id of [[whatsapp]] 1 in accounts.toml is not set" in shown
