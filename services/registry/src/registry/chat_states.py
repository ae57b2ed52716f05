"""Dialogue states, for a conversation that keeps them in Redis: what is stored here decides."""

import json
from functools import partial
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    Address,
    ChatRevision,
    ChatSavedAnswer,
    ChatState,
    ChatStateAnswer,
    DropChatState,
    LoadChatState,
    SaveChatState,
)
from registry.database import Database
from runtime.clock import Clock
from runtime.failures import Retry, Unavailable
from runtime.faults import crash_point

_LOAD = text(
    "SELECT current_state, epoch, n, state_data->>'stamp' AS stamp, "
    "CAST(state_data->'document' AS text) AS document FROM user_states "
    "WHERE (platform, account, chat) = (:platform, :account, :chat_id)"
)
_PERSON = (
    "(SELECT i.user_id FROM identities AS i "
    "WHERE (i.platform, i.account, i.chat_id) = (:platform, :account, :chat_id))"
)
_DATA = "jsonb_build_object('stamp', CAST(:stamp AS text), 'document', CAST(:document AS jsonb))"
_CREATE = text(
    "INSERT INTO user_states "  # noqa: S608 - both parts are ours
    "(platform, account, chat, user_id, current_state, state_data, epoch, n, updated_at) "
    f"VALUES (:platform, :account, :chat_id, {_PERSON}, :stage, {_DATA}, :epoch, :n, :now) "
    "ON CONFLICT (platform, account, chat) DO NOTHING"
)
_REPLACE = text(
    f"UPDATE user_states SET user_id = coalesce({_PERSON}, user_id), "  # noqa: S608 - as above
    f"current_state = :stage, state_data = {_DATA}, epoch = :epoch, n = :n, updated_at = :now "
    "WHERE (platform, account, chat) = (:platform, :account, :chat_id) "
    # One statement, so of two who read the same row the second finds another one.
    "AND (epoch, n) = (:base_epoch, :base_n) AND state_data->>'stamp' = :base_stamp "
    "AND (epoch, n) < (:epoch, :n)"
)
_DROP = text(
    "DELETE FROM user_states WHERE (platform, account, chat) = (:platform, :account, :chat_id) "
    "AND (epoch, n) = (:epoch, :n) AND state_data->>'stamp' = :stamp"
)


class ChatStates:
    """The table `user_states`, behind three questions."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def load(self, query: LoadChatState) -> ChatStateAnswer:
        """Where a chat stands."""
        try:
            return ChatStateAnswer(state=await self._database.run(partial(_load, query.address)))
        except Retry as error:
            raise Unavailable("postgres") from error

    async def save(self, query: SaveChatState) -> ChatSavedAnswer:
        """Write a state over exactly the one that it was made from."""
        try:
            answer = await self._database.run(partial(self._save, query))
        except Retry as error:
            raise Unavailable("postgres") from error
        crash_point("registry.after-chat-state")
        return answer

    async def drop(self, query: DropChatState) -> ChatSavedAnswer:
        """Delete the state of somebody who wished to be forgotten, unless they went on."""
        try:
            return await self._database.run(partial(_drop, query))
        except Retry as error:
            raise Unavailable("postgres") from error

    async def _save(self, query: SaveChatState, connection: AsyncConnection) -> ChatSavedAnswer:
        revision, base = query.state.revision, query.base
        values: dict[str, Any] = {
            **query.address.model_dump(),
            "stage": query.state.stage,
            "document": _storable(query.state.document),
            "stamp": revision.stamp,
            "epoch": revision.epoch,
            "n": revision.n,
            "now": self._clock.now(),
        }
        if base is None:
            written = await connection.execute(_CREATE, values)
        else:
            values |= {"base_epoch": base.epoch, "base_n": base.n, "base_stamp": base.stamp}
            written = await connection.execute(_REPLACE, values)
        if written.rowcount == 1:
            return ChatSavedAnswer(saved=True)
        current = await _load(query.address, connection)
        # It may be here already: the transaction was repeated, or an answer was lost.
        return ChatSavedAnswer(saved=current is not None and current.revision == revision)


async def _load(address: Address, connection: AsyncConnection) -> ChatState | None:
    row = (await connection.execute(_LOAD, address.model_dump())).one_or_none()
    if row is None:
        return None
    return ChatState(
        revision=ChatRevision(epoch=row.epoch, n=row.n, stamp=row.stamp),
        stage=row.current_state,
        document=row.document,
    )


async def _drop(query: DropChatState, connection: AsyncConnection) -> ChatSavedAnswer:
    await connection.execute(_DROP, query.address.model_dump() | query.base.model_dump())
    # It may have been deleted before: the transaction was repeated, or an answer was lost.
    return ChatSavedAnswer(saved=await _load(query.address, connection) is None)


def _storable(document: str) -> str:
    """The document without the one character that PostgreSQL's JSON refuses, U+0000."""
    if "\\u0000" not in document:
        return document
    return json.dumps(_without_nul(json.loads(document)), ensure_ascii=False)


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "")
        case list():
            return [_without_nul(one) for one in value]
        case dict():
            return {_without_nul(key): _without_nul(one) for key, one in value.items()}
    return value
