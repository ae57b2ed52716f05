"""The Bot API over HTTP: `/bot<token>/<method>` and `/file/bot<token>/<path>`."""

from __future__ import annotations

import asyncio
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
from simulator.telegram.bot import Bot
from simulator.telegram.errors import TelegramError, error_of_code
from simulator.telegram.methods import (
    FILE_KEY_LENGTH,
    MESSAGE_METHODS,
    METHODS,
    Described,
    addressee,
    call,
)
from simulator.telegram.params import read_params


def telegram_router(bot: Bot) -> APIRouter:
    """The routes of the Bot API."""
    router = APIRouter()

    async def method_call(request: Request) -> Response:
        token, method = request.path_params["token"], request.path_params["method"]
        try:
            bot.check_token(token)
            params = await read_params(request)
        except TelegramError as error:
            bot.core.stats["telegram"].call_refused(error.code)
            bot.core.ledger.write(
                "telegram", "call", method, None, None, "refused", code=error.code
            )
            return _refusal(error)
        person = addressee(bot, params)
        fault = bot.core.faults.for_call(
            "telegram",
            method.lower(),
            person.id if person else None,
            is_message=method.lower() in MESSAGE_METHODS,
        )
        try:
            if fault is not None and method.lower() in METHODS:
                return await _spoiled(bot, request, method, params, fault)
            return _success(await call(bot, method, params))
        except TelegramError as error:
            return _refusal(error)

    async def file(request: Request) -> Response:
        try:
            bot.check_token(request.path_params["token"])
        except TelegramError as error:
            return _refusal(error)
        stored = bot.core.files.get(request.path_params["path"][-FILE_KEY_LENGTH:])
        if stored is None:
            return _refusal(TelegramError(404, "Not Found"))
        return Response(stored.content, media_type=stored.mime)

    router.add_route("/bot{token}/{method}", method_call, methods=["GET", "POST"])
    router.add_route("/file/bot{token}/{path:path}", file, methods=["GET"])
    return router


async def _spoiled(
    bot: Bot, request: Request, method: str, params: dict[str, Any], fault: Fault
) -> Response:
    retry_after = fault.retry_after or RETRY_AFTER_SECONDS_DEFAULT
    match fault.kind:
        case "slow":
            result = await call(bot, method, params, fault=fault.kind)
            await asyncio.sleep(fault.delay_seconds or SLOW_SECONDS_DEFAULT)
            return _success(result)
        case "drop_response":
            await call(bot, method, params, fault=fault.kind)
            await drop_connection(request)
            return Response()
        case "timeout":
            _record_fault(bot, method, params, fault, "no answer")
            await wait_for_disconnect(request, fault.delay_seconds or TIMEOUT_SECONDS_DEFAULT)
            await drop_connection(request)
            return Response()
        case "unauthorized":
            error = TelegramError(401, "Unauthorized")
        case "error":
            error = error_of_code(fault.code or 400, retry_after)
        case kind:
            error = error_of_code(int(kind), retry_after)
    bot.core.stats["telegram"].call_refused(error.code)
    _record_fault(bot, method, params, fault, "refused", error.code)
    raise error


def _record_fault(
    bot: Bot,
    method: str,
    params: dict[str, Any],
    fault: Fault,
    outcome: str,
    code: int | None = None,
) -> None:
    bot.core.stats["telegram"].calls[method] += 1
    person = addressee(bot, params)
    bot.core.ledger.write(
        "telegram",
        "call",
        method,
        person.id if person else None,
        params.get("text") or params.get("caption"),
        outcome,
        code=code,
        fault=fault.kind,
    )


def _success(result: Any) -> Response:
    if isinstance(result, Described):
        return JSONResponse(
            {"ok": True, "result": result.result, "description": result.description}
        )
    return JSONResponse({"ok": True, "result": result})


def _refusal(error: TelegramError) -> Response:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
    return JSONResponse(error.as_json(), status_code=error.code, headers=headers)
