"""Documents that a platform has already: uploaded once, and named by their ids from then on.

Telegram keeps a file for the bot that sent it, and names it in its answer to the first message
with it. WhatsApp takes an upload of its own, and keeps it for 30 days (platforms.md B4). The ids
are in the bucket `media`, which forgets them a day before; what a platform forgot earlier is
uploaded again. Two processes may upload the same at the same time: the later id stays.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from contracts import Document, Platform
from notifier.attachments import Attachment, drawn
from runtime.documents import Documents
from runtime.failures import Unavailable
from runtime.faults import broken
from runtime.metrics import counter

REMEMBERED_MAX = 1024
"""Ids that a process knows without asking the bucket."""
REMEMBERED_SECONDS = 3600.0
"""How long it does; with the bucket's 29 days it stays below WhatsApp's 30."""
UPLOAD_WAIT_SECONDS_MAX = 3.0
"""How long a message waits for another one that is uploading the same document."""
UPLOAD_SECONDS_MAX = 60.0
"""After this nobody believes any more that an upload is under way."""


_documents = counter(
    "turnout_documents_total",
    "Documents of messages: reused (named by an id), uploaded, forgotten (by the platform).",
    ("platform", "outcome"),
)


class Uploaded(BaseModel):
    """The document under `<platform>.<account>.<digest of what was uploaded>`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = 1
    media_id: str


@dataclass(frozen=True, slots=True)
class Media:
    """A document for one message."""

    attachment: Attachment
    key: str | None
    """What it is remembered by; None: it is one person's alone and is not remembered at all."""
    media_id: str | None
    """What the platform calls it; None: it has to be uploaded."""


@dataclass(slots=True)
class _Upload:
    began: float
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, until: float) -> bool:
        """Whether it was over in time; monotonic seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(until - time.monotonic()):
                await self.over.wait()
        return self.over.is_set()


class Shelf:
    """What one account has uploaded."""

    def __init__(self, platform: Platform, account: str, documents: Documents | None) -> None:
        """Without a bucket, only this process knows what it has uploaded."""
        self._platform = platform
        self._prefix = f"{platform}.{account}"
        self._documents = documents
        self._remembered: OrderedDict[str, tuple[str | None, float]] = OrderedDict()
        self._under_way: OrderedDict[str, _Upload] = OrderedDict()
        self._writing: set[asyncio.Task[None]] = set()

    async def find(self, document: Document) -> Media:
        """The document as phones get it, and its id if the account has uploaded it.

        One that is being uploaded right now is waited for. Where there is no id, the caller is the
        one that uploads, and says `keep` or `give_up`.

        Raises:
            Reject: the document cannot be drawn.
        """
        attachment = await drawn(document)
        if document.kind == "mydata":
            return Media(attachment, None, None)
        key = f"{self._prefix}.{_digest(attachment)}"
        until = time.monotonic() + UPLOAD_WAIT_SECONDS_MAX
        while (media_id := await self._known(key)) is None:
            upload = self._under_way.get(key)
            if upload is not None and await upload.wait(until):
                continue
            # While the bucket was asked, another message may have brought the id.
            media_id = self._here(key)
            if media_id is None:
                self._begin(key)
            break
        if media_id is not None:
            self._count("reused")
        return Media(attachment, key, media_id)

    def latest(self, media: Media) -> Media:
        """The same, with the id if another message has brought one since."""
        if media.media_id is not None or media.key is None:
            return media
        return replace(media, media_id=self._here(media.key))

    def keep(self, media: Media, media_id: str) -> None:
        """The platform has the document; nobody waits until the bucket knows it too."""
        self._count("uploaded")
        if media.key is None:
            return
        self._remember(media.key, media_id)
        self.give_up(media)
        if self._documents is not None:
            value = Uploaded(media_id=media_id).model_dump_json().encode()
            self._write(self._documents.put(media.key, value))

    def give_up(self, media: Media) -> None:
        """The document was not uploaded: somebody else's turn."""
        if media.media_id is not None or media.key is None:
            # It was to be named only; whoever uploads it now is somebody else.
            return
        if upload := self._under_way.pop(media.key, None):
            upload.over.set()

    def forget(self, media: Media) -> None:
        """The platform does not know this id any more.

        That is remembered, lest the bucket tells the old id once more. Of several messages with
        the old id, the last may find that another has uploaded the document meanwhile.
        """
        if media.key is None:
            return
        known, _ = self._remembered.get(media.key, (media.media_id, 0.0))
        if known != media.media_id:
            return
        self._count("forgotten")
        self._remember(media.key, None)
        if self._documents is not None:
            self._write(self._documents.delete(media.key))

    async def close(self) -> None:
        """Write what is still to be written."""
        await asyncio.gather(*self._writing)

    def _here(self, key: str) -> str | None:
        media_id, until = self._remembered.get(key, (None, 0.0))
        return media_id if time.monotonic() < until and not broken("media") else None

    async def _known(self, key: str) -> str | None:
        if broken("media"):
            return None
        media_id, until = self._remembered.get(key, (None, 0.0))
        if time.monotonic() < until:
            return media_id
        if self._documents is None:
            return None
        try:
            stored = await self._documents.read(key)
        except Unavailable:
            # Uploading again is better than holding up the message.
            return None
        if stored is None:
            return None
        media_id = Uploaded.model_validate_json(stored[0]).media_id
        self._remember(key, media_id)
        return media_id

    def _count(self, outcome: Literal["reused", "uploaded", "forgotten"]) -> None:
        _documents.labels(platform=self._platform, outcome=outcome).inc()

    def _remember(self, key: str, media_id: str | None) -> None:
        self._remembered[key] = (media_id, time.monotonic() + REMEMBERED_SECONDS)
        self._remembered.move_to_end(key)
        while len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)

    def _begin(self, key: str) -> None:
        now = time.monotonic()
        while self._under_way:
            oldest, upload = next(iter(self._under_way.items()))
            if now - upload.began < UPLOAD_SECONDS_MAX:
                break
            del self._under_way[oldest]
        self._under_way.pop(key, None)
        self._under_way[key] = _Upload(now)

    def _write(self, writing: Coroutine[Any, Any, None]) -> None:
        async def write() -> None:
            # The next process uploads once more, that is all.
            with suppress(Unavailable):
                await writing

        task = asyncio.create_task(write())
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)


def _digest(attachment: Attachment) -> str:
    # With the name: Telegram shows the one that a file was uploaded under.
    named = f"{attachment.kind}/{attachment.filename}\0".encode()
    return hashlib.sha256(named + attachment.content).hexdigest()
