"""What we render is taken by platforms that check it, not only by our own reading of the limits."""

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notifier_house import BOT, PHONE_ID, outbound
from notifier_stage import eventually
from notifier_texts import CALENDAR, TICKET, alike, messages
from pydantic import SecretStr

from contracts import Address, Choice, OutboundMessage
from notifier.channel import Channel
from notifier.labels import is_visible
from notifier.telegram import TelegramChannel
from notifier.telegram_rendering import TelegramRequest
from notifier.verdicts import Accepted, Failed, Throttled, Verdict
from notifier.whatsapp import WhatsappChannel
from notifier.whatsapp_rendering import WhatsappRequest

EXAMPLES = 60
YES = (Choice(id="yes", label="Yes"),)
platforms = st.sampled_from(["telegram", "whatsapp"])


@pytest.fixture(scope="module")
def platforms_url(simulator_url: str) -> str:
    """Where both platforms answer."""

    async def answers() -> None:
        async with httpx.AsyncClient() as http:
            await eventually(http, f"{simulator_url}/sim/health")

    asyncio.run(answers())
    return simulator_url


def channel_of(platform: str, url: str) -> Channel[Any]:
    """The demo's bot or number at the simulator."""
    if platform == "telegram":
        return TelegramChannel(SecretStr(f"{BOT}:demo-telegram-token"), url)
    return WhatsappChannel(PHONE_ID, SecretStr("demo-whatsapp-token"), url)


async def somebody(http: httpx.AsyncClient, platform: str) -> Address:
    """A person who has written to us."""
    person = (await http.post("/sim/people", json={"platform": platform})).json()
    await http.post(f"/sim/people/{platform}/{person['id']}/say", json={"text": "/start"})
    account = BOT if platform == "telegram" else PHONE_ID
    return Address.model_validate(
        {"platform": platform, "account": account, "chat_id": person["id"]}
    )


async def calls(
    url: str, platform: str, message: OutboundMessage, *requests: Any
) -> tuple[list[Verdict], list[dict[str, Any]]]:
    """The verdicts on the requests, ours unless others are given, and what the person then has."""
    channel = channel_of(platform, url)
    async with httpx.AsyncClient(base_url=url) as http:
        address = await somebody(http, platform)
        message = message.model_copy(update={"address": address})
        try:
            verdicts = [
                await channel.send(message, await channel.prepare(request))
                for request in requests or channel.render(message, by_template=False)
            ]
        finally:
            await channel.close()
        chat = (await http.get(f"/sim/people/{platform}/{address.chat_id}/chat")).json()
        return verdicts, [entry for entry in chat if entry["from"] == "bot"]


@given(platforms, messages)
@settings(max_examples=EXAMPLES, deadline=None)
def test_whatever_is_said_a_platform_takes_and_shows_it(
    platforms_url: str, platform: str, message: OutboundMessage
) -> None:
    verdicts, heard = asyncio.run(calls(platforms_url, platform, message))
    # The limits come last, so what is throttled was right in itself.
    assert all(isinstance(verdict, Accepted | Throttled) for verdict in verdicts), verdicts
    if not all(isinstance(verdict, Accepted) for verdict in verdicts):
        return
    said = alike("".join(entry["text"] for entry in heard))
    assert said.startswith(alike(message.text)) or not is_visible(message.text)
    tappable = [choice["data"] for choice in heard[-1]["choices"]]
    assert tappable == [choice.id for choice in message.choices]
    documents = [entry["document"]["name"] for entry in heard if entry["document"]]
    assert documents == ([message.document.filename] if message.document else [])


LONG = "x" * 4097
TWICE = {"type": "reply", "reply": {"id": "a", "title": "Yes"}}


@pytest.mark.parametrize(
    ("platform", "blind"),
    [
        ("telegram", TelegramRequest(text=LONG)),
        ("telegram", TelegramRequest(text="x" * 1025, document=TICKET)),
        ("telegram", TelegramRequest(text="\n")),
        ("telegram", TelegramRequest(text="x", keyboard=((("Yes", "я" * 33),),))),
        ("whatsapp", WhatsappRequest(kind="text", content={"body": LONG})),
        (
            "whatsapp",
            WhatsappRequest(kind="document", content={"caption": LONG}, document=CALENDAR),
        ),
        (
            "whatsapp",
            WhatsappRequest(
                kind="interactive",
                content={
                    "type": "button",
                    "body": {"text": "x" * 1025},
                    "action": {"buttons": [TWICE]},
                },
            ),
        ),
        (
            "whatsapp",
            WhatsappRequest(
                kind="interactive",
                content={
                    "type": "button",
                    "body": {"text": "x"},
                    "action": {"buttons": [TWICE, TWICE]},
                },
            ),
        ),
    ],
)
def test_what_breaks_a_limit_is_refused(platforms_url: str, platform: str, blind: Any) -> None:
    """The control: these platforms do look."""
    verdicts, heard = asyncio.run(calls(platforms_url, platform, outbound(), blind))
    assert [type(verdict) for verdict in verdicts] == [Failed]
    assert heard == []


@pytest.mark.parametrize("platform", ["telegram", "whatsapp"])
def test_a_long_text_arrives_in_order_with_its_choices_at_the_end(
    platforms_url: str, platform: str
) -> None:
    text = "\n\n".join(f"{number}. " + "Words and words. " * 20 for number in range(1, 12))
    message = outbound(text=text + "\n\nWill you come?", choices=YES)
    verdicts, heard = asyncio.run(calls(platforms_url, platform, message))
    assert [type(verdict) for verdict in verdicts] == [Accepted] * len(heard)
    assert [bool(entry["choices"]) for entry in heard] == [False] * (len(heard) - 1) + [True]
    assert heard[-1]["text"].endswith("Will you come?")
    assert "\n\n".join(entry["text"] for entry in heard).split() == message.text.split()
