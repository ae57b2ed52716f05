"""What the doors take and say, for the OpenAPI: they are no routes of FastAPI's."""

from typing import Any

from fastapi import FastAPI

from gateway.answers import RETRY_AFTER_SECONDS
from gateway.bodies import BODY_BYTES_MAX
from gateway.handlers import TELEGRAM_SECRET_HEADER, WHATSAPP_SIGNATURE_HEADER

_ANSWERS = {
    "200": "Stored: it need not be sent again.",
    "400": "This is not HTTP as we understand it.",
    "401": "Nothing proves where it comes from.",
    "403": "What should prove where it comes from is wrong.",
    "404": "No account of ours.",
    "408": "The request took too long to arrive.",
    "413": f"The body is longer than {BODY_BYTES_MAX} bytes.",
    "431": "The head is too long.",
}
_UNAVAILABLE = {
    "description": "Not stored: send it again.",
    "headers": {
        "Retry-After": {
            "description": "In seconds.",
            "required": True,
            "schema": {"type": "integer", "const": RETRY_AFTER_SECONDS},
        }
    },
}


def describe(app: FastAPI) -> None:
    """Add the doors to what `/openapi.json` says."""
    schema = app.openapi()
    schema.setdefault("paths", {}).update(
        {
            "/telegram": {"post": _update()},
            "/telegram/{account}": {"post": _update() | {"parameters": _account_and_secret()}},
            "/whatsapp": {"get": _handshake(), "post": _notification()},
        }
    )


def _answers(*statuses: str) -> dict[str, Any]:
    return {
        **{status: {"description": _ANSWERS[status]} for status in statuses},
        "503": _UNAVAILABLE,
    }


def _body(described: str) -> dict[str, Any]:
    # An object, and no more is promised: what is authentic is taken whatever it holds.
    schema = {"type": "object"}
    return {
        "description": described,
        "required": True,
        "content": {"application/json": {"schema": schema}},
    }


def _header(name: str, pattern: str, described: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": described,
        "schema": {"type": "string", "pattern": pattern},
    }


def _secret() -> dict[str, Any]:
    return _header(
        TELEGRAM_SECRET_HEADER, "^[A-Za-z0-9_-]{1,256}$", "The `secret_token` of `setWebhook`."
    )


def _account_and_secret() -> list[dict[str, Any]]:
    account = {
        "name": "account",
        "in": "path",
        "required": True,
        "description": "The bot's id.",
        "schema": {"type": "string"},
    }
    return [account, _secret()]


def _update() -> dict[str, Any]:
    answer = {
        "type": "object",
        "required": ["method", "callback_query_id"],
        "properties": {
            "method": {"const": "answerCallbackQuery"},
            "callback_query_id": {"type": "string"},
        },
    }
    responses = _answers("200", "400", "401", "403", "404", "408", "413", "431")
    responses["200"] = {
        "description": f"{_ANSWERS['200']} The answer to a tap rides on it.",
        "content": {"application/json": {"schema": answer}},
    }
    return {
        "summary": "An update of Telegram's",
        "parameters": [_secret()],
        "requestBody": _body("One `Update`."),
        "responses": responses,
    }


def _notification() -> dict[str, Any]:
    signature = _header(
        WHATSAPP_SIGNATURE_HEADER,
        "^sha256=[0-9a-f]{64}$",
        "HMAC-SHA256 of the body's octets under the app secret.",
    )
    return {
        "summary": "A notification of WhatsApp's",
        "parameters": [signature],
        "requestBody": _body("Up to 1,000 items."),
        "responses": _answers("200", "400", "401", "403", "404", "408", "413", "431"),
    }


def _handshake() -> dict[str, Any]:
    parameters = [
        {
            "name": name,
            "in": "query",
            "required": True,
            "description": described,
            "schema": {"type": "string"},
        }
        for name, described in (
            ("hub.mode", "`subscribe`."),
            ("hub.verify_token", "The token that we agreed upon."),
            ("hub.challenge", "What to answer."),
        )
    ]
    responses = _answers("200", "400", "403", "404", "408", "431")
    responses["200"] = {
        "description": "The challenge.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
    del responses["503"]
    return {
        "summary": "WhatsApp asks whether this address is ours",
        "parameters": parameters,
        "responses": responses,
    }
