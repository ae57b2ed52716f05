"""Business time. Acks, locks, permits and time-outs live in real time and never ask this clock."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path


class Clock:
    """The time that rules go by.

    In tests and in the demo it adds the offset that the simulator writes into a file, so that
    `POST /sim/clock` moves every service at once; without a file it is the real time.
    """

    def __init__(self, offset_file: Path | None = None) -> None:
        self._offset_file = offset_file
        self._read_at_mtime_ns = -1
        self._offset_seconds = 0.0

    @property
    def offset_seconds(self) -> float:
        """How far business time is ahead of real time."""
        if self._offset_file is None:
            return 0.0
        try:
            mtime_ns = self._offset_file.stat().st_mtime_ns
        except FileNotFoundError:
            return self._offset_seconds
        if mtime_ns != self._read_at_mtime_ns:
            content = json.loads(self._offset_file.read_text(encoding="utf-8"))
            self._offset_seconds = float(content["offset_seconds"])
            self._read_at_mtime_ns = mtime_ns
        return self._offset_seconds

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset_seconds)
