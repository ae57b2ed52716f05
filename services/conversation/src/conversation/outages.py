"""The admin hears once that the registry is silent, and once that it is back.

Every replica looks for itself every few seconds; one document, written by compare-and-set, makes
one outage of what they see. Whoever wins the write says it, under an id derived from the outage.
What is not said yet is read in the document, so that another replica, or the next one, says it.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Literal, Self
from uuid import UUID

import structlog
from babel.dates import format_timedelta
from pydantic import AwareDatetime

from contracts import AccountsAnswer, Address, ListAccounts, OutboundMessage, derived_id
from contracts.ids import TURNOUT
from contracts.model import Value
from contracts.topology import FSM
from conversation.moments import in_brief
from conversation.registry import Registry
from conversation.texts import Language, texts
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.documents import Conflict, Documents
from runtime.failures import Unavailable
from runtime.metrics import counter, gauge

KEY = "outage.registry"
"""Beside the chats' documents, whose keys begin with a platform."""
LOOK_SECONDS = 2.0
NOTICED_AFTER_SECONDS = 5.0
"""A shorter silence is a restart and not worth a message."""
OVER_AFTER = timedelta(seconds=15)
"""So long nobody has met a silence any more; one that comes and goes is one outage."""

_silent = gauge("turnout_registry_silent", "1 while the registry does not answer this replica.")
_outages = counter("turnout_outages_total", "Outages of the registry; one replica counts each.")

log = structlog.get_logger()

Moment = Literal["began", "over"]


class Outage(Value):
    """The last outage, over or not. It evolves by addition."""

    version: int = 1
    id: UUID
    missing: str
    """What did not answer when it began: the registry itself, or what it needs."""
    began_at: AwareDatetime
    silent_at: AwareDatetime
    """When a replica met the silence last."""
    over: bool = False
    told: tuple[Moment, ...] = ()

    @classmethod
    def begun(cls, missing: str, began_at: datetime, now: datetime) -> "Outage":
        """One that was just noticed."""
        outage_id = derived_id(TURNOUT, f"outage:{began_at.isoformat()}")
        return cls(id=outage_id, missing=missing, began_at=began_at, silent_at=now)

    @property
    def untold(self) -> Moment | None:
        """What the admin is to hear next."""
        if "began" not in self.told:
            return "began"
        return "over" if self.over and "over" not in self.told else None

    def and_told(self, moment: Moment) -> "Outage":
        """After the admin was told."""
        return self.model_copy(update={"told": (*self.told, moment)})


def seen(
    outage: Outage | None, missing: str | None, silent_for: timedelta, now: datetime
) -> Outage | None:
    """The outage after one look at the registry.

    Args:
        outage: the last one, if there ever was one.
        missing: what did not answer; None when all is well.
        silent_for: how long this replica has met nothing but silence.
        now: business time.
    """
    if missing is None:
        if outage is None or outage.over or now - outage.silent_at < OVER_AFTER:
            return outage
        return outage.model_copy(update={"over": True})
    if outage is not None and not outage.over:
        return outage.model_copy(update={"silent_at": now})
    if silent_for < timedelta(seconds=NOTICED_AFTER_SECONDS):
        return outage
    return Outage.begun(missing, now - silent_for, now)


class Outages:
    """Watches the registry while it is entered."""

    def __init__(
        self,
        broker: Broker,
        registry: Registry,
        clock: Clock,
        *,
        chat: str | None,
        language: Language,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Watch, once it is entered.

        Args:
            broker: where the document is, and what is said goes.
            registry: who is watched.
            clock: business time.
            chat: the admin's chat with our Telegram bot; None: it is only logged and counted.
            language: the admin's.
            look_seconds: between two looks.
        """
        self._broker = broker
        self._registry = registry
        self._clock = clock
        self._chat = chat
        self._language = language
        self._look_seconds = look_seconds
        self._silent_since_seconds: float | None = None
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch(await self._broker.bucket(FSM)))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self, documents: Documents) -> None:
        while True:
            try:
                await self._look(documents)
            except Conflict:
                pass  # another replica saw the same; what it wrote is read at the next look
            except Unavailable:
                # Without the broker nobody can be heard, so that silence says nothing.
                self._silent_since_seconds = None
            except Exception:  # a bug in here must not end the watch for good
                log.exception("the watch over the registry failed")
            await asyncio.sleep(self._look_seconds)

    async def _look(self, documents: Documents) -> None:
        missing = await self._registry.look()
        _silent.labels().set(missing is not None)
        found = await documents.read(KEY)
        before = None if found is None else Outage.model_validate_json(found[0])
        after = seen(before, missing, self._silent_for(missing), self._clock.now())
        if after is None:
            return
        revision = None if found is None else found[1]
        if after != before:
            revision = await _write(documents, after, revision)
            _note(before, after)
        while (moment := after.untold) is not None and await self._tell(after, moment):
            after = after.and_told(moment)
            revision = await _write(documents, after, revision)

    def _silent_for(self, missing: str | None) -> timedelta:
        if missing is None:
            self._silent_since_seconds = None
            return timedelta()
        if self._silent_since_seconds is None:
            self._silent_since_seconds = time.monotonic()
        return timedelta(seconds=time.monotonic() - self._silent_since_seconds)

    async def _tell(self, outage: Outage, moment: Moment) -> bool:
        """Tell the admin; False when that must wait."""
        if self._chat is None:
            return True
        try:
            accounts = await self._broker.ask(ListAccounts())
        except Unavailable:
            return False
        assert isinstance(accounts, AccountsAnswer)
        if not accounts.telegram:
            log.error("nobody can be told of the outage: no Telegram bot", outage_id=outage.id)
            return True
        address = Address(
            platform="telegram", account=accounts.telegram[0].account, chat_id=self._chat
        )
        await self._broker.publish(
            OutboundMessage(
                id=derived_id(outage.id, moment),
                occurred_at=self._clock.now(),
                correlation_id=outage.id,
                address=address,
                priority="transactional",
                language=self._language,
                text=_TEXTS[moment](outage, self._language),
            )
        )
        return True


async def _write(documents: Documents, outage: Outage, revision: int | None) -> int:
    body = outage.model_dump_json().encode()
    if revision is None:
        return await documents.create(KEY, body)
    return await documents.replace(KEY, body, revision)


def _note(before: Outage | None, after: Outage) -> None:
    if before is None or before.id != after.id:
        _outages.labels().inc()
        log.error("the registry is silent", outage_id=after.id, missing=after.missing)
    elif after.over and not before.over:
        seconds = (after.silent_at - after.began_at).total_seconds()
        log.info("the registry answers again", outage_id=after.id, silent_seconds=round(seconds))


def _began(outage: Outage, language: Language) -> str:
    began = in_brief(outage.began_at, "UTC", language)
    return texts(language).say("outage.began", began=began, missing=outage.missing)


def _over(outage: Outage, language: Language) -> str:
    began, ended = (in_brief(at, "UTC", language) for at in (outage.began_at, outage.silent_at))
    silence = outage.silent_at - outage.began_at
    # To the second up to two minutes, to the minute up to two hours …
    length = format_timedelta(silence, threshold=2, locale=language)
    return texts(language).say("outage.over", began=began, ended=ended, length=length)


_TEXTS: dict[Moment, Callable[[Outage, Language], str]] = {"began": _began, "over": _over}
