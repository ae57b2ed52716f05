"""What the notifier hears of people from others: their own acts, and what platforms tell later."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from contracts import DeliveryReported, PeerChanged, Platform
from contracts.topology import LEDGER, PEERS
from notifier.ledger import Ledger
from notifier.peers import Peers
from notifier.reach import Reach
from notifier.statuses import Statuses
from notifier.verdicts import Stopped
from runtime.service import Service


class Hearing:
    """Opens the buckets before the first message."""

    def __init__(
        self, service: Service, stop: Callable[[tuple[Platform, str], Stopped], Awaitable[None]]
    ) -> None:
        """Prepare.

        Args:
            service: the connection and the clock.
            stop: stops an account on every replica.
        """
        self._service = service
        self._stop = stop

    async def __aenter__(self) -> Self:
        broker = self._service.broker
        peers, ledger = await broker.bucket(PEERS), await broker.bucket(LEDGER)
        self._reach = Reach(broker, self._service.clock, Peers(peers))
        self._statuses = Statuses(Ledger(ledger), self._reach, self._stop)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    async def changed(self, change: PeerChanged) -> None:
        """A person did something that says whether they can be written to."""
        await self._reach.take_in(change)

    async def failed(self, report: DeliveryReported | None) -> None:
        """A platform told what became of a message."""
        await self._statuses.take_in(report)
