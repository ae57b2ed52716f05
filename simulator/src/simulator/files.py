"""Bytes that were uploaded or sent, found by key."""

from __future__ import annotations

import hashlib
import random
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property

import httpx

FILES_BYTES_MAX = 256 * 1024 * 1024
LINK_FETCH_SECONDS_MAX = 10.0


@dataclass(frozen=True)
class StoredFile:
    """A file as it was uploaded; `created_timestamp` is business time in unix seconds."""

    key: str
    name: str
    mime: str
    content: bytes
    created_timestamp: float

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the content."""
        return hashlib.sha256(self.content).hexdigest()


class Files:
    """A bounded store: when it is full the oldest files go."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._files: OrderedDict[str, StoredFile] = OrderedDict()
        self._bytes = 0

    def add(self, name: str, mime: str, content: bytes, timestamp: float) -> StoredFile:
        """Keep a file under a fresh key of 15 digits (the form of WhatsApp's media ids)."""
        key = str(self._rng.randrange(10**14, 10**15))
        stored = StoredFile(key, name or "file", mime, content, timestamp)
        self._files[key] = stored
        self._bytes += len(content)
        while self._bytes > FILES_BYTES_MAX and len(self._files) > 1:
            _, oldest = self._files.popitem(last=False)
            self._bytes -= len(oldest.content)
        return stored

    def get(self, key: str) -> StoredFile | None:
        """The file, or None if there is none."""
        return self._files.get(key)

    def remove(self, key: str) -> bool:
        """Forget the file; says whether there was one."""
        stored = self._files.pop(key, None)
        if stored is None:
            return False
        self._bytes -= len(stored.content)
        return True

    def clear(self) -> None:
        """Forget all files."""
        self._files.clear()
        self._bytes = 0


async def fetch_link(url: str) -> tuple[str, str, bytes] | None:
    """Name, mime and content of what stands at a link; None if it cannot be fetched."""
    try:
        async with httpx.AsyncClient(
            timeout=LINK_FETCH_SECONDS_MAX, follow_redirects=True, trust_env=False
        ) as client:
            answer = await client.get(url)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    if answer.status_code != 200 or not answer.content:
        return None
    mime = answer.headers.get("content-type", "application/octet-stream").split(";")[0].strip()
    name = httpx.URL(url).path.rsplit("/", 1)[-1] or "file"
    return name, mime, answer.content
