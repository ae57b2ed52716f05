"""A parked chat goes on: its messages are sent in order, as far as they may be now."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from opentelemetry.trace import SpanKind
from pydantic import ValidationError

from contracts import Address, OutboundMessage
from notifier import real_time
from notifier.parking.parked import Head, Parked, parked_subject
from notifier.parking.wakes import Wake, Wakes
from notifier.peers import Peers
from notifier.permits import Paused
from notifier.results import Results
from notifier.vanishing import Vanishing
from notifier.waiting import wait_after
from runtime import traces
from runtime.broker import Broker
from runtime.endings import BUG_RETRY_SECONDS, DELIVERIES_MAX, without_values
from runtime.failures import Reject, Retry, Unavailable
from runtime.faults import crash_point
from runtime.logs import about

WAKE_MESSAGES_MAX = 20
"""Then the chat's next wake goes behind those of other chats."""
UNMARKED_SECONDS = 1.0
"""Before another look at a chat that has messages and no mark: its lane is about to set it."""
ORIGIN = "notifier-parked"

log = structlog.get_logger()

Send = Callable[[OutboundMessage], Awaitable[None]]
GiveUp = Callable[[OutboundMessage, str], Awaitable[None]]


class Waker:
    """Works on wakes; a chat is in the hands of one replica, for its lane has one in flight."""

    def __init__(
        self,
        broker: Broker,
        peers: Peers,
        results: Results,
        vanishing: Vanishing,
        *,
        send: Send,
        give_up: GiveUp,
    ) -> None:
        """Prepare.

        Args:
            broker: where parked messages and wakes are.
            peers: say which chats are parked.
            results: of messages that are done already.
            vanishing: takes out documents of peers of which nothing is known any more.
            send: the way that every message goes; it returns when the result is told.
            give_up: tells the result of a message that is set aside.
        """
        self._broker = broker
        self._peers = peers
        self._results = results
        self._vanishing = vanishing
        self._parked = Parked(broker, peers)
        self._wakes = Wakes(broker)
        self._send = send
        self._give_up = give_up

    async def handle(self, wake: Wake) -> None:
        """Send what may be sent, and see to the next wake.

        Raises:
            Away: the platform is; the wake is held, and only others of its account with it.
            Unavailable: the broker does not answer.
        """
        address = wake.address
        last = await self._last(address)
        for number in range(WAKE_MESSAGES_MAX):
            head = await self._parked.head(address)
            if head is None:
                crash_point("notifier.before-clear")
                if last is None or await self._parked.free(address, last):
                    # Of a mailbox nothing else is known, and each code has a chat of its own.
                    await self._vanishing.reduce(address, lambda peer: peer)
                    return
                last = await self._last(address)
            elif last is None:
                if not await self._drop_leftover(head):
                    await self._wakes.at(address, real_time.after(UNMARKED_SECONDS))
                    return
            elif not await self._advance(address, head, wake.bugs if number == 0 else 0):
                return
        await self._wakes.at(address, None)

    async def _last(self, address: Address) -> int | None:
        """What the chat's mark says was appended last; None if it has no mark."""
        peer = (await self._peers.open(address)).peer
        return peer.parked_last if peer.parked else None

    async def _drop_leftover(self, head: Head) -> bool:
        """Forget what is done; whoever appended it was stopped before the mark."""
        message = _read(head)
        done = message is None or (await self._results.open(message)).settled
        if done:
            await self._parked.remove(head)
        return done

    async def _advance(self, address: Address, head: Head, bugs: int) -> bool:
        """Bring the head to its end, or say when it comes again; whether the next one may go."""
        message = _read(head)
        if message is None:
            await self._set_aside(address, head, None, "unreadable")
            return True
        with (
            traces.span(f"handle {ORIGIN}", head.headers, kind=SpanKind.CONSUMER),
            about(ORIGIN, message),
        ):
            try:
                await self._send(message)
            except Unavailable:
                raise
            except (Paused, Retry) as error:
                return await self._wait(address, error)
            except Reject as error:
                await self._set_aside(address, head, message, error.reason)
            except Exception as error:  # a bug: counted, shown, and in the end set aside
                # Not log.exception: it would take the error as it is, values and all.
                log.error(  # noqa: TRY400
                    "parked message failed", bugs=bugs + 1, exc_info=without_values(error)
                )
                if bugs + 1 < DELIVERIES_MAX:
                    await self._wakes.at(
                        address, real_time.after(BUG_RETRY_SECONDS[bugs]), bugs=bugs + 1
                    )
                    return False
                await self._set_aside(address, head, message, f"bug: {type(error).__name__}")
            else:
                crash_point("notifier.after-head-sent")
                await self._parked.remove(head)
        return True

    async def _wait(self, address: Address, error: Paused | Retry) -> bool:
        wait = wait_after(error)
        if wait is None:
            assert isinstance(error, Retry)
            await asyncio.sleep(error.after_seconds)
            return True
        if wait.reason == "chat" and (until := wait.until) is not None:
            # Kept, so that no other wake comes first.
            await self._peers.change(address, lambda peer: peer.pause(until))
        await self._wakes.at(address, wait.until)
        return False

    async def _set_aside(
        self, address: Address, head: Head, message: OutboundMessage | None, reason: str
    ) -> None:
        if message is not None:
            await self._give_up(message, reason)
        message_id = head.headers.get("Nats-Msg-Id", "")
        kept = {name: it for name, it in head.headers.items() if not name.startswith("Nats-")}
        await self._broker.set_aside(
            parked_subject(address) if message is None else message.route(),
            head.body,
            reason=reason,
            id=f"PARKED-{head.sequence}-{message_id}",
            origin=ORIGIN,
            headers=kept
            | {"Turnout-Message-Id": message_id}
            # What stands here by an operator's act has another name for the broker.
            | ({} if message is None else {"Turnout-Id": str(message.id)}),
        )
        log.error("set aside", consumer=ORIGIN, reason=reason)
        await self._parked.remove(head)


def _read(head: Head) -> OutboundMessage | None:
    try:
        return OutboundMessage.model_validate_json(head.body)
    except ValidationError:
        return None
