"""The Cloud API over HTTP: `/v23.0/<id>/…`. The version's number does not matter."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.connection import drop_connection, wait_for_disconnect
from simulator.faults import (
    RETRY_AFTER_SECONDS_DEFAULT,
    SLOW_SECONDS_DEFAULT,
    TIMEOUT_SECONDS_DEFAULT,
    Fault,
)
from simulator.whatsapp.business import Business, Json
from simulator.whatsapp.callbacks import APP_TOKEN_NEEDED
from simulator.whatsapp.errors import (
    UNREADABLE_TOKEN,
    GraphError,
    invalid_parameter,
    invalid_token,
    no_such_object,
)
from simulator.whatsapp.media import is_fresh, looked_up, uploaded
from simulator.whatsapp.number import number_node
from simulator.whatsapp.rules import checked_recipient
from simulator.whatsapp.templates import listed

AUTHENTICATE = f'OAuth "Facebook Platform" "invalid_token" "{UNREADABLE_TOKEN}"'
VERSION = re.compile(r"\d{1,2}\.\d")

Work = Callable[[], Awaitable[Json]]


class CloudApi:
    """The endpoints, each guarded by token, version, faults, ledger and counts."""

    def __init__(self, business: Business) -> None:
        self._business = business
        self._core = business.core
        self._settings = business.settings

    def router(self) -> APIRouter:
        """The routes of the Cloud API."""
        router = APIRouter()
        base = "/v{version}/{object_id}"
        for path, endpoint, methods in (
            (f"{base}/messages", self._messages, ["POST"]),
            (f"{base}/media", self._upload, ["POST"]),
            (f"{base}/message_templates", self._templates, ["GET", "POST"]),
            (f"{base}/subscribed_apps", self._subscribed_apps, ["GET", "POST", "DELETE"]),
            (f"{base}/subscriptions", self._subscriptions, ["GET"]),
            (base, self._object, ["GET", "DELETE"]),
            (base, self._set_number, ["POST"]),
            ("/whatsapp-media/{name}", self._download, ["GET"]),
        ):
            router.add_route(path, endpoint, methods=methods)
        return router

    async def _messages(self, request: Request) -> Response:
        body = await _json_body(request)
        if body.get("status") == "read":
            method = "typing" if body.get("typing_indicator") else "read"
        else:
            method = "messages"

        async def work() -> Json:
            self._check_object(request, self._settings.phone_id)
            if body.get("messaging_product") is None and not body:
                raise invalid_parameter("The parameter messaging_product is required.")
            if method != "messages":
                checked_product(body)
                self._business.mark_read(str(body.get("message_id")))
                return {"success": True}
            _, answer = await self._business.send(body)
            return answer

        return await self._guarded(request, method, body, work)

    async def _upload(self, request: Request) -> Response:
        async def work() -> Json:
            self._check_object(request, self._settings.phone_id)
            return {"id": (await uploaded(self._business, request)).key}

        return await self._guarded(request, "media", {}, work)

    async def _object(self, request: Request) -> Response:
        object_id = request.path_params["object_id"]
        is_number = object_id == self._settings.phone_id and request.method == "GET"

        async def work() -> Json:
            if is_number:
                return number_node(
                    self._settings,
                    self._business.webhook.callbacks,
                    request.query_params.get("fields"),
                )
            stored = self._core.files.get(object_id)
            if stored is None:
                raise no_such_object(object_id)
            if request.method == "DELETE":
                self._core.files.remove(object_id)
                return {"success": True}
            return looked_up(stored, str(request.base_url).rstrip("/"))

        return await self._guarded(request, "phone_number" if is_number else "media", {}, work)

    async def _templates(self, request: Request) -> Response:
        body = await _json_body(request)

        async def work() -> Json:
            self._check_object(request, self._settings.waba_id)
            if request.method == "POST":
                return self._business.templates.submit(body)
            return listed(self._business.templates.all(), request.query_params)

        return await self._guarded(request, "message_templates", {}, work)

    async def _subscriptions(self, request: Request) -> Response:
        callbacks = self._business.webhook.callbacks

        async def work() -> Json:
            self._check_object(request, self._settings.app_id)
            return callbacks.subscriptions()

        return await self._guarded(request, "subscriptions", {}, work, by_app=True)

    async def _subscribed_apps(self, request: Request) -> Response:
        body = await _json_body(request)
        callbacks = self._business.webhook.callbacks

        async def work() -> Json:
            self._check_object(request, self._settings.waba_id)
            if request.method == "GET":
                return callbacks.subscribed_apps(self._settings)
            if request.method == "DELETE":
                callbacks.unsubscribe()
            elif body:
                await callbacks.override(
                    "account", body, self._business.webhook.http, self._core.rng
                )
            else:
                callbacks.subscribe()
            return {"success": True}

        return await self._guarded(request, "subscribed_apps", {}, work)

    async def _set_number(self, request: Request) -> Response:
        body = await _json_body(request)
        callbacks = self._business.webhook.callbacks

        async def work() -> Json:
            self._check_object(request, self._settings.phone_id)
            given = body.get("webhook_configuration")
            if not isinstance(given, dict):
                raise invalid_parameter("The parameter webhook_configuration is required.")
            if given.get("override_callback_uri") == "":
                callbacks.set("number", None)
            else:
                await callbacks.override(
                    "number", given, self._business.webhook.http, self._core.rng
                )
            return {"success": True}

        return await self._guarded(request, "phone_number", {}, work)

    async def _download(self, request: Request) -> Response:
        if not self._has_token(request):
            return self._refusal(invalid_token())
        stored = self._core.files.get(request.path_params["name"].split(".")[0])
        if stored is None or not is_fresh(request.query_params.get("issued", "")):
            return Response(status_code=404)
        return Response(stored.content, media_type=stored.mime)

    async def _guarded(
        self, request: Request, method: str, body: Json, work: Work, *, by_app: bool = False
    ) -> Response:
        person = self._business.person_at(body) if body else None
        handle = person.id if person else None
        stats = self._core.stats["whatsapp"]
        stats.calls[method] += 1
        fault: Fault | None = None
        try:
            self._check_caller(request, by_app=by_app)
            fault = self._core.faults.for_call(
                "whatsapp", method, handle, is_message=method == "messages"
            )
            if fault is not None:
                return await self._spoiled(request, method, body, handle, work, fault)
            answer = await work()
        except GraphError as error:
            stats.call_refused(error.code, over_limit=error.over_limit)
            self._record(
                method,
                handle,
                body,
                "refused",
                code=error.code,
                error=error.details or error.message,
                over_limit=error.over_limit or None,
                fault=fault.kind if fault else None,
            )
            return self._refusal(error)
        self._accepted(method, handle, body, answer)
        return JSONResponse(answer)

    async def _spoiled(
        self,
        request: Request,
        method: str,
        body: Json,
        handle: str | None,
        work: Work,
        fault: Fault,
    ) -> Response:
        match fault.kind:
            case "slow":
                answer = await work()
                self._accepted(method, handle, body, answer, fault=fault.kind)
                await asyncio.sleep(fault.delay_seconds or SLOW_SECONDS_DEFAULT)
                return JSONResponse(answer)
            case "drop_response":
                self._accepted(method, handle, body, await work(), fault=fault.kind)
                await drop_connection(request)
                return Response()
            case "timeout":
                self._record(method, handle, body, "no answer", fault=fault.kind)
                await wait_for_disconnect(request, fault.delay_seconds or TIMEOUT_SECONDS_DEFAULT)
                await drop_connection(request)
                return Response()
            case "unauthorized":
                raise invalid_token()
            case "error":
                raise GraphError(fault.code or 131000, retry_after=fault.retry_after)
            case "429":
                # 80007 is the throttle of the whole account; a pair's is code 131056.
                raise GraphError(
                    fault.code or 130429,
                    http_status=429,
                    retry_after=fault.retry_after or RETRY_AFTER_SECONDS_DEFAULT,
                )
            case _:
                raise GraphError(fault.code or 131000, http_status=500)

    def _accepted(
        self, method: str, handle: str | None, body: Json, answer: Json, **details: Any
    ) -> None:
        wamid = None
        if method == "messages":
            wamid = answer["messages"][0]["id"]
            _, address, _ = checked_recipient(body)
            self._core.stats["whatsapp"].message_accepted(handle or address)
        self._record(method, handle, body, "accepted", message_id=wamid, **details)

    def _record(
        self, method: str, handle: str | None, body: Json, outcome: str, **details: Any
    ) -> None:
        self._core.ledger.write(
            "whatsapp",
            "call",
            method,
            handle,
            text_of(body),
            outcome,
            type=body.get("type"),
            template=(body.get("template") or {}).get("name")
            if isinstance(body.get("template"), dict)
            else None,
            opaque=body.get("biz_opaque_callback_data"),
            **details,
        )

    def _check_caller(self, request: Request, *, by_app: bool = False) -> None:
        app_token = f"Bearer {self._settings.app_id}|{self._settings.app_secret}"
        if by_app and request.headers.get("authorization") != app_token:
            if not self._has_token(request):
                raise invalid_token()
            raise GraphError(
                APP_TOKEN_NEEDED,
                "(#15) This method must be called with an app access_token.",
                http_status=400,
            )
        if not by_app and not self._has_token(request):
            raise invalid_token()
        if not VERSION.fullmatch(request.path_params["version"]):
            raise GraphError(2500, "Unknown path components", http_status=400)

    def _has_token(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self._settings.token}"

    def _check_object(self, request: Request, expected: str) -> None:
        object_id = request.path_params["object_id"]
        if object_id != expected:
            raise no_such_object(object_id)

    def _refusal(self, error: GraphError) -> Response:
        headers: dict[str, str] = {}
        if error.code == 190:
            headers["WWW-Authenticate"] = AUTHENTICATE
        if error.retry_after is not None:
            headers["Retry-After"] = str(error.retry_after)
        return JSONResponse(
            error.as_json(self._core.rng), status_code=error.http_status, headers=headers
        )


def checked_product(body: Json) -> None:
    """Raises the platform's error unless the body says `messaging_product: whatsapp`."""
    if (product := body.get("messaging_product")) != "whatsapp":
        raise invalid_parameter(
            f'Param messaging_product must be one of {{WHATSAPP}} - got "{product}".'
        )


def text_of(body: Json) -> str | None:
    """The words of a message, for the ledger; None where it has none."""
    content = body.get(str(body.get("type", "text")))
    if not isinstance(content, dict):
        return None
    inner = content.get("body")
    if isinstance(inner, dict):
        inner = inner.get("text")
    found = inner or content.get("caption") or content.get("emoji")
    return str(found) if found else None


async def _json_body(request: Request) -> Json:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
