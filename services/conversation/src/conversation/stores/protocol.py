"""What the conversation asks of a store, whichever it is."""

from dataclasses import dataclass
from typing import Any, Protocol

from contracts import Address
from conversation.document import ChatDocument


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it was read, and what its store needs to write over exactly this one."""

    address: Address
    document: ChatDocument | None
    """None: there is none yet."""
    read_as: Any
    """The store's own affair."""


class Store(Protocol):
    """One document per address, written by compare-and-set.

    Nothing may be said from a document before it was written or confirmed: a store may read from
    something fast that is sometimes behind.
    """

    async def read(self, address: Address) -> Stored:
        """The document, or that there is none.

        Raises:
            Conflict: it is changing at this moment; read again.
            Unavailable: what the store stands on does not answer.
        """

    async def write(self, stored: Stored, document: ChatDocument) -> None:
        """Write the next document over exactly the one that was read.

        Raises:
            Conflict: that was not the newest one; read again and decide anew.
            Unavailable: what the store stands on does not answer; it may have been written all
                the same, which the next read shows.
        """

    async def confirm(self, stored: Stored) -> None:
        """See to it that what was read is the newest there is, and will be found again.

        Raises:
            Conflict: it is not the newest one; read again.
            Unavailable: what the store stands on does not answer.
        """

    async def forget(self, stored: Stored) -> None:
        """Take away exactly what was read, so that nothing tells that there was such a chat; also
        what is left of it where this store keeps nothing by now, when there is no document.

        Raises:
            Conflict: that was not the newest one; read again.
            Unavailable: what the store stands on does not answer; part of it may be gone, and doing
                it again is harmless.
        """
