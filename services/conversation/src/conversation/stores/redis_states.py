"""Chat states in Redis: fast, written by compare-and-set, and believed only as far as it goes."""

import re
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from contracts import Address, ChatRevision, ChatState
from runtime.metrics import gauge

CONNECT_SECONDS_MAX = 0.5
ANSWER_SECONDS_MAX = 0.5
"""A Redis that takes longer is away: PostgreSQL is faster then."""
CONNECTIONS_MAX = 32
AWAY_SECONDS = 1.0
"""After a failure nobody else waits for a time-out: the lanes of all chats would stand still."""
KEPT_SECONDS = 30 * 86_400
"""A chat that is silent for longer is read from PostgreSQL when it returns."""
NOTHING, UNREADABLE = "", "unreadable"
"""In the place of a stamp: there is no value, or none that we wrote."""

# What `INFO` calls run_id is another one after every start, and on every other server.
_READ = """
return {
  string.match(redis.call('INFO', 'server'), 'run_id:(%w+)'),
  redis.call('HGET', KEYS[1], ARGV[1])
}
"""
_REPLACE = """
if string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') ~= ARGV[5] then return 0 end
local found, stamp = redis.call('HGET', KEYS[1], ARGV[1]), ''
if found then stamp = string.match(found, '^%d+ %d+ (%x+) ') or 'unreadable' end
if stamp ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
  redis.call('EXPIRE', KEYS[1], ARGV[4])
end
return 1
"""
_VALUE = re.compile(r"(\d+) (\d+) ([0-9a-f]{16}) (\w+) (\w+)\n(.*)", re.DOTALL)
_PHONE = re.compile(r"[1-9][0-9]{6,14}")

log = structlog.get_logger()

_up = gauge("turnout_state_redis_up", "1 while Redis answers the conversation, else 0.")


class RedisAway(Exception):
    """Redis does not answer, or not as it should; what was asked may have been done."""


@dataclass(frozen=True, slots=True)
class RedisRead:
    """What Redis has of a chat, and which Redis that is."""

    life: str
    """Names the server's process; another one may have other data."""
    stamp: str = NOTHING
    state: ChatState | None = None
    written_in: str | None = None
    """In which life the value was written."""


class RedisStates:
    """One hash per chat, `fsm:telegram:123`, with a field for each of our accounts."""

    def __init__(self, url: str) -> None:
        pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=ANSWER_SECONDS_MAX,
            socket_connect_timeout=CONNECT_SECONDS_MAX,
            socket_timeout=ANSWER_SECONDS_MAX,
            # Whoever asks knows what to do without Redis, and that at once.
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            client_name="turnout-conversation",
        )
        self._client: Redis = Redis.from_pool(pool)
        self._read = self._client.register_script(_READ)
        self._replace = self._client.register_script(_REPLACE)
        self._away_until = 0.0
        self._away_since: float | None = None

    async def __aenter__(self) -> Self:
        _up.labels().set(1)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    @property
    def away_seconds(self) -> float | None:
        """For how long Redis has been away; None while it answers."""
        return None if self._away_since is None else time.monotonic() - self._away_since

    async def read(self, address: Address) -> RedisRead:
        """What Redis has of this chat.

        Raises:
            RedisAway: it does not answer.
        """
        life, value = await self._ask(self._read, address)
        if value is None:
            return RedisRead(life)
        match = _VALUE.fullmatch(value)
        if match is None:
            return RedisRead(life, UNREADABLE)
        epoch, n, stamp, written_in, stage, document = match.groups()
        revision = ChatRevision(epoch=int(epoch), n=int(n), stamp=stamp)
        state = ChatState(revision=revision, stage=stage, document=document)
        return RedisRead(life, stamp, state, written_in)

    async def replace(
        self, address: Address, stamp: str, state: ChatState | None, life: str
    ) -> bool:
        """Write over exactly the value that was read; False when another one is there.

        Args:
            address: the chat.
            stamp: what must be there, or `NOTHING`, or `UNREADABLE`.
            state: what is to be there; None takes it away.
            life: in which life of Redis it was read. One that was started again meanwhile may have
                the same value, and have lost what came after it.

        Raises:
            RedisAway: it does not answer; it may have been written all the same.
        """
        value = ""
        if state is not None:
            at = state.revision
            value = f"{at.epoch} {at.n} {at.stamp} {life} {state.stage}\n{state.document}"
        return bool(await self._ask(self._replace, address, stamp, value, KEPT_SECONDS, life))

    async def _ask(self, script: Any, address: Address, *more: str | int) -> Any:
        if time.monotonic() < self._away_until:
            raise RedisAway
        try:
            answer = await script(keys=[redis_key(address)], args=[address.account, *more])
        except (RedisError, OSError, TimeoutError) as error:
            self._lost(error)
            raise RedisAway from error
        self._found()
        return answer

    def _lost(self, error: Exception) -> None:
        self._away_until = time.monotonic() + AWAY_SECONDS
        if self._away_since is None:
            self._away_since = time.monotonic()
            _up.labels().set(0)
            # Not the error's text: it may quote what was written.
            log.warning("redis is away, postgres carries on", problem=type(error).__name__)

    def _found(self) -> None:
        if self._away_since is not None:
            log.info("redis answers again", away_seconds=round(self.away_seconds or 0.0, 1))
            self._away_since = None
            _up.labels().set(1)


def redis_key(address: Address) -> str:
    """`fsm:telegram:123`, `fsm:whatsapp:+79…`; a WhatsApp id that is no number stays as it is."""
    chat = address.chat_id
    if address.platform == "whatsapp" and _PHONE.fullmatch(chat):
        chat = f"+{chat}"
    return f"fsm:{address.platform}:{chat}"
