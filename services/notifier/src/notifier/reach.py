"""Whether a chat can be written to: what changes it, and the registry's knowledge of it.

A peer's document is read before every send, so a change holds on every replica at once. The
registry is told of each change. What it was told last is in the document too: whoever finds that
this differs from what is so tells it, and a crash in between only means that somebody else does.
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog

from contracts import Address, NoteReachability, PeerChanged, derived_id
from contracts.ids import TURNOUT
from notifier import measures
from notifier.peers import Note, Peer, PeerRecord, Peers
from notifier.verdicts import Failed, Gone, Verdict, WindowClosed
from runtime.broker import Broker
from runtime.clock import Clock

MARKETING_RESTS = timedelta(hours=24)
"""After "this person gets enough marketing" (platforms.md B6, 131049)."""
HOPS_MAX = 4
"""Changes of id that are followed; a person changes the number once in years."""
NOTE_STEP = timedelta(milliseconds=1)

log = structlog.get_logger()


class Reach:
    """Changes peers, and tells the registry of what it has to know."""

    def __init__(self, broker: Broker, clock: Clock, peers: Peers) -> None:
        self._broker = broker
        self._clock = clock
        self._peers = peers

    async def take_in(self, change: PeerChanged) -> None:
        """What a person did; older than what is known it changes nothing.

        Raises:
            Unavailable: the broker does not answer.
        """
        if change.previous is not None:
            await self._move(change, change.previous)
        await self._peers.change(change.address, lambda peer: peer.change(change))
        await self.tell(change.address, change.correlation_id)

    async def follow(
        self, address: Address, heard_at: datetime | None, *, past_parked: bool = True
    ) -> PeerRecord:
        """The peer at the address, or at the one that it has by now: its `address` is to be used.

        Args:
            address: where a message is for.
            heard_at: when they last wrote there, as far as the sender knew.
            past_parked: whether to go on from an id under which others still wait.

        Raises:
            Unavailable: the broker does not answer.
        """
        record = await self._peers.open(address, heard_at)
        for _ in range(HOPS_MAX):
            if record.peer.moved_to is None or (record.peer.parked and not past_parked):
                break
            address = address.model_copy(update={"chat_id": record.peer.moved_to})
            record = await self._peers.open(address)
        return record

    async def learn(self, record: PeerRecord, verdict: Verdict, correlation_id: UUID) -> None:
        """What a refusal says of the person, whether it came at once or later.

        Raises:
            Unavailable: the broker does not answer.
        """
        match verdict:
            case Gone(reason=reason):
                what = "blocked"
                record.learn(lambda peer: _blocked(peer, reason))
            case WindowClosed():
                what = "window-closed"
                record.learn(_window_closed)
            case Failed(effect="marketing-stopped"):
                what = "marketing-stopped"
                record.learn(_stopping)
            case Failed(effect="marketing-rests"):
                what = "marketing-rests"
                until = self._clock.now() + MARKETING_RESTS
                record.learn(lambda peer: _resting(peer, until))
            case _:
                return
        await record.save()
        platform = record.address.platform
        measures.reach_changes.labels(platform=platform, change=what).inc()
        log.info("chat changed", platform=platform, change=what, reason=verdict.reason)
        if is_untold(record.peer):
            await self.tell(record.address, correlation_id)

    async def moved(self, address: Address, chat_id: str) -> Address:
        """A platform says that the chat has another id, which is returned as an address."""
        await self._peers.change(address, lambda peer: moving(peer, chat_id, None))
        log.info("chat has another id", platform=address.platform)
        return address.model_copy(update={"chat_id": chat_id})

    async def tell(self, address: Address, correlation_id: UUID) -> None:
        """Tell the registry what it does not know yet, if there is such a thing.

        Raises:
            Unavailable: the broker does not answer; somebody tells it later.
        """
        now = self._clock.now()
        record = await self._peers.open(address)
        record.learn(lambda peer: noting(peer, now))
        await record.save()
        note = record.peer.note
        if not note.owed:
            return
        assert note.at is not None
        await self._broker.publish(
            NoteReachability(
                # With the time: once a chat was forgotten, its notes are counted anew.
                id=derived_id(
                    TURNOUT,
                    f"reach:{address.platform}:{address.chat_key}:{note.number}:{note.at}",
                ),
                occurred_at=note.at,
                correlation_id=correlation_id,
                chat=address,
                blocked=note.blocked,
                marketing_stopped=note.marketing_stopped,
                reason=note.reason,
                at=note.at,
            )
        )
        record.learn(lambda peer: _told(peer, note.number))
        await record.save()

    async def _move(self, change: PeerChanged, previous: str) -> None:
        """The new id first: whoever follows the old one must find no way back."""
        old = change.address.model_copy(update={"chat_id": previous})
        before = (await self._peers.open(old)).peer
        await self._peers.change(change.address, lambda peer: arriving(peer, before, change.at))
        await self._peers.change(old, lambda peer: moving(peer, change.address.chat_id, change.at))
        measures.reach_changes.labels(platform=change.address.platform, change="moved").inc()


def is_untold(peer: Peer) -> bool:
    """Whether the registry does not know, or perhaps does not, what is so."""
    note = peer.note
    differs = (peer.blocked, peer.marketing_stopped) != (note.blocked, note.marketing_stopped)
    return differs or note.owed


def noting(peer: Peer, now: datetime) -> Peer:
    """The peer with the next note, if there is something to tell."""
    note = peer.note
    if (peer.blocked, peer.marketing_stopped) == (note.blocked, note.marketing_stopped):
        return peer
    following = Note(
        number=note.number + 1,
        blocked=peer.blocked,
        marketing_stopped=peer.marketing_stopped,
        reason=peer.blocked_because if peer.blocked else None,
        at=now if note.at is None else max(now, note.at + NOTE_STEP),
        owed=True,
    )
    return peer.model_copy(update={"note": following})


def moving(peer: Peer, chat_id: str, at: datetime | None) -> Peer:
    """From now on they are reached under another id of the same platform and account.

    Args:
        peer: the one of the old id.
        chat_id: the new id.
        at: the platform's time of it; None if the old id is never given to anybody again.
    """
    if at is not None and peer.moved_at is not None and at < peer.moved_at:
        return peer
    return peer.model_copy(update={"moved_to": chat_id, "moved_at": at})


def arriving(peer: Peer, before: Peer, at: datetime) -> Peer:
    """They are reached here from now on; what they decided under the id before still holds.

    The window does not come along: nobody says that WhatsApp would let it.
    """
    update: dict[str, object] = {}
    if peer.moved_at is None or peer.moved_at <= at:
        update |= {"moved_to": None, "moved_at": None}
    if before.marketing_stopped and peer.marketing_at is None:
        update |= {"marketing_stopped": True, "marketing_at": before.marketing_at}
    return peer.model_copy(update=update)


def _blocked(peer: Peer, reason: str) -> Peer:
    return peer.block().model_copy(update={"blocked_because": reason})


def _window_closed(peer: Peer) -> Peer:
    return peer.model_copy(update={"window_closed_for": peer.heard_at})


def _stopping(peer: Peer) -> Peer:
    return peer.model_copy(update={"marketing_stopped": True})


def _resting(peer: Peer, until: datetime) -> Peer:
    return peer.model_copy(update={"marketing_rests_until": until})


def _told(peer: Peer, number: int) -> Peer:
    if peer.note.number != number:
        return peer
    return peer.model_copy(update={"note": peer.note.model_copy(update={"owed": False})})
