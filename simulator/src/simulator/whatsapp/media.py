"""Media of the Cloud API: upload, lookup, download."""

from __future__ import annotations

import mimetypes
import time

from starlette.datastructures import UploadFile
from starlette.requests import Request

from simulator.files import StoredFile
from simulator.whatsapp.business import Business, Json
from simulator.whatsapp.errors import GraphError, invalid_parameter

MEDIA_URL_SECONDS_MAX = 300.0
UPLOAD_BYTES_MAX = 101 * 1024 * 1024
MEGABYTE = 1024 * 1024

TYPES_BY_KIND = {
    "image": ("image/jpeg", "image/png"),
    "audio": ("audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg", "audio/opus"),
    "video": ("video/mp4", "video/3gpp"),
    "sticker": ("image/webp",),
    "document": (
        "text/plain",
        "application/pdf",
        "application/vnd.ms-powerpoint",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
}
BYTES_MAX_BY_KIND = {
    "image": 5 * MEGABYTE,
    "audio": 16 * MEGABYTE,
    "video": 16 * MEGABYTE,
    "sticker": 500 * 1024,
    "document": 100 * MEGABYTE,
}


async def uploaded(business: Business, request: Request) -> StoredFile:
    """Keep the file of `POST /<phone>/media`; raises `GraphError` as the platform does."""
    async with request.form(max_part_size=UPLOAD_BYTES_MAX) as form:
        product, mime, file = form.get("messaging_product"), form.get("type"), form.get("file")
        if product != "whatsapp":
            raise invalid_parameter(
                f'Param messaging_product must be one of {{WHATSAPP}} - got "{product}".'
            )
        if not isinstance(file, UploadFile):
            raise invalid_parameter("The parameter file is required.")
        name, content = file.filename or "file", await file.read()
        if not mime:
            raise invalid_parameter("The parameter type is required.")
    checked_media(str(mime), len(content))
    return business.core.files.add(
        name, _plain(str(mime)), content, business.core.clock.timestamp()
    )


def checked_media(mime: str, size_bytes: int) -> str:
    """The kind of media that a MIME type means; raises for a foreign type or too many bytes."""
    for kind, mimes in TYPES_BY_KIND.items():
        if _plain(mime) in mimes:
            if size_bytes > BYTES_MAX_BY_KIND[kind]:
                raise GraphError(
                    131053,
                    details=f"File size {size_bytes} exceeds the limit of "
                    f"{BYTES_MAX_BY_KIND[kind]} bytes for {kind}",
                )
            if size_bytes == 0:
                raise invalid_parameter("The parameter file is empty.")
            return kind
    known = ", ".join(mime for mimes in TYPES_BY_KIND.values() for mime in mimes)
    raise invalid_parameter(
        f"Param file must be a file with one of the following types: {known}. "
        f"Received file of type '{mime}'."
    )


def looked_up(stored: StoredFile, base_url: str) -> Json:
    """The answer of `GET /<MEDIA_ID>`; its URL is good for 5 minutes."""
    extension = mimetypes.guess_extension(stored.mime) or ""
    return {
        "messaging_product": "whatsapp",
        "url": f"{base_url}/whatsapp-media/{stored.key}{extension}?issued={int(time.time())}",
        "mime_type": stored.mime,
        "sha256": stored.sha256,
        "file_size": len(stored.content),
        "id": stored.key,
    }


def is_fresh(issued: str) -> bool:
    """Whether a media URL that was issued then (unix seconds) is still good."""
    return issued.isdigit() and time.time() - int(issued) < MEDIA_URL_SECONDS_MAX


def _plain(mime: str) -> str:
    return mime.split(";", maxsplit=1)[0].strip().lower()
