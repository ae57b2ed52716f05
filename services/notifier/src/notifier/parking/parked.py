"""The messages that wait with their chats, and what says that a chat is parked."""

from dataclasses import dataclass
from datetime import datetime

from nats.js.errors import APIError, NotFoundError

from contracts import Address, OutboundMessage, derived_id
from contracts.topology import PARKED
from notifier.peers import Peer, Peers
from runtime import traces
from runtime.broker import UNREACHABLE, Broker
from runtime.failures import Unavailable
from runtime.faults import broken


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a message stands in the stream."""

    sequence: int
    repeated: bool
    """It stood there already."""


@dataclass(frozen=True, slots=True)
class Head:
    """The message of a chat that comes next."""

    sequence: int
    body: bytes
    headers: dict[str, str]
    parked_at: datetime
    """The broker's clock."""


class Parked:
    """The stream, and the mark in the peer of each chat that has something there."""

    def __init__(self, broker: Broker, peers: Peers) -> None:
        self._broker = broker
        self._peers = peers

    async def append(self, message: OutboundMessage) -> Appended:
        """Put the message behind what its chat already has there; a repetition changes nothing.

        Raises:
            Unavailable: the broker does not answer, or the stream is full.
        """
        # The chat may have got another id meanwhile, and an operator who sends it again from DEAD
        # means a new place in the line.
        name = derived_id(message.id, f"{message.address.chat_key} {message.redriven}")
        headers = {} if broken("message-id") else {"Nats-Msg-Id": str(name)}
        traces.inject(headers)
        try:
            ack = await self._broker.jetstream.publish(
                parked_subject(message.address),
                message.model_dump_json().encode(),
                headers=headers,
            )
        except (*UNREACHABLE, APIError) as error:
            raise Unavailable("stream of parked messages") from error
        return Appended(ack.seq, bool(ack.duplicate))

    async def head(self, address: Address) -> Head | None:
        """What comes next; None when nothing waits.

        Asked of the stream's leader: a replica of it may not know yet what was appended.

        Raises:
            Unavailable: the broker does not answer.
        """
        try:
            raw = await self._broker.jetstream.get_msg(
                PARKED.name, seq=1, subject=parked_subject(address), next=True
            )
        except NotFoundError:
            return None
        except (*UNREACHABLE, APIError) as error:
            raise Unavailable("nats") from error
        assert raw.seq is not None
        assert raw.time is not None
        return Head(raw.seq, raw.data or b"", dict(raw.headers or {}), raw.time)

    async def remove(self, head: Head) -> None:
        """Forget a message that has its result; one that is gone already is as good.

        Raises:
            Unavailable: the broker does not answer.
        """
        try:
            await self._broker.jetstream.delete_msg(PARKED.name, head.sequence)
        except APIError as error:
            if error.err_code != NO_MESSAGE_ERROR:
                raise Unavailable("nats") from error
        except UNREACHABLE as error:
            raise Unavailable("nats") from error

    async def mark(
        self, message: OutboundMessage, appended: Appended, until: datetime | None
    ) -> Peer:
        """Let everything for the chat go behind what waits; returns the peer as it is now.

        Args:
            message: what was appended.
            appended: where.
            until: before this the chat must be left alone; None if that is not the chat's matter.

        Raises:
            Unavailable: the broker does not answer.
        """
        marked = Peer()

        def change(peer: Peer) -> Peer:
            nonlocal marked
            update: dict[str, object] = {}
            if not peer.parked:
                update = {"parked": True, "parked_by": message.id}
            if not (peer.parked and appended.repeated):
                update["parked_last"] = appended.sequence
            marked = peer.model_copy(update=update)
            marked = marked if until is None else marked.pause(until)
            return marked

        await self._peers.change(message.address, change)
        return marked

    async def free(self, address: Address, last: int) -> bool:
        """Say that nothing waits any more, unless something was appended after `last`.

        Args:
            address: the chat.
            last: `parked_last` of the peer as read before the subject was found empty.

        Raises:
            Unavailable: the broker does not answer.
        """
        freed = False

        def change(peer: Peer) -> Peer:
            nonlocal freed
            freed = not peer.parked or peer.parked_last == last
            if not freed or not peer.parked:
                return peer
            return peer.model_copy(update={"parked": False, "parked_by": None, "parked_last": 0})

        await self._peers.change(address, change)
        return freed


NO_MESSAGE_ERROR = 10057
"""JetStream's code for a sequence that is not there (any more)."""


def parked_subject(address: Address) -> str:
    """Where the messages of a chat wait; the account has a token of its own, to look at alone."""
    return f"parked.{address.platform}.{address.account_key}.{address.chat_key}"
