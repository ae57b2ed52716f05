"""Documents in Redis, with PostgreSQL behind it (ADR 0017).

                       Redis ──► PostgreSQL ──► said      as a rule
    announced in the journal ──► PostgreSQL ──► said      Redis is away
                       Redis ──► journal    ──► said      the registry is away
                                                held      both are

PostgreSQL takes a state only in the place of the one that it was made from, so it is what decides.
Redis saves the reading. A value in it is believed when it was written in Redis's present life: one
that was started again may have old data, or none.
"""

from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from types import TracebackType
from typing import Self

import structlog

from contracts import Address, ChatRevision, ChatState
from conversation.document import ChatDocument
from conversation.stores.journal import Entry, Journal
from conversation.stores.protocol import Stored
from conversation.stores.redis_states import NOTHING, RedisAway, RedisRead, RedisStates
from conversation.stores.registry_states import RegistryStates
from runtime.documents import Conflict
from runtime.failures import Unavailable
from runtime.faults import broken, crash_point
from runtime.metrics import counter

log = structlog.get_logger()

_writes = counter(
    "turnout_chat_states_total", "Dialogue states by how they were written.", ("written",)
)


@dataclass(frozen=True, slots=True)
class _ReadAs:
    """What a document was read as."""

    state: ChatState | None
    life: str | None
    """Of the Redis that has it; None: Redis is away."""
    is_newest: bool
    """PostgreSQL and the journal were asked."""

    @property
    def revision(self) -> ChatRevision | None:
        return self.state.revision if self.state else None

    @property
    def stamp(self) -> str:
        return self.state.revision.stamp if self.state else NOTHING


class RedisStore:
    """See `Store`: what is read may be behind; what was written or confirmed is the newest."""

    def __init__(self, redis: RedisStates, registry: RegistryStates, journal: Journal) -> None:
        self._redis = redis
        self._registry = registry
        self._journal = journal

    async def __aenter__(self) -> Self:
        await self._redis.__aenter__()
        await self._journal.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._journal.__aexit__(kind, error, traceback)
        await self._redis.__aexit__(kind, error, traceback)

    async def show(self) -> object:
        """For `/health`: what keeps the states now."""
        away_seconds = self._redis.away_seconds
        if away_seconds is None:
            return {"redis": "answers"}
        return {"redis": f"away for {away_seconds:.0f} s, PostgreSQL carries on"}

    async def read(self, address: Address) -> Stored:
        """See `Store.read`."""
        found = await self._read_redis(address)
        if found is None:
            try:
                read_as = _ReadAs(await self._newest(address), None, is_newest=True)
            except Unavailable as error:
                raise Unavailable(f"redis and {error.what}") from error
        elif found.state is not None and (found.written_in == found.life or broken("epoch")):
            read_as = _ReadAs(found.state, found.life, is_newest=False)
        else:
            newest = await self._newest(address)
            await self._put_into_redis(address, found.stamp, newest, found.life)
            read_as = _ReadAs(newest, found.life, is_newest=True)
        state = read_as.state
        document = ChatDocument.model_validate_json(state.document) if state else None
        return Stored(address, document, read_as)

    async def _read_redis(self, address: Address) -> RedisRead | None:
        with suppress(RedisAway):
            return await self._redis.read(address)
        return None

    async def write(self, stored: Stored, document: ChatDocument) -> None:
        """See `Store.write`."""
        read_as: _ReadAs = stored.read_as
        if read_as.life is None:
            await self._write_without_redis(stored.address, read_as, document)
        else:
            await self._write(stored.address, read_as, read_as.life, document)

    async def _write(
        self, address: Address, read_as: _ReadAs, life: str, document: ChatDocument
    ) -> None:
        before = read_as.revision
        epoch, n = before.order if before else (0, 0)
        state = _state(document, epoch, n + 1)
        await self._put_into_redis(address, read_as.stamp, state, life)
        crash_point("conversation.after-redis")
        try:
            saved = await self._registry.save(address, before, state)
        except Unavailable as error:
            await self._stand_in(address, state, life, error)
            _writes.labels(written="without registry").inc()
            return
        if saved or broken("epoch"):
            _writes.labels(written="everywhere").inc()
            return
        _writes.labels(written="refused").inc()
        log.info("redis was behind", epoch=epoch, n=n)
        await self._repair(address, state, life)
        raise Conflict(address.platform)

    async def _write_without_redis(
        self, address: Address, read_as: _ReadAs, document: ChatDocument
    ) -> None:
        before = read_as.revision
        entry, sequence = await self._journal.read(address)
        if entry.kept and _is_above(entry.kept.revision, before):
            raise Conflict(address.platform)  # somebody wrote without the registry just now
        epoch, n = before.order if before else (0, 0)
        # Whatever Redis has, or is written into it meanwhile, is lower.
        state = _state(document, epoch + 1, n + 1)
        await self._journal.write(address, Entry(announced=state.revision), sequence)
        crash_point("conversation.after-announcement")
        try:
            saved = await self._registry.save(address, before, state)
        except Unavailable as error:
            raise Unavailable(f"redis and {error.what}") from error
        if not saved:
            raise Conflict(address.platform)
        _writes.labels(written="without redis").inc()

    async def confirm(self, stored: Stored) -> None:
        """See `Store.confirm`."""
        read_as: _ReadAs = stored.read_as
        if read_as.is_newest or read_as.state is None or read_as.life is None or broken("epoch"):
            return
        try:
            kept = await self._registry.load(stored.address)
        except Unavailable as error:
            await self._stand_in(stored.address, read_as.state, read_as.life, error)
            return
        if kept is None or kept.revision != read_as.revision:
            await self._repair(stored.address, read_as.state, read_as.life)
            raise Conflict(stored.address.platform)

    async def forget(self, stored: Stored) -> None:
        """See `Store.forget`.

        PostgreSQL first: whoever reads meanwhile finds it in Redis, and is refused when they write.
        The other way round they would put it into Redis again, where nobody would look for it.
        """
        address, read_as = stored.address, stored.read_as
        newest = await self._newest(address)
        entry, sequence = await self._journal.read(address)
        if (newest and newest.revision) != read_as.revision or (
            entry.kept and _is_above(entry.kept.revision, read_as.revision)
        ):
            if read_as.life is not None and read_as.state is not None:
                await self._repair(address, read_as.state, read_as.life)
            raise Conflict(address.platform)
        if newest and not await self._registry.drop(address, newest.revision):
            raise Conflict(address.platform)
        crash_point("conversation.after-drop")
        await self._journal.forget(address, sequence)
        if read_as.life is None:
            # Not waited for: a chat is purged again later, and what Redis keeps ends by itself.
            log.warning("redis is away and may keep a chat that is to be forgotten")
        elif read_as.state is not None:
            await self._put_into_redis(address, read_as.stamp, None, read_as.life)

    async def _stand_in(
        self, address: Address, state: ChatState, life: str, error: Unavailable
    ) -> None:
        """Keep in the journal what PostgreSQL cannot be told, unless something newer is known.

        Raises:
            Unavailable: somebody without Redis wrote a newer one, which only PostgreSQL has.
            Conflict: it is not the newest one; read again.
        """
        entry, sequence = await self._journal.read(address)
        kept = entry.kept
        if kept and kept.revision == state.revision:
            return
        if entry.announced and not _is_above(state.revision, entry.announced):
            raise error
        if kept and not _is_above(state.revision, kept.revision):
            await self._put_into_redis(address, state.revision.stamp, kept, life)
            raise Conflict(address.platform)
        wanted = entry.model_copy(update={"wanted": state})
        sequence = await self._journal.write(address, wanted, sequence)
        crash_point("conversation.after-wanting")
        # Somebody who reached the registry, and did not see yet what is wanted, may have put Redis
        # right meanwhile. Whoever comes later sees it, and takes it away.
        found = await self._read_redis(address)
        if found is None:
            raise error
        if (found.life, found.stamp) != (life, state.revision.stamp):
            raise Conflict(address.platform)
        certain = entry.model_copy(update={"kept": state, "wanted": None})
        await self._journal.write(address, certain, sequence)
        crash_point("conversation.after-journal")

    async def _newest(self, address: Address) -> ChatState | None:
        """What counts, after PostgreSQL was told what it has missed."""
        # The journal first: what is gone from it by now, PostgreSQL had before.
        entry, sequence = await self._journal.read(address)
        if entry.wanted:
            await self._journal.write(address, entry.model_copy(update={"wanted": None}), sequence)
        stored = await self._registry.load(address)
        base = stored.revision if stored else None
        if entry.kept is None or not _is_above(entry.kept.revision, base):
            return stored
        if not await self._registry.save(address, base, entry.kept):
            raise Conflict(address.platform)
        return entry.kept

    async def _repair(self, address: Address, state: ChatState, life: str) -> None:
        """Redis has `state`, which is not what counts: put there what does."""
        newest = await self._newest(address)
        await self._put_into_redis(address, state.revision.stamp, newest, life)

    async def _put_into_redis(
        self, address: Address, stamp: str, state: ChatState | None, life: str
    ) -> None:
        try:
            if await self._redis.replace(address, stamp, state, life):
                return
        except RedisAway as error:
            # Whether it has it nobody knows; whoever reads again reads without Redis, or sees it.
            raise Conflict(address.platform) from error
        raise Conflict(address.platform)


def _is_above(one: ChatRevision, other: ChatRevision | None) -> bool:
    return other is None or one.order > other.order


def _state(document: ChatDocument, epoch: int, n: int) -> ChatState:
    body = document.encoded()
    stamp = blake2b(body, digest_size=8).hexdigest()
    revision = ChatRevision(epoch=epoch, n=n, stamp=stamp)
    return ChatState(revision=revision, stage=document.state.stage, document=body.decode())
