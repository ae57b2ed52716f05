"""What goes with a message: a ticket as a picture, a calendar entry or one's own data as a file."""

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from contracts import Document
from notifier.ticket import draw

DRAWN_MAX = 512
"""Pictures kept by a process, of some 2 KB each: for the parts and the retries of a message, and
for whoever asks for the ticket again."""

_picture = lru_cache(maxsize=DRAWN_MAX)(draw)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document as phones get it."""

    kind: Literal["picture", "file"]
    filename: str
    """Phones go by it: a file's type is in its ending."""
    content: bytes


def is_picture(document: Document) -> bool:
    """Whether phones show the document in the chat."""
    return document.kind == "ticket"


async def drawn(document: Document) -> Attachment:
    """The document as phones get it, the same bytes for the same document.

    Raises:
        Reject: it is a ticket whose code is too long for a picture.
    """
    if is_picture(document):
        # In a thread: a picture takes longer than anybody else's message should wait.
        content = await asyncio.to_thread(_picture, document.data)
        return Attachment("picture", document.filename, content)
    return Attachment("file", document.filename, document.data.encode())
