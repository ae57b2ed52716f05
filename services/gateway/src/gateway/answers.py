"""What a platform is told, as the server takes it."""

from dataclasses import dataclass, field

from pydantic_core import to_json
from starlette.types import Message, Send

RETRY_AFTER_SECONDS = 2
"""Telegram keeps to it; WhatsApp has a plan of its own (platforms.md A2, B2).

Short, because it is what people wait for after an outage, and cheap: of a backlog Telegram tries
only two chats per connection (telegram-bot-api, WebhookActor.cpp), which is 40 posts a second from
a bot with the usual 40 connections, however many updates stand behind them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response that is made once and sent often."""

    status: int
    body: bytes = b""
    content_type: bytes | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    _start: Message = field(init=False, repr=False)
    _body: Message = field(init=False, repr=False)

    def __post_init__(self) -> None:
        headers = [(b"content-length", str(len(self.body)).encode()), *self.headers]
        if self.content_type is not None:
            headers.append((b"content-type", self.content_type))
        start = {"type": "http.response.start", "status": self.status, "headers": headers}
        object.__setattr__(self, "_start", start)
        object.__setattr__(self, "_body", {"type": "http.response.body", "body": self.body})

    async def send(self, send: Send) -> None:
        """Send it."""
        await send(self._start)
        await send(self._body)


TAKEN = Answer(200)
UNAVAILABLE = Answer(503, headers=((b"retry-after", str(RETRY_AFTER_SECONDS).encode()),))


def refusal(status: int) -> Answer:
    """The answer to what is not taken."""
    return _REFUSALS.get(status) or Answer(status)


def not_allowed(*methods: str) -> Answer:
    """The answer to another method than these."""
    return Answer(405, headers=((b"allow", ", ".join(methods).encode()),))


def text(body: bytes) -> Answer:
    """A text as it is; browsers must not take it for a page."""
    return Answer(
        200, body, b"text/plain; charset=utf-8", headers=((b"x-content-type-options", b"nosniff"),)
    )


def tap_answered(callback_query_id: str) -> Answer:
    """The answer to an update that also answers its callback query (platforms.md A2)."""
    call = {"method": "answerCallbackQuery", "callback_query_id": callback_query_id}
    return Answer(200, to_json(call), b"application/json")


_REFUSALS = {
    503: UNAVAILABLE,
    **{status: Answer(status) for status in (400, 401, 403, 404, 413)},
}
