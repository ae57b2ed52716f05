"""What keeps its entries in a JetStream bucket."""

from types import TracebackType
from typing import ClassVar, Self

from contracts.topology import Bucket
from runtime.broker import UNREACHABLE, Broker
from runtime.documents import Documents
from runtime.failures import Unavailable
from runtime.purging import erase


class InBucket:
    """Its bucket is open while it is entered."""

    bucket: ClassVar[Bucket]

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._opened: Documents | None = None

    async def __aenter__(self) -> Self:
        self._opened = await self._broker.bucket(self.bucket)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._opened = None

    async def erase(
        self, key: str, revision: int | None = None, *, bucket: Bucket | None = None
    ) -> bool:
        """Take an entry out without a trace; whether there was one. See `runtime.purging.erase`.

        Raises:
            Unavailable: the broker does not answer; it may be gone all the same.
        """
        try:
            return await erase(self._broker.nats, bucket or self.bucket, key, revision=revision)
        except UNREACHABLE as error:
            raise Unavailable("nats") from error

    @property
    def _documents(self) -> Documents:
        assert self._opened is not None, "the bucket is opened before the first message"
        return self._opened
