"""Several bots and numbers behind one door, and secrets that change while webhooks come in."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from gateway_house import (
    APP_SECRET,
    BOT,
    PHONE_ID,
    TELEGRAM_SECRET,
    VERIFY_TOKEN,
    Gateway,
    process,
    running,
    settings,
    signed,
)

SECOND_BOT, SECOND_SECRET = "777888", "second-telegram-secret"
COUSIN_PHONE_ID, STRANGER_PHONE_ID = "209980352249911", "300000000000001"
STRANGER_APP_SECRET, STRANGER_VERIFY_TOKEN = "stranger-app-secret", "stranger-verify-token"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
WAIT_SECONDS_MAX = 20.0

ACCOUNTS = f"""
[[telegram]]
id = {SECOND_BOT}
secret = "{SECOND_SECRET}"

# a second number of the first app, and one of another app
[[whatsapp]]
phone_id = "{COUSIN_PHONE_ID}"
app_secret = "{APP_SECRET}"
verify_token = "{VERIFY_TOKEN}"

[[whatsapp]]
phone_id = "{STRANGER_PHONE_ID}"
app_secret = "{STRANGER_APP_SECRET}"
verify_token = "{STRANGER_VERIFY_TOKEN}"
"""


def update(number: int, chat_id: int = 42) -> dict[str, Any]:
    message = {"message_id": number, "date": 1763800000, "text": "hello"}
    return {
        "update_id": number,
        "message": message
        | {"chat": {"id": chat_id, "type": "private"}, "from": {"id": chat_id, "is_bot": False}},
    }


def notification(*phone_ids: str, number: int = 1) -> bytes:
    entries = [
        {
            "id": "102290129340398",
            "changes": [
                {
                    "field": "messages",
                    "value": {
                        "metadata": {"phone_number_id": phone_id},
                        "messages": [
                            {
                                "from": f"1650555{number:04}",
                                "id": f"wamid.{phone_id}.{number}",
                                "timestamp": "1763800000",
                                "type": "text",
                                "text": {"body": "hi"},
                            }
                        ],
                    },
                }
            ],
        }
        for phone_id in phone_ids
    ]
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


@pytest_asyncio.fixture
async def several(provisioned: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway for two bots, and three numbers of two apps."""
    file = tmp_path / "accounts.toml"
    file.write_text(ACCOUNTS)
    async with running(settings(provisioned, turnout_accounts=file)) as http:
        house = await Gateway.reached(http, provisioned)
        yield house
        await house.close()


async def accounts_of(gateway: Gateway) -> list[str]:
    return sorted(message["address"]["account"] for message in await gateway.stored("INBOUND"))


async def test_one_person_in_two_bots_is_two_chats(several: Gateway) -> None:
    for path, secret in (
        ("/telegram", TELEGRAM_SECRET),
        (f"/telegram/{BOT}", TELEGRAM_SECRET),
        (f"/telegram/{SECOND_BOT}", SECOND_SECRET),
    ):
        answer = await several.http.post(path, json=update(1), headers={SECRET_HEADER: secret})
        assert answer.status_code == 200

    assert await accounts_of(several) == [BOT, SECOND_BOT]
    subjects = {message.subject.rpartition(".")[2] for message in await several.raw("INBOUND")}
    assert subjects == {f"{BOT}-42", f"{SECOND_BOT}-42"}


async def test_a_bots_secret_opens_no_other_bots_door(several: Gateway) -> None:
    for path, secret in (
        ("/telegram", SECOND_SECRET),
        (f"/telegram/{BOT}", SECOND_SECRET),
        (f"/telegram/{SECOND_BOT}", TELEGRAM_SECRET),
    ):
        answer = await several.http.post(path, json=update(1), headers={SECRET_HEADER: secret})
        assert answer.status_code == 403

    assert await several.raw("INBOUND") == []


@pytest.mark.parametrize(
    ("secret", "heard"),
    [(APP_SECRET, [PHONE_ID, COUSIN_PHONE_ID]), (STRANGER_APP_SECRET, [STRANGER_PHONE_ID])],
)
async def test_an_app_speaks_for_its_own_numbers_and_for_no_others(
    several: Gateway, secret: str, heard: list[str]
) -> None:
    body = notification(PHONE_ID, COUSIN_PHONE_ID, STRANGER_PHONE_ID)
    unknown = 'turnout_webhook_items_total{kind="unknown-account",platform="whatsapp"'

    async def count() -> float:
        lines = (await several.http.get("/metrics")).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(unknown))

    before = await count()
    answer = await several.http.post("/whatsapp", content=body, headers=signed(body, secret))

    assert answer.status_code == 200
    assert await accounts_of(several) == sorted(heard)
    assert await count() - before == 3 - len(heard)


@pytest.mark.parametrize(
    ("token", "status"),
    [(VERIFY_TOKEN, 200), (STRANGER_VERIFY_TOKEN, 200), ("some-other-verify-token", 403)],
)
async def test_the_handshake_takes_any_live_verify_token(
    several: Gateway, token: str, status: int
) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158", "hub.verify_token": token}

    answer = await several.http.get("/whatsapp", params=query)

    assert answer.status_code == status
    assert (answer.text == "1158") is (status == 200)


OLD, NEW = "old-secret-0123456789", "new-secret-0123456789"


class Platforms:
    """Both platforms, sending all the time; each refusal of an authentic webhook is kept."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.secrets = [OLD]
        """What is in use at the platforms; several while they are being told."""
        self.accepted = 0
        self.refused: list[tuple[str, int]] = []
        self._number = 0

    async def send(self) -> None:
        while True:
            self._number += 1
            secret = self.secrets[self._number % len(self.secrets)]
            for platform in ("telegram", "whatsapp"):
                status = await self.post(platform, secret, self._number)
                if status == 200:
                    self.accepted += 1
                else:
                    self.refused.append((platform, status))
            await asyncio.sleep(0.01)

    async def post(self, platform: str, secret: str, number: int) -> int:
        if platform == "telegram":
            headers, body = {SECRET_HEADER: secret}, json.dumps(update(number, number)).encode()
        else:
            body = notification(PHONE_ID, number=number)
            headers = signed(body, secret)
        return (await self._http.post(f"/{platform}", content=body, headers=headers)).status_code

    async def until(self, platform: str, secret: str, status: int) -> None:
        """Wait until a webhook with this secret is answered so; none of these counts."""
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while await self.post(platform, secret, 1) != status:
                await asyncio.sleep(0.05)


async def test_secrets_are_changed_under_a_stream_of_webhooks_and_none_is_refused(
    provisioned: str, tmp_path: Path
) -> None:
    for platform in ("telegram", "whatsapp"):
        (tmp_path / platform).write_text(OLD)
        (tmp_path / f"{platform}-previous").write_text("")
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(
        f"""
        [[whatsapp]]
        phone_id = "{PHONE_ID}"
        app_secret_file = "whatsapp"
        app_secret_previous_file = "whatsapp-previous"
        verify_token = "{VERIFY_TOKEN}"
        """
    )
    told = {
        "TELEGRAM_SECRET": "",
        "TELEGRAM_SECRET_FILE": str(tmp_path / "telegram"),
        "TELEGRAM_SECRET_PREVIOUS_FILE": str(tmp_path / "telegram-previous"),
        "WHATSAPP_PHONE_ID": "",
        "WHATSAPP_APP_SECRET": "",
        "WHATSAPP_VERIFY_TOKEN": "",
        "TURNOUT_ACCOUNTS": str(accounts),
    }
    async with process(provisioned, **told) as gateway:
        platforms = Platforms(gateway.house.http)
        sending = asyncio.create_task(platforms.send())
        for platform in ("telegram", "whatsapp"):
            await platforms.until(platform, OLD, 200)
            await platforms.until(platform, NEW, 403)
            # The operator's first step: the old one becomes the previous one.
            (tmp_path / f"{platform}-previous").write_text(OLD)
            (tmp_path / platform).write_text(NEW)
            await platforms.until(platform, NEW, 200)
        # The second: the platforms are told, and use both for a while.
        platforms.secrets = [OLD, NEW]
        await _more(platforms)
        platforms.secrets = [NEW]
        await _more(platforms)
        # The third: the previous one goes.
        for platform in ("telegram", "whatsapp"):
            (tmp_path / f"{platform}-previous").write_text("")
            await platforms.until(platform, OLD, 403)
        await _more(platforms)
        # Nonsense changes nothing, and is shown.
        (tmp_path / "telegram").write_text("short")
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while not (await gateway.house.http.get("/health")).json()["files_refused"]:
                await asyncio.sleep(0.05)
        await _more(platforms)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

        assert platforms.refused == []
        stored = {message["id"] for message in await gateway.house.stored("INBOUND")}
        # The one that was on its way when we stopped may be there as well.
        assert platforms.accepted <= len(stored) <= platforms.accepted + 1
        metrics = (await gateway.house.http.get("/metrics")).text
        assert 'turnout_files_refused{of="accounts",service="gateway"} 1.0' in metrics
        assert 'by_previous_secret_total{platform="telegram",service="gateway"}' in metrics
        assert 'by_previous_secret_total{platform="whatsapp",service="gateway"}' in metrics
        told_us = gateway.told()
        assert told_us.count("changed files taken over") >= 2
        assert "TELEGRAM_SECRET is too short" in told_us
        for secret in (OLD, NEW):
            assert secret not in told_us + metrics


async def _more(platforms: Platforms) -> None:
    """Wait until the platforms have sent twenty more."""
    wanted = platforms.accepted + 20
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while platforms.accepted < wanted:
            await asyncio.sleep(0.02)
