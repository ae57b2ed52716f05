"""WhatsApp's Cloud API through pywa's asynchronous client (platforms.md B7)."""

import asyncio
import json
import re
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import httpx
from pydantic import SecretStr
from pywa_async.client import WhatsApp
from pywa_async.errors import WhatsAppError

from contracts import OutboundMessage, Platform
from contracts.delivery import handle
from notifier.channel import NAME_SECONDS_MAX, PROBE_SECONDS_MAX, Refused
from notifier.codes import is_scoped
from notifier.media import Media, Shelf
from notifier.verdicts import Accepted, Down, MediaGone, Unknown, Verdict
from notifier.whatsapp_errors import TABLE, judge, look_up
from notifier.whatsapp_rendering import WhatsappRequest, render, render_template, with_media
from runtime.documents import Documents

API_VERSION = "23.0"
CONNECT_SECONDS_MAX = 5.0
ANSWER_SECONDS_MAX = 30.0
MARK_SECONDS_MAX = 5.0
"""A mark that takes longer has lost its worth."""
CONNECTIONS_MAX = 100

MEDIA_REFUSED = frozenset(
    f"whatsapp-{code}"
    for code in (
        100,  # "Param image['id'] is not a valid whatsapp business account media attachment ID"
        131009,
        131052,
        131053,
    )
)
"""How a message is refused whose upload Meta has forgotten, and some other messages too: they are
refused again when they name a fresh upload, and then that counts (platforms.md B6)."""


class WhatsappChannel:
    """One phone number of a business."""

    platform: Platform = "whatsapp"

    def __init__(
        self, phone_id: str, token: SecretStr, api_url: str, media: Documents | None = None
    ) -> None:
        """Send for this number; `media` is the bucket of what was uploaded before."""
        self.account = phone_id
        self._shelf = Shelf(self.platform, phone_id, media)
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
        )
        client = WhatsApp(
            phone_id, token.get_secret_value(), session=self._http, api_version=API_VERSION
        )
        # pywa's constructor overwrites the client's base URL, so ours is set after it.
        self._http.base_url = httpx.URL(f"{api_url.rstrip('/')}/v{API_VERSION}")
        self._api = client.api

    def render(self, message: OutboundMessage, *, by_template: bool) -> tuple[WhatsappRequest, ...]:
        """See `Channel`."""
        if by_template:
            assert message.template is not None
            choice_ids = [choice.id for choice in message.choices]
            return (render_template(message.template, message.language, choice_ids),)
        return tuple(replace(request, part=part) for part, request in enumerate(render(message)))

    async def prepare(self, request: WhatsappRequest) -> WhatsappRequest:
        """Upload what goes with the message, if anything does and the number has not."""
        if request.document is None:
            return request
        media = await self._shelf.find(request.document)
        media_id = media.media_id
        if media_id is None:
            try:
                media_id = await self._upload(media, request.upload_mime)
                self._shelf.keep(media, media_id)
            finally:
                self._shelf.give_up(media)
        return replace(
            request,
            content=with_media(request, media_id),
            document=None,
            reused=media if media.media_id else None,
        )

    async def _upload(self, media: Media, mime_type: str) -> str:
        answer = await _answer(
            self._api.upload_media(
                phone_id=self.account,
                media=media.attachment.content,
                mime_type=mime_type,
                filename=media.attachment.filename,
            )
        )
        if isinstance(answer, Unknown):
            # An upload that nobody saw harms nobody: it is simply done again.
            raise Refused(Down(reason=answer.reason))
        if isinstance(answer, Verdict):
            raise Refused(answer)
        if "id" not in answer:
            raise Refused(Down(reason="whatsapp-unreadable"))
        return str(answer["id"])

    async def send(self, message: OutboundMessage, request: WhatsappRequest) -> Verdict:
        """See `Channel`."""
        assert request.document is None, "prepare() comes first"
        chat_id = message.address.chat_id
        business_scoped = is_scoped(message.address)
        # The raw call, because pywa's own takes an id with letters for a group (B7).
        answer = await _answer(
            self._api.send_message(
                sender=self.account,
                to=None if business_scoped else chat_id,
                recipient=chat_id if business_scoped else None,
                recipient_type="individual",
                typ=request.kind,
                msg=request.content,
                # Comes back in every status of the message: the only handle after a lost answer.
                biz_opaque_callback_data=handle(message.id, request.part),
            )
        )
        if isinstance(answer, Verdict):
            if request.reused is not None and answer.reason in MEDIA_REFUSED:
                self._shelf.forget(request.reused)
                return MediaGone(reason=answer.reason)
            return answer
        try:
            return Accepted(provider_id=str(answer["messages"][0]["id"]))
        except (KeyError, IndexError, TypeError):
            # A 2xx of another shape: the message was taken, its id is lost.
            return Accepted()

    async def mark_read(self, message_id: str, *, typing: bool) -> Verdict:
        """Mark what a person wrote, and all before it, as read.

        Args:
            message_id: the platform's id of it.
            typing: show that an answer is being made, until it comes or for 25 s (B4).
        """
        call = (
            self._api.set_indicator(phone_id=self.account, message_id=message_id, typ="text")
            if typing
            else self._api.mark_message_as_read(phone_id=self.account, message_id=message_id)
        )
        try:
            async with asyncio.timeout(MARK_SECONDS_MAX):
                answer = await _answer(call)
        except TimeoutError:
            return Unknown(reason="whatsapp-no-answer")
        return answer if isinstance(answer, Verdict) else Accepted()

    async def public_name(self) -> str | None:
        """The number's digits; it is told with spaces and dashes, e.g. `+1 555-078-3881`.

        This reads the number's node, which counts among the Graph API's calls per hour, not
        among the messages per second.
        """
        try:
            async with asyncio.timeout(NAME_SECONDS_MAX):
                answer = await _answer(
                    self._api.get_business_phone_number(self.account, ("display_phone_number",))
                )
        except TimeoutError:
            return None
        if isinstance(answer, Verdict):
            return None
        return re.sub(r"\D", "", str(answer.get("display_phone_number", ""))) or None

    async def probe(self) -> Verdict:
        """Whether the token may see the number; see `public_name` for what that counts against."""
        try:
            async with asyncio.timeout(PROBE_SECONDS_MAX):
                answer = await _answer(
                    self._api.get_business_phone_number(self.account, ("id",)),
                )
        except TimeoutError:
            return Down(reason="whatsapp-no-answer")
        if isinstance(answer, Unknown):
            return Down(reason=answer.reason)
        return answer if isinstance(answer, Verdict) else Accepted()

    async def close(self) -> None:
        """See `Channel`."""
        await self._shelf.close()
        await self._http.aclose()


async def _answer(call: Awaitable[dict[str, Any]]) -> dict[str, Any] | Verdict:
    """The answer's JSON, or what its lack means.

    pywa's errors are caught here, right at the call: they are frozen dataclasses and turn into a
    TypeError when they cross a span or any other generator-made context manager (B7).
    """
    try:
        return await call
    except WhatsAppError as error:
        judged = look_up(error.code, subcode=error.subcode, http_status=error.status_code)
        TABLE.count(error.code, judged)
        return judge(
            error.code,
            subcode=error.subcode,
            http_status=error.status_code,
            retry_after_seconds=_retry_after_seconds(error.raw_response),
        )
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
        return Down(reason="whatsapp-unreachable")
    except httpx.TransportError:
        return Unknown(reason="whatsapp-no-answer")
    except (KeyError, AttributeError, TypeError, ValueError):
        # Neither JSON nor Meta's shape of an error (B6).
        return Unknown(reason="whatsapp-unreadable")


def _retry_after_seconds(response: httpx.Response | None) -> float | None:
    """What the headers ask for: `Retry-After`, which Meta does not document, or the usage report
    of the Graph API, which tells minutes (platforms.md B5).
    """
    if response is None:
        return None
    value = response.headers.get("retry-after", "")
    if value.isdigit():
        return float(value)
    return _minutes_to_regain(response.headers.get("x-business-use-case-usage", "")) * 60 or None


def _minutes_to_regain(header: str) -> float:
    """The longest wait in `{"<business id>": [{"estimated_time_to_regain_access": 7, …}]}`."""
    try:
        usages = json.loads(header)
        minutes = [
            usage.get("estimated_time_to_regain_access", 0)
            for listed in usages.values()
            for usage in listed
        ]
        return max((float(each) for each in minutes), default=0.0)
    except (ValueError, TypeError, AttributeError):
        return 0.0
