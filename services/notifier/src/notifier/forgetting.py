"""Somebody wished to be forgotten: nothing is kept of their chat from before, without a trace.

It is said at once, again after an hour and again after twenty, because what is on its way writes
some of it anew; so does the goodbye, which is sent after the first time. Each time does the same,
and may be broken off anywhere:

1. What waits to be sent from before the wish gets its result, `suppressed` with the reason
   `forgotten`, and is taken out of its stream. What came after it, as the goodbye did, still goes.
   The last time nothing is spared.
2. Its wakes go, unless something waits still; who they were written to first goes; nothing leads
   from the ledger to the chat any more.
3. The peer's document goes, or is what the chat has done since.
"""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from nats.js.errors import APIError, NotFoundError
from pydantic import ValidationError

from contracts import Address, OutboundMessage, PeerChanged
from contracts.topology import BULK, OUTBOUND, PARKED, WAKE, Tier
from notifier import measures, real_time
from notifier.decisions import Settle
from notifier.parking.parked import NO_MESSAGE_ERROR, parked_subject
from notifier.peers import Peer, Peers
from notifier.purging import purge
from notifier.results import Results
from notifier.tier import TierLimit
from notifier.vanishing import Vanishing
from notifier.whose import Whose
from runtime.broker import UNREACHABLE, Broker
from runtime.documents import Documents
from runtime.failures import Retry, Unavailable
from runtime.faults import crash_point

FORGOTTEN = "forgotten"
"""The reason in the result of what is not sent any more."""
LAST_AFTER = timedelta(hours=12)
"""What was said after the wish may wait for so long. Purged later than this after it, a chat in
which nobody has written since keeps nothing."""
CLOCKS_DIFFER_SECONDS = 5.0
"""The wish is told with our time of it, and what was heard with the platform's: the very message
that said the wish must not pass for one that came after it."""
ROUNDS_MAX = 5
"""How often a document is looked at again that others write meanwhile; they write little of a chat
that was forgotten."""
AGAIN_SECONDS = 2.0

log = structlog.get_logger()


class Forgetting:
    """Forgets chats."""

    def __init__(
        self,
        broker: Broker,
        peers: Documents,
        results: Results,
        tier_of: Callable[[Address], Tier | None],
    ) -> None:
        """Prepare.

        Args:
            broker: where everything is.
            peers: the bucket of what is known of each chat.
            results: what became of each message.
            tier_of: the limit of people that an address counts for.
        """
        self._broker = broker
        self._peers = Peers(peers)
        self._vanishing = Vanishing(broker, peers)
        self._whose = Whose(broker, peers)
        self._results = results
        self._tier_of = tier_of

    async def forget(self, change: PeerChanged) -> None:
        """Keep nothing of the chat from before `change.at`.

        Raises:
            Retry: somebody else works on something of the chat at this moment.
            Unavailable: the broker does not answer.
        """
        address = change.address
        heard_at = (await self._peers.open(address)).peer.heard_at
        heard_since = is_since(heard_at, change.at)
        is_last = change.occurred_at - change.at >= LAST_AFTER
        before = change.occurred_at if is_last and not heard_since else change.at
        key, platform = address.chat_key, address.platform
        for stream, subject in (
            (OUTBOUND.name, f"outbound.*.{platform}.*.{key}"),
            (BULK.name, f"bulk.*.{platform}.*.{key}"),
            (PARKED.name, parked_subject(address)),
        ):
            await self._withdraw(stream, subject, before, is_last=is_last)
            crash_point("notifier.withdrawn")
        if (tier := self._tier_of(address)) is not None:
            await TierLimit(self._broker, tier).forget(address)
        await self._whose.forget(address)
        if platform == "email":
            # Nobody speaks there: of other chats the conversation takes out what was set aside.
            await self._broker.forget_dead(address)
        crash_point("notifier.before-peer-forgotten")
        await self._drop_peer(address, change.at, is_last=is_last)
        measures.reach_changes.labels(platform=platform, change=FORGOTTEN).inc()
        log.info("chat forgotten", platform=platform, last=is_last, heard_since=heard_since)

    async def _withdraw(
        self, stream: str, subject: str, before: datetime, *, is_last: bool
    ) -> None:
        async for sequence, body in self._standing(stream, subject):
            try:
                message = OutboundMessage.model_validate_json(body)
            except ValidationError:
                await self._take_out(stream, sequence)  # nothing that could have a result
                continue
            if message.occurred_at < before and await self._end(message, is_last=is_last):
                await self._take_out(stream, sequence)

    async def _end(self, message: OutboundMessage, *, is_last: bool) -> bool:
        """See that the message has its result; False if it is being sent right now."""
        record = await self._results.open(message)
        if not record.settled:
            lost = record.entry.state == "attempting"
            if lost and not is_last:
                return False
            settle = Settle("unknown", "answer-lost") if lost else Settle("suppressed", FORGOTTEN)
            await self._results.settle(message, record, settle)
        await self._results.report(message, record)
        return True

    async def _drop_peer(self, address: Address, at: datetime, *, is_last: bool) -> None:
        """What is left of the peer, by what is parked at that moment."""
        for _ in range(ROUNDS_MAX):
            wakes_until = await self._last(WAKE.name)
            waiting = await self._waits(address)
            if not waiting:
                await self._drop_wakes(address, wakes_until)
            left = partial(kept, at=at, now=None if is_last else real_time.now(), waiting=waiting)
            if await self._vanishing.reduce(address, left):
                return
        raise Retry("chat is written to while it is forgotten", AGAIN_SECONDS)

    async def _drop_wakes(self, address: Address, up_to: int) -> None:
        """Those from before it was known that nothing waits."""
        place = f"{address.platform}.{address.account_key}"
        for subject in (
            f"woken.{place}.*.{address.chat_key}",
            f"wakeat.{place}.{address.chat_key}",
        ):
            await purge(self._broker, WAKE.name, subject, up_to=up_to)

    async def _standing(self, stream: str, subject: str) -> AsyncIterator[tuple[int, bytes]]:
        sequence = 0
        while True:
            try:
                raw = await self._broker.jetstream.get_msg(
                    stream, seq=sequence + 1, subject=subject, next=True
                )
            except NotFoundError:
                return
            except (*UNREACHABLE, APIError) as error:
                raise Unavailable("nats") from error
            assert raw.seq is not None
            sequence = raw.seq
            yield sequence, raw.data or b""

    async def _waits(self, address: Address) -> bool:
        async for _ in self._standing(PARKED.name, parked_subject(address)):
            return True
        return False

    async def _last(self, stream: str) -> int:
        try:
            return (await self._broker.jetstream.stream_info(stream)).state.last_seq
        except (*UNREACHABLE, APIError) as error:
            raise Unavailable("nats") from error

    async def _take_out(self, stream: str, sequence: int) -> None:
        try:
            await self._broker.jetstream.delete_msg(stream, sequence)
        except APIError as error:
            if error.err_code != NO_MESSAGE_ERROR:
                raise Unavailable("nats") from error
        except UNREACHABLE as error:
            raise Unavailable("nats") from error


def is_since(told: datetime | None, at: datetime) -> bool:
    """Whether a platform's time is certainly after ours."""
    return told is not None and (told - at).total_seconds() > CLOCKS_DIFFER_SECONDS


def kept(peer: Peer, at: datetime, now: datetime | None, *, waiting: bool) -> Peer:
    """What is known of a chat that was forgotten; `Peer()`: nothing.

    What was done in it since is kept: somebody whom we do not know did it. So are limits that still
    hold, and the mark of a chat in which something newer waits.

    Args:
        peer: what was known.
        at: when the person wished to be forgotten, in business time.
        now: real time, by which limits hold; None: none is kept.
        waiting: whether something of the chat stands in PARKED.
    """
    names: list[str] = []
    if waiting:
        names += ["parked", "parked_by", "parked_last"]
    if now is not None and peer.paused_until is not None and peer.paused_until > now:
        names += ["paused_until", "refusals"]
    if now is not None and peer.tat is not None and peer.tat > now:
        names.append("tat")
    if is_since(peer.heard_at, at):
        names += ["heard_at", "window_closed_for", "blocked", "blocked_at"]
    if is_since(peer.marketing_at, at):
        names += ["marketing_stopped", "marketing_at"]
    if is_since(peer.moved_at, at):
        names += ["moved_to", "moved_at"]
    return Peer(**{name: getattr(peer, name) for name in names})
