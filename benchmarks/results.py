"""What a benchmark says: a ratio against a yardstick measured in the same run."""

import json
import platform
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil


@dataclass
class Comparison:
    """One claim: ours beside a yardstick, in rounds that took turns."""

    name: str
    unit: str
    yardstick_name: str
    ours: list[float] = field(default_factory=list)
    yardstick: list[float] = field(default_factory=list)
    aim: float | None = None
    """The ratio that we want; missing it fails nothing, for the machine is shared."""

    @property
    def ratio(self) -> float:
        """Median of ours over median of the yardstick."""
        return statistics.median(self.ours) / statistics.median(self.yardstick)

    @property
    def spread(self) -> float:
        """The largest distance of a round's ratio from the median ratio."""
        ratios = [one / other for one, other in zip(self.ours, self.yardstick, strict=True)]
        return max(abs(ratio - self.ratio) for ratio in ratios)

    def line(self) -> str:
        """A row of the report."""
        aim = f"{self.aim:.2f}" if self.aim is not None else "–"
        return (
            f"| {self.name} | {statistics.median(self.ours):,.1f} {self.unit} "
            f"| {statistics.median(self.yardstick):,.1f} ({self.yardstick_name}) "
            f"| **{self.ratio:.2f}** ± {self.spread:.2f} | {aim} |"
        )


ROUNDS_MIN = 3


def rounds(most: int, seconds_max: float) -> Iterator[int]:
    """Numbers of rounds: none begins after `seconds_max`, for the machine may be busy, but three
    are always made.
    """
    end = time.monotonic() + seconds_max
    for number in range(most):
        if number >= ROUNDS_MIN and time.monotonic() > end:
            return
        yield number


Benchmark = Callable[[], Awaitable[list[Comparison]]]

HEADER = "| what | ours | yardstick | ratio | aim |\n|---|---|---|---|---|"


def report(comparisons: list[Comparison]) -> str:
    """A Markdown table, with the machine it was measured on."""
    machine = (
        f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, "
        f"Python {platform.python_version()}, load {psutil.getloadavg()[0]:.1f}"
    )
    lines = "\n".join(comparison.line() for comparison in comparisons)
    return f"{HEADER}\n{lines}\n\nMachine: {machine}. Only the ratios count: it is shared.\n"


def keep(comparisons: list[Comparison], folder: Path) -> Path:
    """Write the rounds as JSON, so that a drop can be seen later."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    path = folder / f"{now:%Y%m%dT%H%M%SZ}.json"
    rounds = [{**asdict(one), "ratio": one.ratio} for one in comparisons]
    path.write_text(json.dumps({"at": now.isoformat(), "comparisons": rounds}, indent=1))
    return path
