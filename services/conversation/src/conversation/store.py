"""Where chats are stored, under which ids they are known, and how they move to another one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts import Address, InboundMessage
from contracts.commands import STILL_THEIRS
from conversation.dialogue import Heard, State, new_chat
from conversation.document import ChatDocument
from conversation.stores import Store, Stored
from runtime.documents import Conflict
from runtime.faults import crash_point

HOPS_MAX = 8
"""Forwarding addresses that are followed; a person changes the number once in years."""
NUMBER_IS_THEIRS_DAYS = 45
"""Whoever wrote from a number so long before a scoped id was seen with it is the same person.

Operators give a number to somebody else after months, and WhatsApp drops an account after 120 days
of silence: after a longer one nobody knows whose it is, and proof alone can say so.
"""


@dataclass(frozen=True, slots=True)
class StoredChat:
    """A chat's document and where it was read."""

    document: ChatDocument
    stored: Stored
    address: Address
    """Where the person is to be answered."""


class Chats:
    """The documents of all chats; see `Store` for what its methods raise.

    On WhatsApp a person is known by a business-scoped id, and perhaps by a phone number
    (platforms.md B3). A chat that began under the number alone moves to the scoped id when both
    are seen together, unless it was silent for too long by then, and any chat moves when WhatsApp
    tells that the person has another id:

    1. the old id's document gets a forwarding address; from now on nobody writes its state
    2. it is created at the new id, as it stands there, if nobody has done so
    3. what was left at the old id is emptied

    Whoever finds the first without the second, or without the third, does what is missing. All of
    it is compare-and-set, so two that do the same at once are as good as one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(
        self, item: Heard, tell_of_move: Callable[[Address], Awaitable[None]]
    ) -> StoredChat:
        """The chat that the item belongs to.

        Args:
            item: what came in.
            tell_of_move: called with the id by number before a chat moves from there to the scoped
                id of the item: later, after a crash, nobody would know that it has to be told.
        """
        stored, address = await self._store.read(item.address), item.address
        alias = stored.document
        if alias is not None and alias.moved_to is not None:
            found = await self._followed(stored)
            if _is_of_another(alias, item):
                # What the one before had here has arrived elsewhere by now.
                return await self._begun_here(item)
            stored, address = found, address if alias.left_at is None else found.address
        elif alias is None and (phone := _phone(item)) is not None:
            stored = await self._move_here(stored, *phone, tell_of_move)
        return StoredChat(stored.document or _begun(item), stored, address)

    async def save(self, chat: StoredChat, document: ChatDocument) -> None:
        """Write the next document over exactly the one that was loaded."""
        await self._store.write(chat.stored, document)

    async def confirm(self, stored: Stored) -> None:
        """See to it that what was read is the newest; before anything is said from it."""
        await self._store.confirm(stored)

    async def knows(self, address: Address) -> bool:
        """Whether anything was ever heard of the chat, here or on its way to where it is now."""
        return (await self._store.read(address)).document is not None

    async def move(self, previous: Address, to: Address, left_at: datetime | None) -> None:
        """Let the chat go on under another id; a chat that is there already goes on as it is.

        Args:
            previous: the id until now.
            to: the id from now on.
            left_at: when the person gave the number up, if it is one that others may get.
        """
        old = await self._followed(await self._store.read(previous))
        if old.document is None or old.address == to:
            return
        numbers_only = previous.is_whatsapp_number and to.is_whatsapp_number
        if numbers_only and not old.address.is_whatsapp_number:
            await self._rename(previous, to, old.address, left_at)
            return
        await self._store.write(old, old.document.moved(to.chat_id, left_at))
        crash_point("conversation.after-forwarding")
        await self._followed(await self._store.read(old.address))

    async def places(self, address: Address) -> list[Stored]:
        """Everywhere that something of a chat is stored, by this id: where it is now comes first,
        then each id that leads there. A number that was given up leads nowhere.
        """
        found = [await self._store.read(address)]
        while (
            (alias := found[0].document) is not None
            and alias.moved_to is not None
            and alias.left_at is None
            and len(found) <= HOPS_MAX
        ):
            address = address.model_copy(update={"chat_id": alias.moved_to})
            found.insert(0, await self._store.read(address))
        return found

    async def forget(self, stored: Stored, left: ChatDocument | None) -> None:
        """Take away exactly what was read without a trace, but for what is `left` of it."""
        if left is None:
            await self._store.forget(stored)
        else:
            await self._store.write(stored, left)

    async def _rename(
        self, previous: Address, to: Address, home: Address, left_at: datetime | None
    ) -> None:
        """The chat has a scoped id, which alone it moves by; a number is one more name for it."""
        alias, new = await self._store.read(previous), await self._store.read(to)
        if alias.document is not None and alias.document.moved_to is not None:
            await self._store.write(alias, alias.document.moved(alias.document.moved_to, left_at))
        if new.document is None:
            await self._store.write(new, ChatDocument(state=State(), moved_to=home.chat_id))

    async def _begun_here(self, item: Heard) -> StoredChat:
        stored = await self._store.read(item.address)
        document = stored.document
        if document is None or document.moved_to is not None:
            document = _begun(item)
        return StoredChat(document, stored, item.address)

    async def _move_here(
        self,
        target: Stored,
        phone: Address,
        seen_at: datetime,
        tell_of_move: Callable[[Address], Awaitable[None]],
    ) -> Stored:
        source, chat_id = await self._store.read(phone), target.address.chat_id
        if source.document is None:
            return target
        if source.document.moved_to is None:
            if not _is_theirs_still(source.document, seen_at):
                return target  # the scoped id begins anew, and what was there stays there
            await tell_of_move(phone)
            await self._store.write(source, source.document.moved(chat_id))
            crash_point("conversation.after-forwarding")
            return await self._followed(await self._store.read(phone))
        if source.document.moved_to != chat_id:
            return target  # another person had this number before
        await tell_of_move(phone)
        return await self._followed(source)

    async def _followed(self, stored: Stored) -> Stored:
        """Where the forwarding addresses lead, with all that was on its way arrived there."""
        for _ in range(HOPS_MAX):
            if stored.document is None or stored.document.moved_to is None:
                return stored
            stored = await self._one_hop(stored, stored.document, stored.document.moved_to)
        raise Conflict(stored.address.platform)  # they are being written at this moment

    async def _one_hop(self, alias: Stored, document: ChatDocument, chat_id: str) -> Stored:
        address = alias.address.model_copy(update={"chat_id": chat_id})
        target = await self._store.read(address)
        if document.is_emptied:
            return target
        # A forwarding address that is there was left by whoever had this id before, perhaps by
        # the same person on the way back.
        if target.document is None or target.document.is_emptied:
            await self._store.confirm(alias)  # else its old place may still be the right one
            await self._store.write(target, document.arrived())
            crash_point("conversation.after-arrival")
            target = await self._store.read(address)
        await self._store.confirm(target)  # what is taken away here must be found there
        await self._store.write(alias, document.emptied())
        return target


def _begun(item: Heard) -> ChatDocument:
    return ChatDocument(state=new_chat(item), begun_at=item.occurred_at)


def _is_of_another(alias: ChatDocument, item: Heard) -> bool:
    return (
        alias.left_at is not None
        and isinstance(item, InboundMessage)
        and item.sent_at > alias.left_at + STILL_THEIRS
    )


def _is_theirs_still(document: ChatDocument, seen_at: datetime) -> bool:
    """Whether who wrote from a number is who is seen with it now."""
    heard_at = document.state.heard_at
    return heard_at is not None and seen_at - heard_at <= timedelta(days=NUMBER_IS_THEIRS_DAYS)


def _phone(item: Heard) -> tuple[Address, datetime] | None:
    """The address by the sender's number, and when it was seen: if the item came under another."""
    if not isinstance(item, InboundMessage) or item.address.platform != "whatsapp":
        return None
    phone = item.sender.phone
    if phone is None or phone == item.address.chat_id:
        return None
    return item.address.model_copy(update={"chat_id": phone}), item.sent_at
