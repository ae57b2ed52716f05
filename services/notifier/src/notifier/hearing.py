"""What the notifier hears of people from others: their own acts, and what platforms tell later."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from contracts import Address, DeliveryReported, PeerChanged, Platform
from contracts.topology import LEDGER, PEERS, Tier
from notifier.forgetting import Forgetting
from notifier.ledger import Ledger
from notifier.peers import Peers
from notifier.reach import Reach
from notifier.results import Results
from notifier.statuses import Statuses
from notifier.verdicts import Stopped
from notifier.whose import Whose
from runtime.service import Service


class Hearing:
    """Opens the buckets before the first message."""

    def __init__(
        self,
        service: Service,
        stop: Callable[[tuple[Platform, str], Stopped], Awaitable[None]],
        tier_of: Callable[[Address], Tier | None],
    ) -> None:
        """Prepare.

        Args:
            service: the connection and the clock.
            stop: stops an account on every replica.
            tier_of: the limit of people that an address counts for.
        """
        self._service = service
        self._stop = stop
        self._tier_of = tier_of

    async def __aenter__(self) -> Self:
        broker, clock = self._service.broker, self._service.clock
        peers, ledger = await broker.bucket(PEERS), Ledger(await broker.bucket(LEDGER))
        self._reach = Reach(broker, clock, Peers(peers))
        self._statuses = Statuses(ledger, Whose(broker, peers), self._reach, self._stop)
        self._forgetting = Forgetting(broker, peers, Results(broker, clock, ledger), self._tier_of)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    async def changed(self, change: PeerChanged) -> None:
        """A person did something that says whether they can be written to, or is forgotten."""
        if change.forgotten:
            await self._forgetting.forget(change)
        else:
            await self._reach.take_in(change)

    async def failed(self, report: DeliveryReported | None) -> None:
        """A platform told what became of a message."""
        await self._statuses.take_in(report)
