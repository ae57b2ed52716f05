"""What goes with a message: a ticket as a picture, a calendar entry as a file."""

from dataclasses import dataclass

from contracts import Document
from notifier.ticket import Picture, draw


@dataclass(frozen=True, slots=True)
class File:
    """A text file; phones go by its name."""

    content: bytes
    filename: str


Attachment = Picture | File


def attached(document: Document) -> Attachment:
    """The document as phones show it.

    Raises:
        Reject: it is a ticket whose code is too long for a picture.
    """
    if document.kind == "ticket":
        return draw(document)
    return File(document.data.encode(), document.filename)
