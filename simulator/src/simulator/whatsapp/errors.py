"""Errors in the Graph API's form. The number that matters is `code`, not the HTTP status."""

from __future__ import annotations

import random
import string
from typing import Any

TITLES = {
    0: ("AuthException", 401),
    1: ("API Unknown", 400),
    2: ("API Service", 503),
    4: ("API Too Many Calls", 400),
    10: ("Permission Denied", 403),
    33: ("Parameter value is not valid", 400),
    100: ("Invalid parameter", 400),
    190: ("Access token has expired", 401),
    368: ("Temporarily blocked for policies violations", 403),
    80007: ("Rate limit issues", 400),
    130429: ("Rate limit hit", 429),
    130472: ("User's number is part of an experiment", 400),
    131000: ("Something went wrong", 500),
    131005: ("Access denied", 403),
    131008: ("Required parameter is missing", 400),
    131009: ("Parameter value is not valid", 400),
    131016: ("Service unavailable", 500),
    131021: ("Recipient cannot be sender", 400),
    131026: ("Message undeliverable", 400),
    131031: ("Account has been locked", 403),
    131042: ("Business eligibility payment issue", 400),
    131047: ("Re-engagement message", 400),
    131048: ("Spam rate limit hit", 429),
    131049: ("Message failed to be delivered to maintain healthy ecosystem engagement", 400),
    131051: ("Unsupported message type", 400),
    131052: ("Media download error", 400),
    131053: ("Media upload error", 400),
    131056: ("(Business Account, Consumer Account) pair rate limit hit", 400),
    131057: ("Account in maintenance mode", 500),
    131062: ("Business-scoped user id recipients are not supported for this message", 400),
    132000: ("Number of parameters does not match the expected number of params", 400),
    132001: ("Template name does not exist in the translation", 404),
    132005: ("Translated text too long", 400),
    132012: ("Parameter format does not match format in the created template", 400),
    132015: ("Template is paused", 400),
    132016: ("Template is disabled", 400),
    133004: ("Server temporarily unavailable", 503),
    133010: ("Phone number not registered", 400),
    135000: ("Generic user error", 400),
}

DETAILS = {
    130429: "Message failed to send because there were too many messages sent from this phone "
    "number in a short period of time",
    131021: "Sender and recipient phone number is the same.",
    131026: "Message Undeliverable.",
    131047: "Message failed to send because more than 24 hours have passed since the customer "
    "last replied to this number.",
    131051: "Message type is currently not supported.",
    131053: "Media upload error.",
    131056: "Message failed to send because there were too many messages sent from this phone "
    "number to the same phone number in a short period of time.",
}

ERROR_CODES_HREF = "/documentation/business-messaging/whatsapp/support/error-codes"
UNREADABLE_TOKEN = "Invalid OAuth access token - Cannot parse access token"  # noqa: S105 - a text


class GraphError(Exception):
    """A refused call: code, message, and details where the API gives them."""

    def __init__(
        self,
        code: int,
        message: str | None = None,
        details: str | None = None,
        *,
        http_status: int | None = None,
        error_type: str = "OAuthException",
        subcode: int | None = None,
        user_message: str | None = None,
        retry_after: int | None = None,
        over_limit: bool = False,
    ) -> None:
        title, usual_status = TITLES.get(code, ("Unknown error", 400))
        self.code = code
        self.message = message or f"(#{code}) {title}"
        self.details = details if details is not None else DETAILS.get(code)
        self.http_status = http_status or usual_status
        self.error_type = error_type
        self.subcode = subcode
        self.user_message = user_message
        self.retry_after = retry_after
        self.over_limit = over_limit
        super().__init__(self.message)

    def as_json(self, rng: random.Random) -> dict[str, Any]:
        """The body of the answer."""
        error: dict[str, Any] = {
            "message": self.message,
            "type": self.error_type,
            "code": self.code,
        }
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.user_message is not None:
            # A sentence for whoever manages the account; the management API alone has it.
            error["error_user_msg"] = self.user_message
        if self.details is not None:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        error["fbtrace_id"] = "A" + "".join(rng.choices(string.ascii_letters + string.digits, k=22))
        return {"error": error}


def invalid_parameter(message: str) -> GraphError:
    """100: a parameter that the Graph API itself refuses."""
    return GraphError(100, f"(#100) {message}")


def invalid_value(details: str) -> GraphError:
    """131009: a parameter that WhatsApp refuses."""
    return GraphError(131009, details=details)


def missing_parameter(details: str) -> GraphError:
    """131008: a parameter that WhatsApp misses."""
    return GraphError(131008, details=details)


def invalid_token() -> GraphError:
    """190 in the form that comes without `error_data`."""
    return GraphError(190, UNREADABLE_TOKEN)


def no_such_object(object_id: str) -> GraphError:
    """100 with subcode 33: an id that does not exist or that the token may not see."""
    return GraphError(
        100,
        f"Unsupported post request. Object with ID '{object_id}' does not exist, cannot be "
        "loaded due to missing permissions, or does not support this operation. Please read the "
        "Graph API documentation at https://developers.facebook.com/docs/graph-api",
        error_type="GraphMethodException",
        subcode=33,
    )


def webhook_error(code: int) -> dict[str, Any]:
    """An error inside a `failed` status: title and message come without the `(#code)` prefix."""
    title, _ = TITLES.get(code, ("Unknown error", 400))
    error: dict[str, Any] = {"code": code, "title": title, "message": title}
    if code in DETAILS:
        error["error_data"] = {"details": DETAILS[code]}
    return error | {"href": ERROR_CODES_HREF}
