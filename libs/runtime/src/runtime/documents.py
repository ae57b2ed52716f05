"""Key-value documents written by compare-and-set."""

import nats.errors
from nats.js.errors import (
    APIError,
    KeyDeletedError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
    NoStreamResponseError,
)
from nats.js.kv import KeyValue

from runtime.failures import Unavailable


class Conflict(Exception):
    """Somebody else wrote the document first: read it again."""


class Documents:
    """One bucket."""

    def __init__(self, kv: KeyValue) -> None:
        self._kv = kv

    async def read(self, key: str) -> tuple[bytes, int] | None:
        """The document and its revision, or None.

        Raises:
            Unavailable: the broker does not answer.
        """
        try:
            entry = await self._kv.get(key)
        except (KeyNotFoundError, KeyDeletedError):
            return None
        except (nats.errors.Error, APIError) as error:
            raise Unavailable("nats") from error
        return entry.value or b"", entry.revision or 0

    async def create(self, key: str, value: bytes) -> int:
        """Write a document that does not exist yet; returns its revision.

        Raises:
            Conflict: it exists.
            Unavailable: the broker does not answer; it may have been written all the same.
        """
        try:
            return await self._kv.create(key, value)
        except KeyWrongLastSequenceError as error:
            raise Conflict(key) from error
        except (nats.errors.Error, NoStreamResponseError, APIError) as error:
            raise Unavailable("nats") from error

    async def replace(self, key: str, value: bytes, revision: int) -> int:
        """Write over exactly `revision`; returns the new one.

        Raises:
            Conflict: the document has moved on.
            Unavailable: the broker does not answer; it may have been written all the same.
        """
        try:
            return await self._kv.update(key, value, last=revision)
        except KeyWrongLastSequenceError as error:
            raise Conflict(key) from error
        except (nats.errors.Error, NoStreamResponseError, APIError) as error:
            raise Unavailable("nats") from error

    async def put(self, key: str, value: bytes) -> None:
        """Write over whatever there is: the last one wins.

        Raises:
            Unavailable: the broker does not answer; it may have been written all the same.
        """
        try:
            await self._kv.put(key, value)
        except (nats.errors.Error, NoStreamResponseError, APIError) as error:
            raise Unavailable("nats") from error

    async def delete(self, key: str) -> None:
        """Forget the document."""
        try:
            await self._kv.delete(key)
        except (nats.errors.Error, NoStreamResponseError, APIError) as error:
            raise Unavailable("nats") from error
