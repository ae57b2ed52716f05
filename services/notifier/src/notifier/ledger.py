"""What is known of each send, so that a repeated delivery does not become a repeated message."""

import asyncio
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict

from contracts import DeliveryStatus
from notifier.again import Again
from runtime.documents import Conflict, Documents
from runtime.failures import Unavailable
from runtime.faults import broken

OTHER_REPLICA_SECONDS = 1.0
"""Before another look at a message that somebody else works on."""
INSIST_SECONDS = 0.2
"""Between attempts to write down what must not be forgotten."""

log = structlog.get_logger()


class Entry(BaseModel):
    """The document under `ledger.<outbound id>`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = 1
    state: Literal["ready", "attempting", "settled"] = "ready"
    """ready: no call is under way. attempting: a call may have been made and its answer is not
    known. settled: there is a result and it is `status`."""
    parts: int = 1
    """A message may need several requests."""
    parts_accepted: int = 0
    """This many of them were accepted."""
    refusals: int = 0
    """How often a platform stumbled over this message."""
    parked: bool = False
    """It stands in PARKED, or is about to: its lane does not send it any more, only a wake does."""
    repeated: bool = False
    """Sent once more after a lost answer."""
    status: DeliveryStatus | None = None
    reason: str | None = None
    redriven: UUID | None = None
    """The newest act of an operator by which it was sent again from DEAD."""
    whose: str | None = None
    """Stands for whom it is for: what a platform tells later names only the message."""
    chat_key: str | None = None
    """The same in entries of earlier releases, which are gone after 8 days."""
    opened_at: AwareDatetime | None = None
    """When it was first looked at, in business time."""
    written_by: UUID | None = None
    """Tells our own write from another replica's when the broker's answer to it was lost."""

    def reopened(self, redriven: UUID | None) -> "Entry":
        """The entry when an operator has the message sent again, once for each such act.

        What was certainly not sent is sent. What may have been is looked back at, so that its class
        decides as after any lost answer: at most one more time. What has another result keeps it.
        """
        if redriven in (None, self.redriven) or self.state != "settled":
            return self
        if self.status not in ("set-aside", "unknown"):
            return self
        return self.model_copy(
            update={
                "state": "ready" if self.status == "set-aside" else "attempting",
                "status": None,
                "reason": None,
                "refusals": 0,
                "parked": False,
                "redriven": redriven,
            }
        )


class Record:
    """One entry, held by one handler."""

    def __init__(
        self, documents: Documents, key: str, entry: Entry | None, revision: int | None
    ) -> None:
        self._documents = documents
        self._key = key
        self._revision = revision
        self._holder = uuid4()
        self.entry = entry or Entry()

    @property
    def settled(self) -> bool:
        """Whether the message has its result."""
        return self.entry.state == "settled"

    def expect(self, parts: int) -> None:
        """Note how many requests the message needs; it is stored with the next write."""
        self.entry = self.entry.model_copy(update={"parts": parts})

    def note(self, now: datetime) -> None:
        """Note when it was first looked at; it is stored with the next write."""
        if self.entry.opened_at is None:
            self.entry = self.entry.model_copy(update={"opened_at": now})

    def reopen(self, redriven: UUID | None) -> None:
        """See `Entry.reopened`; it is stored with the next write, and the same until then."""
        self.entry = self.entry.reopened(redriven)

    def accept(self) -> None:
        """Count a request that was accepted; it is stored with the next write.

        Not under which id: WhatsApp's contains the person's phone number.
        """
        self.entry = self.entry.model_copy(
            update={"state": "ready", "parts_accepted": self.entry.parts_accepted + 1}
        )

    async def write(self, entry: Entry) -> None:
        """Store the entry.

        Raises:
            Retry: another replica works on this message.
            Unavailable: the broker does not answer.
        """
        entry = entry.model_copy(update={"written_by": self._holder})
        if not broken("ledger"):
            await self._store(entry)
        self.entry = entry

    async def insist(self, entry: Entry) -> None:
        """Store what a platform has answered, however long that takes.

        Forgetting it would make a send of unknown outcome out of a known one.
        """
        waiting = False
        while True:
            try:
                return await self.write(entry)
            except Unavailable as error:
                if not waiting:
                    log.warning("result not written yet", missing=error.what)
                waiting = True
                await asyncio.sleep(INSIST_SECONDS)

    async def _store(self, entry: Entry) -> None:
        value = entry.model_dump_json(exclude_defaults=True).encode()
        try:
            if self._revision is None:
                self._revision = await self._documents.create(self._key, value)
            else:
                self._revision = await self._documents.replace(self._key, value, self._revision)
        except Conflict:
            stored = await self._documents.read(self._key)
            if stored is None or Entry.model_validate_json(stored[0]).written_by != self._holder:
                raise Again("another replica works on it", OTHER_REPLICA_SECONDS) from None
            # An earlier write of ours got through although its answer was lost.
            self._revision = await self._documents.replace(self._key, value, stored[1])


class Ledger:
    """The bucket of entries."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def open(self, outbound_id: UUID) -> Record:
        """What is known of this message.

        Raises:
            Unavailable: the broker does not answer.
        """
        key = str(outbound_id)
        stored = None if broken("ledger") else await self._documents.read(key)
        if stored is None:
            return Record(self._documents, key, None, None)
        return Record(self._documents, key, Entry.model_validate_json(stored[0]), stored[1])
