"""What is known of the person at the other end: when they last wrote, whether they left, and how
long they must be left alone.

A send costs one read and one write of the document: `open` reads it, `book` writes what was learnt
meanwhile together with the message that goes now. All of it is compare-and-set.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from contracts import Address
from contracts.reach import PeerChanged
from notifier import real_time
from notifier.again import with_jitter
from notifier.pace import Pace, Paces
from runtime.documents import Conflict, Documents

PAUSE_SECONDS_MIN = 1.0
PAUSE_SECONDS_MAX = 24 * 3600.0
"""A platform that asks for more is asked again after this."""
BACKOFF_BASE = 4
"""4^X seconds after refusal X, counted from 0, as Meta advises for a pair (platforms.md B5)."""
BACKOFF_POWER_MAX = 5
"""1024 s; by then the pair's largest debt is paid."""
CALM_SECONDS = 600.0
"""So long after the last pause, the count of refusals begins anew."""


class Note(BaseModel):
    """What the registry was told last of whether this chat can be written to."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int = 0
    """Counts the notes; each has an id of its own."""
    blocked: bool = False
    marketing_stopped: bool = False
    reason: str | None = None
    at: AwareDatetime | None = None
    """Every note is later than the one before, whatever the clocks say."""
    owed: bool = False
    """Decided, but perhaps not published yet."""


class Peer(BaseModel):
    """The document under `peers.<platform>.<chat key>`; a field that is missing has its default."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = 1
    heard_at: AwareDatetime | None = None
    """When they last wrote to us, as far as anybody told."""
    blocked: bool = False
    """A platform said that they cannot be reached; ends when they write again."""
    blocked_at: AwareDatetime | None = None
    """When `blocked` last became what it is, by the platform, in whole seconds; an older word
    changes nothing."""
    marketing_stopped: bool = False
    """They want no words of an organiser's own on this platform."""
    marketing_at: AwareDatetime | None = None
    """When they said so, or the contrary; an older word changes nothing."""
    marketing_rests_until: AwareDatetime | None = None
    """They got enough marketing, from whomever: none before this, in business time."""
    blocked_because: str | None = None
    """The code of the last refusal, such as `telegram-403`."""
    window_closed_for: AwareDatetime | None = None
    """The `heard_at` after which WhatsApp said that its window is closed all the same."""
    moved_to: str | None = None
    """The chat's id from now on; what is for this one goes there."""
    moved_at: AwareDatetime | None = None
    """When that was told; whoever is heard here later is somebody else, or has come back. None
    where the platform never gives the old id to anybody again."""
    note: Note = Note()
    tat: AwareDatetime | None = None
    """Theoretical arrival time: when the chat's pace owes nothing any more (`notifier.pace`)."""
    paused_until: AwareDatetime | None = None
    """The platform asked for silence in this chat; the latest end ever asked for."""
    refusals: int = 0
    """How often in a row the platform found that the chat gets too much."""
    parked: bool = False
    """While it is so, everything for the chat goes behind what waits in PARKED."""
    parked_by: UUID | None = None
    """The message with which that began."""
    parked_last: int = 0
    """The sequence in PARKED of what was appended last."""
    whose: str | None = None
    """Stands for the chat in the ledger (`notifier.whose`)."""
    named_at: AwareDatetime | None = None
    """When that was last written down; real time."""

    def hear(self, heard_at: datetime) -> "Peer":
        """They wrote at `heard_at`; the latest wins, and whoever writes has not blocked us.

        Only if they wrote after the block, within the same second at worst: clocks of platforms
        tell no fractions, and a message too much is refused again.
        """
        if self.heard_at is not None and heard_at <= self.heard_at:
            return self
        peer = self.model_copy(update={"heard_at": heard_at})
        if self.moved_at is not None and heard_at > self.moved_at:
            peer = peer.model_copy(update={"moved_to": None, "moved_at": None})
        if self.blocked and (self.blocked_at is None or heard_at >= self.blocked_at):
            return peer.model_copy(update={"blocked": False, "blocked_at": _second(heard_at)})
        return peer

    def block(self, at: datetime | None = None) -> "Peer":
        """They cannot be reached, since `at` in business time."""
        return self.reach(blocked=True, at=at)

    def reach(self, *, blocked: bool, at: datetime | None) -> "Peer":
        """Whether they can be reached, as it was at `at`; an older word changes nothing."""
        if at is not None:
            at = _second(at)
            if self.blocked_at is not None and at < self.blocked_at:
                return self
            if blocked and self.heard_at is not None and at < _second(self.heard_at):
                return self
        return self.model_copy(update={"blocked": blocked, "blocked_at": at})

    def change(self, change: PeerChanged) -> "Peer":
        """What they did in the chat with our account; an older change changes nothing."""
        peer = self.hear(change.at) if change.heard else self
        if change.blocked is not None:
            peer = peer.reach(blocked=change.blocked, at=change.at)
        if change.marketing_stopped is None or (
            peer.marketing_at is not None and change.at < peer.marketing_at
        ):
            return peer
        return peer.model_copy(
            update={"marketing_stopped": change.marketing_stopped, "marketing_at": change.at}
        )

    def pause(self, until: datetime) -> "Peer":
        """Silence until then, or for longer if that was asked for; real time."""
        if self.paused_until is not None and until <= self.paused_until:
            return self
        return self.model_copy(update={"paused_until": until})

    def throttle(
        self,
        pace: Pace | None,
        now: datetime,
        after_seconds: float | None,
        *,
        stretch: float = 1.0,
    ) -> "Peer":
        """The platform found that the chat gets too much.

        Args:
            pace: the chat's; its burst is used up.
            now: real time.
            after_seconds: what the platform asked for; None: 4^X seconds, as the chat's count says.
            stretch: by how much that time of our own is longer.
        """
        calm_at = self.paused_until and self.paused_until + timedelta(seconds=CALM_SECONDS)
        refusals = 0 if calm_at is None or calm_at < now else self.refusals
        if after_seconds is None:
            after_seconds = stretch * BACKOFF_BASE ** min(refusals, BACKOFF_POWER_MAX)
        seconds = min(max(after_seconds, PAUSE_SECONDS_MIN), PAUSE_SECONDS_MAX)
        tat = pace.spend(self.tat, now) if pace else self.tat
        peer = self.model_copy(update={"refusals": refusals + 1, "tat": tat})
        return peer.pause(now + timedelta(seconds=seconds))

    def wait_seconds(self, pace: Pace | None, now: datetime) -> float:
        """How long the chat must be left alone; 0.0 when it may be written to now, real time."""
        pause_seconds = (self.paused_until - now).total_seconds() if self.paused_until else 0.0
        pace_seconds = pace.wait_seconds(self.tat, now) if pace else 0.0
        return max(pause_seconds, pace_seconds, 0.0)

    def book(self, pace: Pace, now: datetime) -> "Peer":
        """A message goes now."""
        return self.model_copy(update={"tat": pace.book(self.tat, now)})


class PeerRecord:
    """One peer as this process knows it; what it has learnt and not yet written goes along."""

    def __init__(self, documents: Documents, address: Address, pace: Pace | None) -> None:
        self.address = address
        self.pace = pace
        self.peer = Peer()
        self._documents = documents
        self._key = peer_key(address)
        self._stored = Peer()
        self._revision: int | None = None
        self._learnt: list[Callable[[Peer], Peer]] = []

    def learn(self, change: Callable[[Peer], Peer]) -> None:
        """Apply a change, to be written by the next `book` or `save`.

        It must be one that may be applied to a newer peer as well.
        """
        self._learnt.append(change)
        self.peer = change(self.peer)

    def wait_seconds(self) -> float:
        """How long the chat must be left alone, as far as this process knows; reads nothing."""
        return self.peer.wait_seconds(self.pace, real_time.now())

    async def read(self) -> None:
        """Look at the document again; what was learnt and not yet written stays.

        Raises:
            Unavailable: the broker does not answer.
        """
        stored = await self._documents.read(self._key)
        self._stored = Peer.model_validate_json(stored[0]) if stored else Peer()
        self._revision = stored[1] if stored else None
        self.peer = self._stored
        for change in self._learnt:
            self.peer = change(self.peer)

    async def book(self) -> float:
        """Book a message that goes now: one write, with all that was learnt.

        Returns:
            0.0 when it is booked; otherwise how long the chat must wait, and nothing is booked.

        Raises:
            Unavailable: the broker does not answer; it may be booked all the same.
        """
        while True:
            now = real_time.now()
            if wait_seconds := self.peer.wait_seconds(self.pace, now):
                return wait_seconds
            booked = self.peer if self.pace is None else self.peer.book(self.pace, now)
            if await self._write(booked):
                return 0.0

    async def save(self) -> None:
        """Write what was learnt, if anything.

        Raises:
            Unavailable: the broker does not answer.
        """
        while not await self._write(self.peer):
            pass

    async def throttle(self, after_seconds: float | None) -> float:
        """The platform found that this chat gets too much; the longest pause wins.

        Returns:
            How long the chat must wait now.

        Raises:
            Unavailable: the broker does not answer.
        """
        now, stretch = real_time.now(), with_jitter(1.0)
        self.learn(lambda peer: peer.throttle(self.pace, now, after_seconds, stretch=stretch))
        await self.save()
        return self.wait_seconds()

    async def _write(self, peer: Peer) -> bool:
        """Write unless somebody else was first; then the record is what they wrote."""
        if peer != self._stored:
            value = peer.model_dump_json(exclude_defaults=True).encode()
            try:
                if self._revision is None:
                    self._revision = await self._documents.create(self._key, value)
                else:
                    self._revision = await self._documents.replace(self._key, value, self._revision)
            except Conflict:
                await self.read()
                return False
        self.peer = self._stored = peer
        self._learnt.clear()
        return True


class Peers:
    """The bucket of peers; every change is a compare-and-set."""

    def __init__(self, documents: Documents, paces: Paces | None = None) -> None:
        self._documents = documents
        self._paces = paces or Paces()

    async def open(self, address: Address, heard_at: datetime | None = None) -> PeerRecord:
        """The peer, with when they last wrote taken in but not yet written: one read.

        Raises:
            Unavailable: the broker does not answer.
        """
        record = PeerRecord(self._documents, address, self._paces.of(address))
        await record.read()
        if heard_at is not None:
            record.learn(lambda peer: peer.hear(heard_at))
        return record

    async def change(self, address: Address, change: Callable[[Peer], Peer]) -> bool:
        """Change a peer, written at once; says whether `blocked` or `marketing_stopped` differ now.

        Raises:
            Unavailable: the broker does not answer.
        """
        differs = False

        def watched(peer: Peer) -> Peer:
            nonlocal differs
            after = change(peer)
            differs = (peer.blocked, peer.marketing_stopped) != (
                after.blocked,
                after.marketing_stopped,
            )
            return after

        record = await self.open(address)
        record.learn(watched)
        await record.save()
        return differs

    async def hear(self, address: Address, heard_at: datetime | None) -> Peer:
        """The peer, after taking in when they last wrote."""
        record = await self.open(address, heard_at)
        await record.save()
        return record.peer

    async def block(self, address: Address, at: datetime | None = None) -> bool:
        """They cannot be reached since `at`, in business time; says whether that is new."""
        return await self.change(address, lambda peer: peer.block(at))


def peer_key(address: Address) -> str:
    """Under which the document of a chat is kept."""
    return f"{address.platform}.{address.chat_key}"


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
