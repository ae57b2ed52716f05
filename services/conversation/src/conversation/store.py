"""Where chats are stored, under which ids they are known, and how they move to another one."""

from dataclasses import dataclass

from contracts import Address, InboundItem, InboundMessage
from conversation.dialogue import new_chat
from conversation.document import ChatDocument
from conversation.stores import Store, Stored
from runtime.faults import crash_point


@dataclass(frozen=True, slots=True)
class StoredChat:
    """A chat's document and where it was read."""

    document: ChatDocument
    stored: Stored


class Chats:
    """The documents of all chats; see `Store` for what its methods raise.

    On WhatsApp a person is known by a business-scoped id, and perhaps by a phone number
    (platforms.md B3). A chat that began under the number alone moves to the scoped id when both
    are seen together:

    1. the number's document gets a forwarding address; from now on nobody writes its state
    2. it is created at the scoped id, as it stands there, if nobody has done so
    3. what was left at the number is emptied

    Whoever finds the first without the second, or without the third, does what is missing. All of
    it is compare-and-set, so two that do the same at once are as good as one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self, item: InboundItem) -> StoredChat:
        """The chat that the item belongs to."""
        stored = await self._store.read(item.address)
        if stored.document is not None and stored.document.moved_to is not None:
            stored = await self._follow(stored, stored.document.moved_to)
        elif stored.document is None and (phone := _phone(item)) is not None:
            stored = await self._move_here(stored, phone)
        return StoredChat(stored.document or ChatDocument(state=new_chat(item)), stored)

    async def save(self, chat: StoredChat, document: ChatDocument) -> None:
        """Write the next document over exactly the one that was loaded."""
        await self._store.write(chat.stored, document)

    async def confirm(self, chat: StoredChat) -> None:
        """See to it that what was loaded is the newest; before anything is said from it."""
        await self._store.confirm(chat.stored)

    async def _move_here(self, target: Stored, phone: Address) -> Stored:
        source, chat_id = await self._store.read(phone), target.address.chat_id
        if source.document is None:
            return target
        if source.document.moved_to is None:
            await self._store.write(source, source.document.moved(chat_id))
            crash_point("conversation.after-forwarding")
            return await self._follow(await self._store.read(phone), chat_id)
        if source.document.moved_to != chat_id:
            return target  # another person had this number before
        return await self._follow(source, chat_id)

    async def _follow(self, alias: Stored, chat_id: str) -> Stored:
        address = alias.address.model_copy(update={"chat_id": chat_id})
        target = await self._store.read(address)
        assert alias.document is not None
        if alias.document == alias.document.emptied():
            return target
        if target.document is None:
            await self._store.confirm(alias)  # else its old place may still be the right one
            await self._store.write(target, alias.document.arrived())
            crash_point("conversation.after-arrival")
            target = await self._store.read(address)
        await self._store.confirm(target)  # what is taken away here must be found there
        await self._store.write(alias, alias.document.emptied())
        return target


def _phone(item: InboundItem) -> Address | None:
    """The address by the sender's number, when the item came under another one."""
    if not isinstance(item, InboundMessage) or item.address.platform != "whatsapp":
        return None
    phone = item.sender.phone
    if phone is None or phone == item.address.chat_id:
        return None
    return item.address.model_copy(update={"chat_id": phone})
