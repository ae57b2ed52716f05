"""What goes over the wire through aiogram and pywa, and what becomes of each answer."""

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from notifier_house import PHONE_ID, answering, http, outbound, whatsapp_address
from opentelemetry import trace
from pydantic import SecretStr

from contracts import Choice, Document
from notifier.channel import Channel, Refused
from notifier.telegram import TelegramChannel
from notifier.verdicts import Accepted, Down, Failed, Throttled, Unknown, Verdict
from notifier.whatsapp import WhatsappChannel

TELEGRAM_SENT = http(
    200,
    '{"ok":true,"result":{"message_id":12,"date":1763800001,"chat":{"id":42,"type":"private"}}}',
)
WHATSAPP_SENT = http(200, '{"contacts":[{"input":"1","wa_id":"1"}],"messages":[{"id":"wamid.1"}]}')
NOWHERE = "http://127.0.0.1:1"
TICKET = Document(kind="ticket", data="TKT1.a", filename="ticket.png")
CALENDAR = Document(kind="calendar", data="BEGIN:VCALENDAR", filename="pycon.ics")
YES = (Choice(id="yes", label="Yes"),)


def telegram(url: str) -> TelegramChannel:
    return TelegramChannel(SecretStr("123456:AAAA"), url)


def whatsapp(url: str) -> WhatsappChannel:
    return WhatsappChannel(PHONE_ID, SecretStr("TOKEN"), url)


async def sent(channel: Channel[Any], **changes: Any) -> Verdict:
    """The verdict on a message of one request."""
    message = outbound(**changes)
    try:
        (request,) = channel.render(message, by_template=False)
        # As in the service: pywa's errors must not cross this (platforms.md B7).
        with trace.get_tracer("test").start_as_current_span("send"):
            return await channel.send(message, await channel.prepare(request))
    finally:
        await channel.close()


async def test_telegram_gets_text_and_keyboard() -> None:
    async with answering(TELEGRAM_SENT) as platform:
        verdict = await sent(telegram(platform.url), text="1 < 2", choices=YES)
    assert verdict == Accepted(provider_id="12")
    head, _, body = platform.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /bot123456:AAAA/sendMessage ")
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    assert json.loads(form.pop("reply_markup")) == {
        "inline_keyboard": [[{"text": "Yes", "callback_data": "yes"}]]
    }
    assert form == {"chat_id": "42", "text": "1 < 2"}


async def test_telegram_gets_a_ticket_as_a_photo_with_caption_and_keyboard() -> None:
    async with answering(TELEGRAM_SENT) as platform:
        verdict = await sent(telegram(platform.url), document=TICKET, choices=YES)
    assert isinstance(verdict, Accepted)
    (request,) = platform.requests
    assert request.startswith(b"POST /bot123456:AAAA/sendPhoto ")
    for part in (b"Pick one", b'"callback_data": "yes"', b'filename="ticket.png"', b"\x89PNG"):
        assert part in request


@pytest.mark.parametrize(
    ("chat_id", "to"),
    [
        ("16505551234", {"to": "16505551234"}),
        ("US.13491208655302741918", {"recipient": "US.13491208655302741918"}),
        # pywa's own recognition sends this one to a group.
        ("US.1349aBcD", {"recipient": "US.1349aBcD"}),
    ],
)
async def test_whatsapp_gets_the_person_and_our_id(chat_id: str, to: dict[str, str]) -> None:
    message_id = "7a1f6b52-9f2f-4f51-a6b8-5a3b9a1f0c11"
    async with answering(WHATSAPP_SENT) as platform:
        verdict = await sent(
            whatsapp(platform.url), id=message_id, address=whatsapp_address(chat_id)
        )
    assert verdict == Accepted(provider_id="wamid.1")
    head, _, body = platform.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(f"POST /v23.0/{PHONE_ID}/messages ".encode())
    assert b"authorization: bearer token" in head.lower()
    assert json.loads(body) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "type": "text",
        **to,
        "biz_opaque_callback_data": message_id,
        "text": {"body": "Pick one", "preview_url": False},
    }


async def test_whatsapp_gets_the_picture_first_and_names_it_by_its_id() -> None:
    uploaded_and_sent = http(200, '{"id":"77","messages":[{"id":"wamid.1"}]}')
    async with answering(uploaded_and_sent) as platform:
        await sent(whatsapp(platform.url), address=whatsapp_address(), document=TICKET)
    upload, message = platform.requests
    assert upload.startswith(f"POST /v23.0/{PHONE_ID}/media ".encode())
    assert b"image/png" in upload
    body = json.loads(message.partition(b"\r\n\r\n")[2])
    assert body["image"] == {"id": "77", "caption": "Pick one"}


async def test_telegram_gets_a_calendar_entry_as_a_document() -> None:
    async with answering(TELEGRAM_SENT) as platform:
        verdict = await sent(telegram(platform.url), document=CALENDAR, choices=YES)
    assert isinstance(verdict, Accepted)
    (request,) = platform.requests
    assert request.startswith(b"POST /bot123456:AAAA/sendDocument ")
    for part in (b"Pick one", b'"callback_data": "yes"', b'filename="pycon.ics"', b"VCALENDAR"):
        assert part in request


async def test_whatsapp_gets_a_calendar_entry_as_text_with_a_name() -> None:
    """Meta takes no text/calendar: see `WhatsappRequest.upload_mime`."""
    uploaded_and_sent = http(200, '{"id":"77","messages":[{"id":"wamid.1"}]}')
    for choices in ((), YES):
        async with answering(uploaded_and_sent) as platform:
            channel, to = whatsapp(platform.url), whatsapp_address()
            await sent(channel, address=to, document=CALENDAR, choices=choices)
        upload, message = platform.requests
        assert b"text/plain" in upload
        assert b'filename="pycon.ics"' in upload
        body = json.loads(message.partition(b"\r\n\r\n")[2])
        file = {"id": "77", "filename": "pycon.ics"}
        if choices:
            assert body["interactive"]["header"] == {"type": "document", "document": file}
        else:
            assert body["document"] == {**file, "caption": "Pick one"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (http(200, '{"ok":true,"result":{"message_id":7}}'), Accepted(provider_id="7")),
        (
            http(429, '{"ok":false,"error_code":429,"parameters":{"retry_after":3}}'),
            Throttled(reason="telegram-429", after_seconds=3),
        ),
        (http(500, '{"ok":false,"error_code":500}'), Down(reason="telegram-500")),
        # aiogram takes these two for what they are not.
        (
            http(400, '{"ok":false,"error_code":400,"description":"message is not modified"}'),
            Accepted(reason="telegram-400"),
        ),
        (
            http(413, '{"ok":false,"error_code":413,"description":"Request Entity Too Large"}'),
            Failed(reason="telegram-413"),
        ),
        (http(502, "<html>"), Down(reason="telegram-502")),
        (None, Unknown(reason="telegram-no-answer")),
    ],
)
async def test_what_telegram_answers(answer: bytes | None, expected: Verdict) -> None:
    async with answering(answer) as platform:
        assert await sent(telegram(platform.url)) == expected


USAGE = json.dumps(
    {
        "102290129340398": [
            {"type": "whatsapp", "estimated_time_to_regain_access": 0},
            {"type": "messaging", "estimated_time_to_regain_access": 7},
        ]
    }
)


def meta_error(code: int) -> str:
    """Meta's shape of an error (platforms.md B6)."""
    return json.dumps(
        {"error": {"message": f"(#{code}) x", "type": "OAuthException", "code": code}}
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (http(400, meta_error(131009)), Failed(reason="whatsapp-131009")),
        (http(429, meta_error(131056)), Throttled(reason="whatsapp-131056", scope="pair")),
        (
            http(429, meta_error(130429), retry_after="2"),
            Throttled(reason="whatsapp-130429", scope="account", after_seconds=2),
        ),
        (
            # In minutes; the longest counts.
            http(400, meta_error(80007), x_business_use_case_usage=USAGE),
            Throttled(reason="whatsapp-80007", scope="account", after_seconds=7 * 60),
        ),
        (
            http(400, meta_error(80007), x_business_use_case_usage="{}"),
            Throttled(reason="whatsapp-80007", scope="account"),
        ),
        (http(502, "<html>"), Down(reason="whatsapp-502")),
        # Sent, but its id is lost: never again.
        (http(200, "{}"), Accepted()),
        (http(200, "<html>"), Unknown(reason="whatsapp-unreadable")),
        (http(400, '{"error":{"message":"no code"}}'), Unknown(reason="whatsapp-unreadable")),
        (http(400, '{"error":"a word"}'), Unknown(reason="whatsapp-unreadable")),
        (None, Unknown(reason="whatsapp-no-answer")),
    ],
)
async def test_what_whatsapp_answers(answer: bytes | None, expected: Verdict) -> None:
    async with answering(answer) as platform:
        verdict = await sent(whatsapp(platform.url), address=whatsapp_address())
    assert verdict == expected


async def test_a_platform_that_nobody_can_reach_has_certainly_not_been_told() -> None:
    assert await sent(telegram(NOWHERE)) == Down(reason="telegram-unreachable")
    verdict = await sent(whatsapp(NOWHERE), address=whatsapp_address())
    assert verdict == Down(reason="whatsapp-unreachable")


async def test_an_upload_without_an_answer_is_no_message() -> None:
    async with answering(None) as platform:
        with pytest.raises(Refused) as refused:
            await sent(whatsapp(platform.url), address=whatsapp_address(), document=TICKET)
    assert refused.value.verdict == Down(reason="whatsapp-no-answer")
