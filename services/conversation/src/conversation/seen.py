"""Which inputs are in a chat's state already, packed: 256 of them in 7 KB instead of 20."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import Struct
from uuid import UUID

SEEN_MAX = 256
SEEN_AGE_MAX = timedelta(days=8)
"""As long as any stream keeps what could come again."""

_RECORD = Struct(">16sI")
"""An input's id, and the second in which it was taken in."""
_SECOND_AT = 16
"""Where in a record the second is."""


@dataclass(frozen=True, slots=True)
class SeenInputs:
    """The last inputs, the newest last.

    They stay packed as they are stored: each step of a chat looks for one of them and adds one.
    """

    records: bytes = b""

    @classmethod
    def unpacked(cls, packed: str) -> "SeenInputs":
        """Read what `packed` wrote.

        Raises:
            ValueError: it was not written by it.
        """
        records = b64decode(packed, validate=True)
        if len(records) % _RECORD.size:
            raise ValueError("not a list of seen inputs")
        return cls(records)

    def packed(self) -> str:
        """One string for the document."""
        return b64encode(self.records).decode()

    def __contains__(self, input_id: UUID) -> bool:
        return self._found(input_id) is not None

    def __len__(self) -> int:
        return len(self.records) // _RECORD.size

    def and_also(self, input_id: UUID, at: datetime) -> "SeenInputs":
        """With one more; the oldest and those that can come no more are forgotten."""
        records = self.records
        if (again := self._found(input_id)) is not None:
            records = records[:again] + records[again + _RECORD.size :]
        oldest = (at - SEEN_AGE_MAX).timestamp()
        start = max(0, len(records) - (SEEN_MAX - 1) * _RECORD.size)
        # The oldest come first.
        while start < len(records) and self._second(records, start) <= oldest:
            start += _RECORD.size
        return SeenInputs(records[start:] + _RECORD.pack(input_id.bytes, int(at.timestamp())))

    def newest(self, count: int) -> "SeenInputs":
        """Only the last of them."""
        return SeenInputs(self.records[-count * _RECORD.size :])

    def taken_in_at(self, input_id: UUID) -> datetime | None:
        """When this input was taken in, to the second."""
        found = self._found(input_id)
        if found is None:
            return None
        return datetime.fromtimestamp(self._second(self.records, found), UTC)

    def _found(self, input_id: UUID) -> int | None:
        """Where its record begins."""
        start = self.records.find(input_id.bytes)
        while start > 0 and start % _RECORD.size:  # across the border of two records
            start = self.records.find(input_id.bytes, start + 1)
        return None if start < 0 else start

    @staticmethod
    def _second(records: bytes, start: int) -> int:
        return int.from_bytes(records[start + _SECOND_AT : start + _RECORD.size], "big")
