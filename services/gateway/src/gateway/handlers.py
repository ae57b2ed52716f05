"""The doors: who may come in, and what the platform is told."""

from collections.abc import Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from contracts import Platform
from gateway import telegram, whatsapp
from gateway.accounts import Accounts, WhatsAppApp
from gateway.bodies import Refused, read_body
from gateway.intake import Intake
from gateway.signatures import is_secret, is_signed
from runtime.clock import Clock
from runtime.failures import Unavailable
from runtime.faults import broken
from runtime.live import Live
from runtime.metrics import counter

TELEGRAM_SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - its name, no secret
WHATSAPP_SIGNATURE_HEADER = "X-Hub-Signature-256"
RETRY_AFTER_SECONDS = 5
"""Telegram keeps to it; WhatsApp has a plan of its own (platforms.md A2, B2)."""

_webhooks = counter(
    "turnout_webhooks_total",
    "Webhooks by how they were answered.",
    ("platform", "result"),
)


class Doors:
    """The two platforms' endpoints."""

    def __init__(self, accounts: Live[Accounts], intake: Intake, clock: Clock) -> None:
        self._accounts = accounts
        self._intake = intake
        self._clock = clock

    def routes(self) -> APIRouter:
        """The endpoints as FastAPI knows them."""
        router = APIRouter()
        # Requests are read by hand: the framework's parsing would answer 422 where 401 is meant.
        router.add_api_route("/telegram", self.telegram_default, methods=["POST"])
        router.add_api_route("/telegram/{account}", self.telegram, methods=["POST"])
        router.add_api_route("/whatsapp", self.whatsapp, methods=["POST"])
        router.add_api_route("/whatsapp", self.whatsapp_handshake, methods=["GET"])
        return router

    async def telegram_default(self, request: Request) -> Response:
        """Take an update for the only bot, or the first of several."""
        return await self.telegram(request, self._accounts.current.telegram_default or "")

    async def telegram(self, request: Request, account: str) -> Response:
        """Take an update; any 2xx tells Telegram that we have it."""
        return await _answered("telegram", self._take_update(request, account))

    async def whatsapp(self, request: Request) -> Response:
        """Take a batch; only 200 tells WhatsApp that we have it."""
        return await _answered("whatsapp", self._take_notification(request))

    async def whatsapp_handshake(self, request: Request) -> Response:
        """Prove to Meta that this address is ours, by the token that we agreed upon."""
        return await _answered("whatsapp", self._shake_hands(request))

    async def _take_update(self, request: Request, account: str) -> Response:
        secrets = self._accounts.current.telegram.get(account)
        if secrets is None:
            raise Refused(404, "unknown-account")
        # Before the body is read: whoever has no secret sends us nothing.
        if not broken("signature"):
            _check(is_secret(_header(request, TELEGRAM_SECRET_HEADER), secrets))
        body = await read_body(request)
        reading = telegram.read(body, account, self._clock.now())
        await self._intake.store("telegram", reading, body)
        if reading.callback_query_id is None:
            return Response(status_code=200)
        # One call may ride on the answer, and it saves the tap a way through the chain.
        return JSONResponse(
            {
                "method": "answerCallbackQuery",
                "callback_query_id": reading.callback_query_id,
            }
        )

    async def _take_notification(self, request: Request) -> Response:
        apps = self._apps()
        checked = not broken("signature")
        signature = _header(request, WHATSAPP_SIGNATURE_HEADER) if checked else b""
        body = await read_body(request)
        if checked:
            # Who has signed decides for whom it speaks: an app knows nothing of another's numbers.
            apps = tuple(app for app in apps if is_signed(body, signature, app.app_secrets))
            _check(bool(apps))
        phone_ids = frozenset().union(*(app.phone_ids for app in apps))
        reading = whatsapp.read(body, phone_ids, self._clock.now())
        await self._intake.store("whatsapp", reading, body)
        return Response(status_code=200)

    async def _shake_hands(self, request: Request) -> Response:
        query = request.query_params
        token = query.get("hub.verify_token", "").encode("utf-8", "replace")
        challenge = query.get("hub.challenge")
        if (
            query.get("hub.mode") != "subscribe"
            or challenge is None
            or not is_secret(token, self._verify_tokens())
        ):
            raise Refused(403, "forged")
        return PlainTextResponse(challenge)

    def _apps(self) -> tuple[WhatsAppApp, ...]:
        apps = self._accounts.current.whatsapp
        if not apps:
            raise Refused(404, "unknown-account")
        return apps

    def _verify_tokens(self) -> tuple[bytes, ...]:
        tokens = self._accounts.current.verify_tokens
        if not tokens:
            raise Refused(404, "unknown-account")
        return tokens


async def _answered(platform: Platform, taking: Coroutine[Any, Any, Response]) -> Response:
    try:
        response, result = await taking, "accepted"
    except Refused as refusal:
        response, result = Response(status_code=refusal.status), refusal.result
    except Unavailable:
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        response, result = Response(status_code=503, headers=headers), "unavailable"
    _webhooks.labels(platform=platform, result=result).inc()
    return response


def _check(authentic: bool) -> None:
    if not authentic:
        raise Refused(403, "forged")


def _header(request: Request, name: str) -> bytes:
    """The header's octets.

    Raises:
        Refused: there is none.
    """
    value = request.headers.get(name)
    if value is None:
        raise Refused(401, "unsigned")
    # Headers are octets; the server hands them over as latin-1, so nothing is lost on the way.
    return value.encode("latin-1")
