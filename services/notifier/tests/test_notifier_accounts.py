"""What our accounts are called: asked once, remembered, and left out when nobody says."""

from collections.abc import Callable
from typing import Any

import pytest
from notifier_house import BOT, PHONE_ID, answering, http
from pydantic import SecretStr

from contracts import AccountsAnswer, ListAccounts, TelegramAccount, WhatsAppAccount
from notifier import accounts
from notifier.accounts import Accounts
from notifier.channel import Channel
from notifier.telegram import TelegramChannel
from notifier.whatsapp import WhatsappChannel

ME = http(
    200,
    '{"ok":true,"result":{"id":123456,"is_bot":true,"first_name":"B","username":"b_bot"}}',
)
NUMBER = http(200, '{"display_phone_number":"+1 555-078-3881","id":"106540352242922"}')
NOWHERE = "http://127.0.0.1:1"


def telegram(url: str) -> TelegramChannel:
    return TelegramChannel(SecretStr(f"{BOT}:AAAA"), url)


def whatsapp(url: str) -> WhatsappChannel:
    return WhatsappChannel(PHONE_ID, SecretStr("TOKEN"), url)


async def name_of(channel: Channel[Any]) -> str | None:
    try:
        return await channel.public_name()
    finally:
        await channel.close()


async def test_telegram_is_asked_for_the_bots_username() -> None:
    async with answering(ME) as platform:
        assert await name_of(telegram(platform.url)) == "b_bot"
    assert platform.requests[0].startswith(b"POST /bot123456:AAAA/getMe ")


async def test_whatsapp_is_asked_for_the_number_and_only_its_digits_are_kept() -> None:
    async with answering(NUMBER) as platform:
        assert await name_of(whatsapp(platform.url)) == "15550783881"
    line = platform.requests[0].partition(b"\r\n")[0]
    assert line == b"GET /v23.0/106540352242922?fields=display_phone_number HTTP/1.1"


@pytest.mark.parametrize("make", [telegram, whatsapp])
@pytest.mark.parametrize(
    "answer",
    [
        http(401, '{"ok":false,"error_code":401,"description":"Unauthorized"}'),
        http(500, "<html>"),
        http(200, "{}"),
        None,
    ],
)
async def test_a_platform_that_does_not_say_is_no_failure(
    make: Callable[[str], Channel[Any]], answer: bytes | None
) -> None:
    async with answering(answer) as platform:
        assert await name_of(make(platform.url)) is None
    assert await name_of(make(NOWHERE)) is None


async def test_a_platform_is_asked_once_and_the_silent_one_is_left_out() -> None:
    async with answering(ME) as platform:
        channels: list[Channel[Any]] = [telegram(platform.url), whatsapp(NOWHERE)]
        known = Accounts(lambda: channels)
        for _ in range(3):
            assert await known.list_accounts(ListAccounts()) == AccountsAnswer(
                telegram=(TelegramAccount(account=BOT, username="b_bot"),)
            )
    assert len(platform.requests) == 1
    for channel in channels:
        await channel.close()


async def test_it_is_asked_again_after_a_while_and_an_old_name_outlives_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accounts, "REMEMBERED_SECONDS", 0.0)
    async with answering(NUMBER) as platform:
        channel = whatsapp(platform.url)
        known = Accounts(lambda: [channel])
        expected = AccountsAnswer(
            whatsapp=(WhatsAppAccount(account=PHONE_ID, phone="15550783881"),)
        )
        assert await known.list_accounts(ListAccounts()) == expected
        assert await known.list_accounts(ListAccounts()) == expected
        assert len(platform.requests) == 2
    assert await known.list_accounts(ListAccounts()) == expected
    await channel.close()
