"""The real client libraries against the simulator: what they parse, and what they raise."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Update,
)
from pywa_async import WhatsApp
from pywa_async.errors import (
    InvalidParameter,
    RateLimitHit,
    TemplateNotExists,
    TooManyMessages,
    WhatsAppError,
)
from pywa_async.types import Button, Section, SectionList, SectionRow
from pywa_async.types.templates import BodyText, TemplateLanguage
from simulator_driver import TOKEN, WA, App, Driver, until

KEYBOARD = InlineKeyboardMarkup(
    inline_keyboard=[[InlineKeyboardButton(text="Yes", callback_data="y")]]
)
REMINDER = BodyText("Напоминание: {{1}} начнётся {{2}}, {{3}}.", "a", "b", "c")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(30)


@pytest.fixture
async def bot(served: Driver) -> AsyncIterator[Bot]:
    api = TelegramAPIServer.from_base(str(served.http.base_url))
    found = Bot(TOKEN, session=AiohttpSession(api=api))
    yield found
    await found.session.close()


@pytest.fixture
async def wa(served: Driver) -> AsyncIterator[WhatsApp]:
    async with httpx.AsyncClient() as session:
        found = WhatsApp(WA.phone_id, WA.token, session=session, waba_id=WA.waba_id)
        session.base_url = httpx.URL(f"{str(served.http.base_url).rstrip('/')}/v23.0")
        yield found


async def test_aiogram_sends_edits_and_sets_up(served: Driver, app: App, bot: Bot) -> None:
    me = await bot.get_me()
    assert me.username == "turnout_demo_bot"
    await bot.set_my_commands([BotCommand(command="start", description="Begin")])
    assert await bot.set_webhook(
        f"{app.url}/telegram", secret_token="s", allowed_updates=["message", "callback_query"]
    )
    assert (await bot.get_webhook_info()).allowed_updates == ["message", "callback_query"]
    ann = await served.person("telegram")

    sent = await bot.send_message(ann, "<b>Pick</b>", parse_mode="HTML", reply_markup=KEYBOARD)
    assert sent.entities is not None
    assert sent.entities[0].type == "bold"
    assert sent.reply_markup is not None
    assert sent.reply_markup.model_dump() == KEYBOARD.model_dump()
    await served.act("telegram", ann, "tap", label="Yes")
    await until(lambda: len(app.updates) == 2)
    updates = [Update.model_validate(update) for update in app.updates]
    query = updates[1].callback_query
    assert query is not None
    assert query.message is not None
    assert query.message.message_id == sent.message_id
    assert await bot.answer_callback_query(query.id, text="Thanks")
    edited = await bot.edit_message_text("Picked", chat_id=ann, message_id=sent.message_id)
    assert not isinstance(edited, bool)
    assert (edited.text, edited.reply_markup) == ("Picked", None)
    document = await bot.send_document(ann, BufferedInputFile(PNG, "ticket.png"), caption="Yours")
    assert document.document is not None
    assert document.document.mime_type == "image/png"
    file = await bot.get_file(document.document.file_id)
    assert file.file_path is not None
    content = await bot.download_file(file.file_path)
    assert content is not None
    assert content.read() == PNG
    assert await bot.delete_webhook()


async def test_aiogram_raises_what_its_notifier_branches_on(served: Driver, bot: Bot) -> None:
    ann = await served.person("telegram")
    sent = await bot.send_message(ann, "x")
    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await bot.edit_message_text("x", chat_id=ann, message_id=sent.message_id)
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await bot.send_message(1, "x")
    with pytest.raises(TelegramBadRequest, match="message text is empty"):
        await bot.send_message(ann, "")
    with pytest.raises(TelegramEntityTooLarge):
        await bot.send_photo(ann, BufferedInputFile(bytes(10 * 1024 * 1024 + 1), "big.png"))
    await served.act("telegram", ann, "block")
    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await bot.send_message(ann, "x")
    ben = await served.person("telegram")
    await served.fault("telegram", "429", count=1, retry_after=7)
    with pytest.raises(TelegramRetryAfter) as flood:
        await bot.send_message(ben, "x")
    assert flood.value.retry_after == 7
    for kind, expected in (
        ("500", TelegramServerError),
        ("drop_response", TelegramNetworkError),
        ("unauthorized", TelegramUnauthorizedError),
    ):
        await served.fault("telegram", kind, count=1)
        with pytest.raises(expected):
            await bot.send_message(ben, "x")


async def test_pywa_sends_every_form_we_use(served: Driver, wa: WhatsApp) -> None:
    vera = await served.person("whatsapp", says="hi")
    text = await wa.send_message(vera, "hello", tracker="ob_1")
    await wa.send_message(vera, "Pick", buttons=[Button("Yes", "y"), Button("No", "n")])
    rows = [SectionRow("PyCon", "r1", "in Berlin")]
    await wa.send_message(vera, "Which?", buttons=SectionList("Open", [Section("Events", rows)]))
    media = await wa.upload_media(PNG, mime_type="image/png", filename="ticket.png")
    assert media is not None
    await wa.send_image(vera, media, caption="Your ticket")
    await wa.send_document(vera, media, filename="ticket.png")
    await wa.send_template(
        vera,
        "event_reminder",
        TemplateLanguage.RUSSIAN,
        [REMINDER.params("PyCon", "завтра", "Берлин")],  # type: ignore[arg-type]  # pywa mistypes it
    )
    chat = await served.chat("whatsapp", vera)
    assert await wa.indicate_typing(chat[0]["id"])

    assert text.id == chat[1]["id"]
    assert [entry["kind"] for entry in chat[1:]] == [
        *("text", "buttons", "list", "image", "document", "template")
    ]
    assert chat[-1]["text"] == "Напоминание: PyCon начнётся завтра, Берлин."
    [read] = [line for line in await served.ledger() if line["method"] == "typing"]
    assert read["outcome"] == "accepted"
    sends = [line for line in await served.ledger() if line["method"] == "messages"]
    assert sends[0]["opaque"] == "ob_1"


async def test_pywa_reads_media_and_templates(served: Driver, wa: WhatsApp) -> None:
    media = await wa.upload_media(PNG, mime_type="image/png", filename="ticket.png")
    assert media is not None
    url = await wa.get_media_url(media.id)
    assert (url.mime_type, url.file_size) == ("image/png", len(PNG))
    assert await wa.get_media_bytes(url.url) == PNG
    templates = await wa.get_templates()
    assert {template.name for template in templates} >= {"event_reminder", "seat_offer"}


async def test_pywa_reads_the_number_as_the_graph_api_tells_it(wa: WhatsApp) -> None:
    phone_id = str(wa.phone_id)
    number = await wa.api.get_business_phone_number(phone_id, ("display_phone_number",))
    assert number == {"display_phone_number": "+1 555-078-3881", "id": phone_id}
    assert "verified_name" in await wa.api.get_business_phone_number(phone_id)
    with pytest.raises(WhatsAppError, match="nonexisting field"):
        await wa.api.get_business_phone_number(phone_id, ("shoe_size",))


async def test_pywa_reaches_people_by_user_id(served: Driver, wa: WhatsApp) -> None:
    answer = await served.http.post(
        "/sim/people", json={"platform": "whatsapp", "identity": "bsuid+username"}
    )
    person = answer.json()
    await served.act("whatsapp", person["id"], "say", text="hi")
    await wa.send_message(person["user_id"], "hello")
    assert (await served.chat("whatsapp", person["id"]))[-1]["text"] == "hello"


async def test_pywa_raises_what_its_notifier_branches_on(served: Driver, wa: WhatsApp) -> None:
    vera = await served.person("whatsapp", says="hi")
    with pytest.raises(InvalidParameter):
        await wa.send_message(vera, "Pick", buttons=[Button("x" * 21, "y")])
    with pytest.raises(TemplateNotExists):
        await wa.send_template(vera, "nothing", TemplateLanguage.ENGLISH_US, [])
    for code, expected in ((130429, RateLimitHit), (131056, TooManyMessages)):
        await served.fault("whatsapp", "429", count=1, code=code)
        with pytest.raises(expected):
            await wa.send_message(vera, "x")
    await served.fault("whatsapp", "unauthorized", count=1)
    with pytest.raises(WhatsAppError) as refused:
        await wa.send_message(vera, "x")
    assert refused.value.code == 190
    await served.fault("whatsapp", "drop_response", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await wa.send_message(vera, "x")
