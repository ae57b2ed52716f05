"""A value that is made of files, and made again when they change."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

import structlog

from runtime.metrics import gauge
from runtime.settings import Misconfigured

LOOK_SECONDS = 1.0
"""Between two looks at the files; a new secret is live within two of them."""

_refused = gauge(
    "turnout_files_refused",
    "1 while files were changed to something senseless, so that what they held before is in use.",
    ("of",),
)
_changed_at = gauge(
    "turnout_files_taken_over_seconds",
    "When what files hold was last taken over, in seconds since 1970.",
    ("of",),
)

log = structlog.get_logger()

T = TypeVar("T")

Marks = Mapping[Path, tuple[int, int, int] | None]
"""What tells one content of a file from the next: time, size, inode; None when it is missing."""


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """A value, and the files that it was made of."""

    value: T
    files: frozenset[Path]


class Live(Generic[T]):
    """Holds the value; while it is entered, it looks whether the files have changed.

    A content that makes no sense is refused: the value before it stays, one line says why, and a
    metric shows it until the files are right again.
    """

    def __init__(
        self, name: str, make: Callable[[], Made[T]], *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        """Make the first value.

        Args:
            name: what it is, for logs and metrics.
            make: reads the files; raises `Misconfigured` with a sentence that holds no value.
            look_seconds: between two looks.

        Raises:
            Misconfigured: there is no first value.
        """
        self._name = name
        self._make = make
        self._look_seconds = look_seconds
        self._hearers: list[Callable[[T], None]] = []
        self._watching: asyncio.Task[None] | None = None
        self._problem: str | None = None
        self.current, self._marks = self._read()
        """The value of this moment; fetch it anew for each piece of work."""
        self._show()

    def tell(self, hearer: Callable[[T], None]) -> None:
        """Call `hearer` with each new value."""
        self._hearers.append(hearer)

    async def problem(self) -> str | None:
        """Why the files' present content is not in use; None when it is."""
        return self._problem

    async def __aenter__(self) -> Self:
        if self._marks:
            self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self) -> None:
        seen = self._marks
        while True:
            await asyncio.sleep(self._look_seconds)
            # A thread, because a mounted secret may lie on a server that hangs.
            now = await asyncio.to_thread(_marks, self._marks)
            # Only what is the same at two looks: a file that is being written is half a secret.
            # What was refused may have named a file that is made only now.
            if now == seen and (now != self._marks or self._problem):
                self._marks = now
                await self._take_over()
                now = self._marks
            seen = now

    async def _take_over(self) -> None:
        try:
            value, self._marks = await asyncio.to_thread(self._read)
        except Misconfigured as error:
            self._refuse(str(error))
        except Exception as error:  # noqa: BLE001 - a bug in reading must not end the watch for good
            # Without the error's text, which may quote a file.
            self._refuse(f"cannot be read: {type(error).__name__}")
        else:
            self._problem = None
            if value != self.current:
                self.current = value
                log.info("changed files taken over", of=self._name)
                self._tell(value)
        self._show()

    def _refuse(self, problem: str) -> None:
        # Said once: it is tried again at every look.
        if problem != self._problem:
            log.warning("changed files refused", of=self._name, problem=problem)
        self._problem = problem

    def _tell(self, value: T) -> None:
        for hearer in self._hearers:
            try:
                hearer(value)
            except Exception:  # a bug in one of them must not end the watch for good
                log.exception("a change was not followed", of=self._name)

    def _read(self) -> tuple[T, Marks]:
        """The value, and marks that are not newer than it: no later change can hide."""
        files = self._make().files
        while True:
            marks = _marks(files)
            made = self._make()
            if made.files == files:
                return made.value, marks
            files = made.files

    def _show(self) -> None:
        _refused.labels(of=self._name).set(1 if self._problem else 0)
        if self._problem is None:
            _changed_at.labels(of=self._name).set(time.time())


def _marks(files: Iterable[Path]) -> Marks:
    return {file: _mark(file) for file in files}


def _mark(file: Path) -> tuple[int, int, int] | None:
    try:
        # Follows links: an orchestrator changes a mounted secret by changing a link.
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
