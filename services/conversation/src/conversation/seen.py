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


@dataclass(frozen=True, slots=True)
class SeenInputs:
    """The last inputs, the newest last."""

    records: tuple[tuple[bytes, int], ...] = ()

    @classmethod
    def unpacked(cls, packed: str) -> "SeenInputs":
        """Read what `packed` wrote.

        Raises:
            ValueError: it was not written by it.
        """
        try:
            return cls(tuple(_RECORD.iter_unpack(b64decode(packed, validate=True))))
        except Exception as error:
            raise ValueError("not a list of seen inputs") from error

    def packed(self) -> str:
        """One string for the document."""
        return b64encode(b"".join(_RECORD.pack(*record) for record in self.records)).decode()

    def __contains__(self, input_id: UUID) -> bool:
        return any(seen == input_id.bytes for seen, _ in self.records)

    def __len__(self) -> int:
        return len(self.records)

    def and_also(self, input_id: UUID, at: datetime) -> "SeenInputs":
        """With one more; the oldest and those that can come no more are forgotten."""
        oldest = (at - SEEN_AGE_MAX).timestamp()
        kept = [
            record for record in self.records if record[0] != input_id.bytes and record[1] > oldest
        ]
        return SeenInputs((*kept, (input_id.bytes, int(at.timestamp())))[-SEEN_MAX:])

    def newest(self, count: int) -> "SeenInputs":
        """Only the last of them."""
        return SeenInputs(self.records[-count:])

    def taken_in_at(self, input_id: UUID) -> datetime | None:
        """When this input was taken in, to the second."""
        for seen, second in reversed(self.records):
            if seen == input_id.bytes:
                return datetime.fromtimestamp(second, UTC)
        return None
