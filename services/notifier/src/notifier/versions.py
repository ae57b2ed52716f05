"""Newer beats older: what a notice says may have been overtaken while it was on its way."""

from contracts import OutboundMessage
from contracts.topology import VERSIONS
from runtime.broker import UNREACHABLE, Broker
from runtime.documents import Documents
from runtime.failures import Unavailable
from runtime.faults import broken


class Versions:
    """The bucket `versions`, in which the registry keeps the newest version of what is told."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._bucket: Documents | None = None

    async def overtaken(self, message: OutboundMessage) -> bool:
        """Whether people are told something newer than this message by now.

        Raises:
            Unavailable: the bucket cannot be read; to guess could tell somebody the wrong place.
        """
        of, version = message.notice_event_id, message.notice_event_version
        if of is None or version is None or broken("versions"):
            return False
        if self._bucket is None:
            try:
                self._bucket = await self._broker.bucket(VERSIONS)
            except UNREACHABLE as error:
                raise Unavailable("nats") from error
        stored = await self._bucket.read(str(of))
        return stored is not None and int(stored[0]) > version
