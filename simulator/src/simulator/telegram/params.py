"""Parameters of a Bot API call, from wherever the API takes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from simulator.telegram.errors import bad_request

UPLOAD_BYTES_MAX = 55 * 1024 * 1024


@dataclass(frozen=True)
class Upload:
    """A file part of a multipart call."""

    name: str
    mime: str
    content: bytes


async def read_params(request: Request) -> dict[str, Any]:
    """Query, urlencoded, multipart or JSON; file parts become `Upload`.

    An `attach://part` value is replaced by that part's `Upload`.
    """
    params: dict[str, Any] = dict(request.query_params)
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type == "application/json":
        params |= await _json(request)
    elif content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        async with request.form(max_part_size=UPLOAD_BYTES_MAX) as form:
            for name, value in form.multi_items():
                params[name] = await _upload(value) if isinstance(value, UploadFile) else value
    for name, value in list(params.items()):
        if isinstance(value, str) and value.startswith("attach://"):
            attached = params.get(value.removeprefix("attach://"))
            if isinstance(attached, Upload):
                params[name] = attached
    return params


async def _json(request: Request) -> dict[str, Any]:
    body = await request.body()
    if not body.strip():
        return {}
    try:
        parsed = json.loads(body)
    except ValueError:
        raise bad_request("can't parse JSON object") from None
    if not isinstance(parsed, dict):
        raise bad_request("expected JSON object")
    return parsed


async def _upload(part: UploadFile) -> Upload:
    mime = part.content_type or "application/octet-stream"
    return Upload(part.filename or "file", mime, await part.read())
