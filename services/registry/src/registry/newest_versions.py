"""The newest version of what people are told, where the notifier looks right before it sends."""

import json
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from contracts.topology import VERSIONS
from registry.results import Newest
from runtime.broker import UNREACHABLE, Broker
from runtime.documents import Conflict, Documents
from runtime.failures import Retry, Unavailable

CONFLICTS_MAX = 8
CONFLICT_RETRY_SECONDS = 0.2


class NewestVersions:
    """Bucket `versions`: the id of an event, or of an organiser's message, and a number."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._bucket: Documents | None = None

    async def make_known(self, newest: Sequence[Newest]) -> None:
        """Write versions down; a higher one that is there stays.

        Raises:
            Unavailable: the broker is away.
            Retry: others write the same again and again.
        """
        for one in newest:
            await self._raise(one.of, one.version)

    async def _raise(self, of: UUID, version: int) -> None:
        bucket = await self._open()
        key, value = str(of), json.dumps(version).encode()
        for _ in range(CONFLICTS_MAX):
            with suppress(Conflict):  # somebody else was faster: perhaps with a higher one
                known = await bucket.read(key)
                if known is None:
                    await bucket.create(key, value)
                elif json.loads(known[0]) < version:
                    await bucket.replace(key, value, known[1])
                return
        raise Retry("versions are contended", CONFLICT_RETRY_SECONDS)

    async def _open(self) -> Documents:
        if self._bucket is None:
            try:
                self._bucket = await self._broker.bucket(VERSIONS)
            except UNREACHABLE as error:
                raise Unavailable("nats") from error
        return self._bucket
