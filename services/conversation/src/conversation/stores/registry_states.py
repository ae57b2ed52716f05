"""Chat states in PostgreSQL, through the registry, which is the only one that writes there."""

import time

from pydantic import BaseModel

from contracts import (
    Address,
    ChatRevision,
    ChatSavedAnswer,
    ChatState,
    ChatStateAnswer,
    DropChatState,
    LoadChatState,
    Query,
    SaveChatState,
)
from runtime.broker import Broker
from runtime.failures import Unavailable

ANSWER_SECONDS_MAX = 2.0
SILENT_SECONDS = 1.0
"""After a silence nobody else waits for a time-out: the lanes of all chats would stand still."""


class RegistryStates:
    """What is stored there decides, as long as it can be asked."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._silent_until = 0.0
        self._missing = "registry"

    async def load(self, address: Address) -> ChatState | None:
        """Where the chat stands.

        Raises:
            Unavailable: the registry or its database does not answer.
        """
        answer = await self._ask(LoadChatState(address=address))
        assert isinstance(answer, ChatStateAnswer)
        return answer.state

    async def save(self, address: Address, base: ChatRevision | None, state: ChatState) -> bool:
        """Write a state over exactly `base`; False when something else is there.

        Raises:
            Unavailable: the registry or its database does not answer; it may have been written.
        """
        answer = await self._ask(SaveChatState(address=address, base=base, state=state))
        assert isinstance(answer, ChatSavedAnswer)
        return answer.saved

    async def drop(self, address: Address, base: ChatRevision) -> bool:
        """Delete exactly `base`; False when something else is there.

        Raises:
            Unavailable: the registry or its database does not answer; it may be deleted.
        """
        answer = await self._ask(DropChatState(address=address, base=base))
        assert isinstance(answer, ChatSavedAnswer)
        return answer.saved

    async def _ask(self, query: Query) -> BaseModel:
        if time.monotonic() < self._silent_until:
            raise Unavailable(self._missing)
        try:
            return await self._broker.ask(query, timeout_seconds=ANSWER_SECONDS_MAX)
        except Unavailable as error:
            self._missing = error.what
            self._silent_until = time.monotonic() + SILENT_SECONDS
            raise
