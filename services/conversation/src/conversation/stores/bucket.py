"""What keeps its entries in a JetStream bucket."""

from types import TracebackType
from typing import ClassVar, Self

from contracts.topology import Bucket
from runtime.broker import Broker
from runtime.documents import Documents


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

    @property
    def _documents(self) -> Documents:
        assert self._opened is not None, "the bucket is opened before the first message"
        return self._opened
