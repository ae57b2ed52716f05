"""The account's pause after a flood: every replica stops within milliseconds."""

from datetime import UTC, datetime, timedelta

import nats.errors
from nats.js.errors import APIError
from pydantic import AwareDatetime, BaseModel, ConfigDict

from contracts.topology import Ring
from runtime.broker import Broker
from runtime.documents import Conflict, Documents
from runtime.failures import Unavailable
from runtime.metrics import counter

_paused = counter(
    "turnout_paused_seconds_total", "Time for which an account was told to wait.", ("platform",)
)


class Pause(BaseModel):
    """The document under `ring.<platform>.<account>`; real time, as permits are."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = 1
    until: AwareDatetime


class Pauses:
    """Pauses the ring of one account.

    A later, shorter pause of a consumer shortens a longer one (nats.md), so the longest end is
    kept in a document, and the ring's pause is derived from it.
    """

    def __init__(self, broker: Broker, documents: Documents, ring: Ring) -> None:
        self._broker = broker
        self._documents = documents
        self._ring = ring
        self._key = f"ring.{ring.platform}.{ring.account}"

    async def pause(self, seconds: float) -> None:
        """Hand out no permit for that long, unless a longer pause is under way.

        Raises:
            Unavailable: the broker does not answer.
        """
        until = await self._latest(datetime.now(UTC) + timedelta(seconds=seconds))
        while True:
            await self._apply(until)
            # Somebody may have written a longer one and applied it before our own shorter one.
            longest = await self._latest(until)
            if longest == until:
                return
            until = longest

    async def _latest(self, until: datetime) -> datetime:
        """Write `until` unless a later end is known; returns the later of the two."""
        while True:
            stored = await self._documents.read(self._key)
            known = Pause.model_validate_json(stored[0]).until if stored else None
            if known is not None and known >= until:
                return known
            value = Pause(until=until).model_dump_json().encode()
            try:
                if stored is None:
                    await self._documents.create(self._key, value)
                else:
                    await self._documents.replace(self._key, value, stored[1])
            except Conflict:
                continue
            begins = max(known, datetime.now(UTC)) if known else datetime.now(UTC)
            _paused.labels(platform=self._ring.platform).inc((until - begins).total_seconds())
            return until

    async def _apply(self, until: datetime) -> None:
        try:
            await self._broker.jetstream.pause_consumer(
                self._ring.stream, self._ring.consumer, until.isoformat().replace("+00:00", "Z")
            )
        except (nats.errors.Error, APIError, OSError) as error:
            raise Unavailable("nats") from error
