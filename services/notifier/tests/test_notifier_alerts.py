"""The admin hears what is wrong by a way that works, in words, once."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args
from uuid import UUID, uuid4

import nats
import pytest

from contracts import OutboundMessage, Platform
from notifier.alerts import Alert, Alerts, Kind
from notifier.settings import Settings
from notifier.verdicts import Cause
from runtime.broker import Broker
from runtime.clock import Clock

ADMIN, ADMIN_EMAIL = "4711", "admin@example.org"
DATE = datetime(2026, 12, 31, 12, tzinfo=UTC)


def alert(kind: Kind = "stopped", platform: Platform = "whatsapp", **changes: Any) -> Alert:
    values: dict[str, Any] = {
        "id": uuid4(),
        "reason": "whatsapp-190",
        "cause": "token",
        "length": timedelta(hours=3, minutes=20),
        "counts": {"late": 12, "expired": 3},
        "date": DATE,
        "template": "event_reminder",
    }
    return Alert(kind=kind, platform=platform, account="1065", **(values | changes))


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("platform", get_args(Platform))
def test_every_alert_has_words(
    kind: Kind, platform: Platform, language: Literal["en", "ru"]
) -> None:
    for cause in get_args(Cause):
        text = alert(kind, platform, cause=cause).text(language)
        assert not re.search(r"[{}]", text)
        assert text[0].isupper()
        assert (re.search(r"[а-я]", text) is not None) == (language == "ru")


def test_the_words_say_what_why_and_how_long() -> None:
    assert "its token is not valid" in alert().text("en")
    resumed = alert("resumed").text("en")
    assert "WhatsApp number 1065: messages go out again after 3 h 20 min." in resumed
    assert "Sent late: 12. Too late to be sent: 3." in resumed
    assert "2026-12-31" in alert("token-expires").text("ru")
    assert "6 дн." in alert("token-expires", length=timedelta(days=6, seconds=5)).text("ru")
    assert "0 s" in alert("resumed", length=timedelta()).text("en")


class Told:
    """An admin with a mailbox and a Telegram chat."""

    def __init__(self, url: str, smtp_port: int) -> None:
        self.url, self.smtp_port = url, smtp_port
        self.mails: list[str] = []

    async def telegrams(self) -> list[OutboundMessage]:
        client = await nats.connect(self.url)
        try:
            jetstream = client.jetstream()
            last = (await jetstream.stream_info("OUTBOUND")).state.last_seq
            bodies = [await jetstream.get_msg("OUTBOUND", n) for n in range(1, last + 1)]
            return [OutboundMessage.model_validate_json(body.data or b"") for body in bodies]
        finally:
            await client.close()


@asynccontextmanager
async def admin(url: str) -> AsyncIterator[Told]:
    """Takes one e-mail after the other, as a mail server does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        data = False
        mail: list[str] = []
        while line := (await reader.readline()).decode():
            if data and line == ".\r\n":
                told.mails.append("".join(mail))
                data = False
            elif data:
                mail.append(line)
                continue
            elif line.upper().startswith("DATA"):
                data = True
                writer.write(b"354 go on\r\n")
                continue
            elif line.upper().startswith("QUIT"):
                break
            writer.write(b"250 OK\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    told = Told(url, server.sockets[0].getsockname()[1])
    async with server:
        yield told


@asynccontextmanager
async def alerts(
    told: Told, working: dict[Platform, list[tuple[str, bool]]], **changes: Any
) -> AsyncIterator[Alerts]:
    values: dict[str, Any] = {
        "nats_url": told.url,
        "admin_telegram_chat": ADMIN,
        "admin_email": ADMIN_EMAIL,
        "smtp_url": f"smtp://127.0.0.1:{told.smtp_port}",
    }
    settings = Settings(**(values | changes))
    broker = Broker("test", settings)
    await broker.frame.connect()
    yield Alerts(broker, Clock(None), settings, lambda platform: working.get(platform, []))
    await broker.stop()


async def test_telegram_tells_what_is_wrong_with_whatsapp_once(provisioned: str) -> None:
    async with admin(provisioned) as told, alerts(told, {"telegram": [("1", True)]}) as ways:
        one = alert()
        # As two replicas would.
        assert await ways.tell(one)
        assert await ways.tell(one)
        (message,) = await told.telegrams()
    assert (message.address.account, message.address.chat_id) == ("1", ADMIN)
    assert message.text == one.text("en")
    assert told.mails == []


async def test_e_mail_tells_what_is_wrong_with_telegram(provisioned: str) -> None:
    async with admin(provisioned) as told, alerts(told, {"telegram": [("1065", True)]}) as ways:
        one = alert(platform="telegram", reason="telegram-401")
        assert await ways.tell(one)
        assert await told.telegrams() == []
    (mail,) = told.mails
    assert f"To: {ADMIN_EMAIL}" in mail
    assert "Telegram bot 1065" in mail
    assert str(one.id) in mail


async def test_e_mail_tells_of_whatsapp_while_telegram_is_away(provisioned: str) -> None:
    async with admin(provisioned) as told, alerts(told, {"telegram": [("1", False)]}) as ways:
        assert await ways.tell(alert())
        assert await told.telegrams() == []
    assert len(told.mails) == 1


async def test_another_bot_tells_where_there_is_no_e_mail(provisioned: str) -> None:
    bots: dict[Platform, list[tuple[str, bool]]] = {"telegram": [("1065", True), ("2", True)]}
    async with admin(provisioned) as told, alerts(told, bots, admin_email=None) as ways:
        assert await ways.tell(alert(platform="telegram"))
        (message,) = await told.telegrams()
    assert message.address.account == "2"


async def test_a_mail_server_that_is_away_is_tried_again(provisioned: str) -> None:
    async with admin(provisioned) as told:
        nowhere = "smtp://127.0.0.1:1"
        async with alerts(told, {}, smtp_url=nowhere) as ways:
            assert not await ways.tell(alert(platform="telegram"))


async def test_where_there_is_no_way_nobody_waits_for_one(provisioned: str) -> None:
    async with admin(provisioned) as told:
        async with alerts(told, {}, admin_email=None, admin_telegram_chat=None) as ways:
            assert await ways.tell(alert(id=UUID(int=7)))
        assert told.mails == []
