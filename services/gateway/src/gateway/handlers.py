"""The doors: who may come in, and what the platform is told."""

import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import structlog
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from contracts import Platform
from gateway import answers, telegram, whatsapp
from gateway.accounts import Accounts, WhatsAppApp
from gateway.answers import Answer
from gateway.bodies import Body, header
from gateway.intake import Intake
from gateway.limits import Room
from gateway.reading import Reading
from gateway.refusals import Refused
from gateway.signatures import is_secret, is_signed
from runtime.clock import Clock
from runtime.failures import Unavailable
from runtime.faults import broken
from runtime.live import Live
from runtime.metrics import counter

TELEGRAM_SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - its name, no secret
WHATSAPP_SIGNATURE_HEADER = "X-Hub-Signature-256"
_TELEGRAM_SECRET = TELEGRAM_SECRET_HEADER.lower().encode()
_WHATSAPP_SIGNATURE = WHATSAPP_SIGNATURE_HEADER.lower().encode()
_TELEGRAM, _WHATSAPP = "/telegram", "/whatsapp"

log = structlog.get_logger()

_webhooks = counter(
    "turnout_webhooks_total",
    "Webhooks by how they were answered.",
    ("platform", "result"),
)
_by_previous = counter(
    "turnout_webhooks_by_previous_secret_total",
    "Authentic webhooks that only the previous secret proves; it is still needed while this rises.",
    ("platform",),
)


class Doors:
    """The two platforms' endpoints, in front of the application that has all others.

    Plain ASGI: FastAPI's way to a route takes longer than all that happens behind these two, and
    it has nothing to do here, for requests are read by hand. `openapi.py` describes them.
    """

    def __init__(
        self, app: FastAPI, accounts: Live[Accounts], intake: Intake, clock: Clock
    ) -> None:
        self.state = app.state
        self._app = app
        self._live_accounts = accounts
        self._intake = intake
        self._clock = clock
        self._telegram_room = Room("telegram")
        self._whatsapp_room = Room("whatsapp")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith(_TELEGRAM) and path[len(_TELEGRAM) :][:1] in ("", "/"):
            if scope["method"] != "POST":
                answer = _refused("telegram", "method", answers.not_allowed("POST"))
            else:
                account = path[len(_TELEGRAM) + 1 :] or self._accounts.telegram_default or ""
                answer = await _answered("telegram", self._take_update(scope, receive, account))
        elif path == _WHATSAPP:
            if scope["method"] == "POST":
                answer = await _answered("whatsapp", self._take_notification(scope, receive))
            elif scope["method"] == "GET":
                answer = await _answered("whatsapp", self._shake_hands(scope))
            else:
                answer = _refused("whatsapp", "method", answers.not_allowed("GET", "POST"))
        else:
            await self._app(scope, receive, send)
            return
        await answer.send(send)

    @property
    def _accounts(self) -> Accounts:
        """Whom we listen for at this moment: asked for each request, for secrets change."""
        return self._live_accounts.current

    async def _take_update(self, scope: Scope, receive: Receive, account: str) -> Answer:
        """Take an update; any 2xx tells Telegram that we have it."""
        secrets = self._accounts.telegram.get(account)
        if secrets is None:
            raise Refused(404, "unknown-account")
        # Before the body is read: whoever has no secret sends us nothing.
        if not broken("signature"):
            proof = _proof(scope, _TELEGRAM_SECRET)
            _check(is_secret(proof, secrets))
            if len(secrets) > 1 and not is_secret(proof, secrets[:1]):
                _by_previous.labels(platform="telegram").inc()
        held = Body(self._telegram_room)
        try:
            body = await held.read(scope, receive)
            reading = await self._store(
                "telegram",
                self._telegram_room,
                lambda: telegram.read(body, account, self._clock.now()),
                body,
            )
        finally:
            held.release()
        if reading.callback_query_id is None:
            return answers.TAKEN
        # One call may ride on the answer, and it saves the tap a way through the chain.
        return answers.tap_answered(reading.callback_query_id)

    async def _take_notification(self, scope: Scope, receive: Receive) -> Answer:
        """Take a batch; only 200 tells WhatsApp that we have it."""
        apps = self._apps()
        checked = not broken("signature")
        signature = _proof(scope, _WHATSAPP_SIGNATURE) if checked else b""
        held = Body(self._whatsapp_room)
        try:
            body = await held.read(scope, receive)
            if checked:
                # Who has signed decides for whom it speaks: an app knows only its own numbers.
                apps = tuple(app for app in apps if is_signed(body, signature, app.app_secrets))
                _check(bool(apps))
                if not any(_is_signed_now(body, signature, app) for app in apps):
                    _by_previous.labels(platform="whatsapp").inc()
            phone_ids = frozenset().union(*(app.phone_ids for app in apps))
            await self._store(
                "whatsapp",
                self._whatsapp_room,
                lambda: whatsapp.read(body, phone_ids, self._clock.now()),
                body,
            )
        finally:
            held.release()
        return answers.TAKEN

    async def _store(
        self, platform: Platform, room: Room, read: Callable[[], Reading], body: bytes
    ) -> Reading:
        room.enter()
        try:
            return await self._intake.store(platform, lambda: read_whatever_it_is(read), body)
        finally:
            room.leave()

    async def _shake_hands(self, scope: Scope) -> Answer:
        """Prove to Meta that this address is ours, by the token that we agreed upon."""
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        token = query.get("hub.verify_token", "").encode("utf-8", "replace")
        challenge = query.get("hub.challenge")
        if (
            query.get("hub.mode") != "subscribe"
            or challenge is None
            or not is_secret(token, self._verify_tokens())
        ):
            raise Refused(403, "forged")
        return answers.text(challenge.encode("utf-8", "replace"))

    def _apps(self) -> tuple[WhatsAppApp, ...]:
        apps = self._accounts.whatsapp
        if not apps:
            raise Refused(404, "unknown-account")
        return apps

    def _verify_tokens(self) -> tuple[bytes, ...]:
        tokens = self._accounts.verify_tokens
        if not tokens:
            raise Refused(404, "unknown-account")
        return tokens


async def _answered(platform: Platform, taking: Coroutine[Any, Any, Answer]) -> Answer:
    try:
        answer, result = await taking, "accepted"
    except Refused as refusal:
        answer, result = answers.refusal(refusal.status), refusal.result
    except Unavailable:
        answer = answers.TAKEN if broken("ack") else answers.UNAVAILABLE
        result = "unavailable"
    _webhooks.labels(platform=platform, result=result).inc()
    return answer


def _refused(platform: Platform, result: str, answer: Answer) -> Answer:
    _webhooks.labels(platform=platform, result=result).inc()
    return answer


def read_whatever_it_is(read: Callable[[], Reading]) -> Reading:
    """What was read; a bug of ours makes it unreadable, for that keeps the body and its answer."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001 - see above
        bug = place_of(error)
        log.error("webhook not understood by our own fault", bug=bug)  # noqa: TRY400
        return Reading(unreadable=[f"a bug: {bug}"])


def place_of(error: Exception) -> str:
    """What kind of error it was and where: its text may quote what a person wrote."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}"


def _check(authentic: bool) -> None:
    if not authentic:
        raise Refused(403, "forged")


def _is_signed_now(body: bytes, signature: bytes, app: WhatsAppApp) -> bool:
    # Looked at again only while a secret is being changed: a body may have 3 MB.
    return app.app_secrets_now == app.app_secrets or is_signed(body, signature, app.app_secrets_now)


def _proof(scope: Scope, name: bytes) -> bytes:
    """The octets of the header that proves a webhook.

    Raises:
        Refused: there is none, or more than one.
    """
    value = header(scope, name)
    if value is None:
        raise Refused(401, "unsigned")
    return value
