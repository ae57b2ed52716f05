"""Telegram through aiogram's `Bot` (platforms.md A8)."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import aiohttp
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import ClientDecodeError, TelegramAPIError, TelegramNetworkError
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import (
    BufferedInputFile,
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
)
from pydantic import SecretStr

from contracts import OutboundMessage, Platform
from notifier.channel import NAME_SECONDS_MAX, PROBE_SECONDS_MAX
from notifier.media import Media, Shelf
from notifier.telegram_errors import TABLE, judge, look_up
from notifier.telegram_rendering import TelegramRequest, render
from notifier.verdicts import Accepted, Down, Failed, MediaGone, Unknown, Verdict
from runtime.accounts import telegram_account
from runtime.documents import Documents

CALL_SECONDS_MAX = 60.0
"""Telegram itself waits through floods of up to 8 s before it answers (A5); a shorter limit would
make sends of unknown outcome out of slow ones."""


class TelegramChannel:
    """One bot."""

    platform: Platform = "telegram"

    def __init__(
        self,
        token: SecretStr,
        api_url: str,
        media: Documents | None = None,
        *,
        paid_broadcast: bool = False,
    ) -> None:
        """Send for this bot.

        Args:
            token: its own.
            api_url: where the Bot API is.
            media: the bucket of what was uploaded before.
            paid_broadcast: send up to 1000 a second for a fee (platforms.md A5). Every message says
                so, replies too: they share one limit, and one without it would be refused while a
                broadcast goes out.
        """
        self.account = telegram_account(token)
        # None is left out of a call.
        self._paid = True if paid_broadcast else None
        self._shelf = Shelf(self.platform, self.account, media)
        session = _Session(api=TelegramAPIServer.from_base(api_url), timeout=CALL_SECONDS_MAX)
        self._bot = Bot(token.get_secret_value(), session=session)

    def render(self, message: OutboundMessage, *, by_template: bool) -> tuple[TelegramRequest, ...]:
        """See `Channel`; Telegram knows neither windows nor templates."""
        assert not by_template
        return render(message)

    async def prepare(self, request: TelegramRequest) -> TelegramRequest:
        """Draw what goes with the message, or find what it was called when it was uploaded."""
        if request.document is None:
            return request
        return replace(request, document=None, media=await self._shelf.find(request.document))

    def drop(self, request: TelegramRequest) -> None:
        """See `Drops`: here a document is uploaded by the message that it goes with."""
        if request.media is not None:
            self._shelf.give_up(request.media)

    async def send(self, message: OutboundMessage, request: TelegramRequest) -> Verdict:
        """See `Channel`."""
        assert request.document is None, "prepare() comes first"
        try:
            return await self._send(message.address.chat_id, request)
        finally:
            self.drop(request)

    async def _send(self, chat_id: str, request: TelegramRequest) -> Verdict:
        media = request.media and self._shelf.latest(request.media)
        try:
            sent = await self._call(chat_id, request, media)
        except _Answered as answer:
            verdict = answer.verdict
            if isinstance(verdict, MediaGone):
                if media is None or media.media_id is None:
                    return Failed(reason=verdict.reason)
                self._shelf.forget(media)
            return verdict
        except TelegramNetworkError as error:
            if isinstance(error.__cause__, aiohttp.ClientConnectorError):
                return Down(reason="telegram-unreachable")
            return Unknown(reason="telegram-no-answer")
        if media is not None and media.media_id is None and (file_id := _file_id(sent)):
            self._shelf.keep(media, file_id)
        return Accepted(provider_id=str(sent.message_id))

    async def _call(self, chat_id: str, request: TelegramRequest, media: Media | None) -> Message:
        keyboard = _markup(request)
        if media is None:
            return await self._bot.send_message(
                chat_id, request.text, reply_markup=keyboard, allow_paid_broadcast=self._paid
            )
        file: str | BufferedInputFile = media.media_id or BufferedInputFile(
            media.attachment.content, media.attachment.filename
        )
        caption = request.text or None
        send = (
            self._bot.send_photo if media.attachment.kind == "picture" else self._bot.send_document
        )
        return await send(
            chat_id, file, caption=caption, reply_markup=keyboard, allow_paid_broadcast=self._paid
        )

    async def public_name(self) -> str | None:
        """The bot's username; the Bot API limits messages, not getMe (platforms.md A5)."""
        try:
            async with asyncio.timeout(NAME_SECONDS_MAX):
                return (await self._bot.get_me()).username
        except (_Answered, TelegramNetworkError, TimeoutError):
            return None

    async def probe(self) -> Verdict:
        """Whether the token is good; the Bot API limits messages, not getMe."""
        try:
            async with asyncio.timeout(PROBE_SECONDS_MAX):
                await self._bot.get_me()
        except _Answered as answer:
            return answer.verdict
        except (TelegramNetworkError, TimeoutError):
            return Down(reason="telegram-no-answer")
        return Accepted()

    async def close(self) -> None:
        """See `Channel`."""
        await self._shelf.close()
        await self._bot.session.close()


class _Answered(Exception):
    """An answer that aiogram would not give us as a message."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class _Session(AiohttpSession):
    """Reads refusals itself.

    aiogram's own reading loses the HTTP status of a proxy's answer, dies with a TypeError at a
    500 without a description, and takes a sent message that it cannot parse for a failure (A8).
    """

    def check_response(
        self, bot: Bot, method: TelegramMethod[TelegramType], status_code: int, content: str
    ) -> Response[TelegramType]:
        verdict = read_answer(status_code, content)
        if not isinstance(verdict, Accepted):
            raise _Answered(verdict)
        try:
            return super().check_response(bot, method, status_code, content)
        except (ClientDecodeError, TelegramAPIError) as error:
            # Sent, in a form that aiogram does not know; or a refusal that changes nothing.
            raise _Answered(verdict) from error


def read_answer(http_status: int, content: str) -> Verdict:
    """The verdict on an HTTP answer of the Bot API or of a proxy before it."""
    try:
        answer: Any = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or "ok" not in answer:
        # Not Telegram's words. 504 says that a server behind had the request and gave no answer;
        # a 2xx that nobody can read may as well have been sent.
        if http_status == 504 or http_status < 400:
            return Unknown(reason=f"telegram-{http_status}")
        return _refused(http_status, "", {})
    if answer["ok"] is True and http_status < 300:
        result = answer.get("result")
        sent_id = result.get("message_id") if isinstance(result, dict) else None
        return Accepted(provider_id=None if sent_id is None else str(sent_id))
    code, parameters = answer.get("error_code"), answer.get("parameters")
    return _refused(
        code if isinstance(code, int) else http_status,
        str(answer.get("description") or ""),
        parameters if isinstance(parameters, dict) else {},
    )


def _refused(code: int, description: str, parameters: dict[str, Any]) -> Verdict:
    TABLE.count(code, look_up(code, description))
    retry_after = parameters.get("retry_after")
    migrate_to_chat_id = parameters.get("migrate_to_chat_id")
    return judge(
        code,
        description,
        float(retry_after) if isinstance(retry_after, int) else None,
        migrate_to_chat_id if isinstance(migrate_to_chat_id, int) else None,
    )


def _file_id(sent: Message) -> str | None:
    """What Telegram calls the file of a message; of a picture's sizes the last is the largest."""
    if sent.photo:
        return sent.photo[-1].file_id
    return sent.document.file_id if sent.document else None


def _markup(request: TelegramRequest) -> InlineKeyboardMarkup | None:
    rows = [
        [InlineKeyboardButton(text=label, callback_data=data) for label, data in row]
        for row in request.keyboard
    ]
    if request.copies is not None:
        label, what = request.copies
        rows.append([InlineKeyboardButton(text=label, copy_text=CopyTextButton(text=what))])
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None
