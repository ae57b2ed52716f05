"""Errors in the Bot API's form: the HTTP status is the error code."""

from __future__ import annotations

from typing import Any

PREFIXES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}

CANT_INITIATE = "bot can't initiate conversation with a user"
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the "
    "same as a current content and reply markup of the message"
)
QUERY_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


class TelegramError(Exception):
    """A refused call: code, whole description, and `parameters` where the API gives them."""

    def __init__(
        self,
        code: int,
        description: str,
        parameters: dict[str, Any] | None = None,
        *,
        over_limit: bool = False,
    ) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters
        self.over_limit = over_limit

    @property
    def retry_after(self) -> int | None:
        """Seconds to wait, which the server also sends as the header `Retry-After`."""
        return (self.parameters or {}).get("retry_after")

    def as_json(self) -> dict[str, Any]:
        """The body of the answer."""
        body: dict[str, Any] = {
            "ok": False,
            "error_code": self.code,
            "description": self.description,
        }
        if self.parameters:
            body["parameters"] = self.parameters
        return body


def bad_request(message: str) -> TelegramError:
    """400. The server lowers the first letter of TDLib's message, except before an upper-case
    letter or `_` (telegram-bot-api, fail_query_with_error), so BUTTON_DATA_INVALID stays.
    """
    if len(message) < 2 or not (message[1].isupper() or message[1] == "_"):
        message = message[:1].lower() + message[1:]
    return TelegramError(400, f"Bad Request: {message}")


def forbidden(message: str) -> TelegramError:
    """403: the person does not want, or cannot get, messages of the bot."""
    return TelegramError(403, f"Forbidden: {message}")


def too_many_requests(retry_after: int, *, over_limit: bool = False) -> TelegramError:
    """429 with `retry_after` in seconds, in the body as in the header."""
    return TelegramError(
        429,
        f"Too Many Requests: retry after {retry_after}",
        {"retry_after": retry_after},
        over_limit=over_limit,
    )


def error_of_code(code: int, retry_after: int) -> TelegramError:
    """The most usual error of a code, for faults."""
    if code == 429:
        return too_many_requests(retry_after)
    usual = {
        400: "chat not found",
        403: "bot was blocked by the user",
        404: "method not found",
        409: "terminated by other setWebhook",
    }
    prefix = PREFIXES.get(code, "Internal Server Error")
    detail = usual.get(code)
    return TelegramError(code, f"{prefix}: {detail}" if detail else prefix)
