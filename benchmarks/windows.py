"""What a limit means: how many fell into one window, and how even they were."""

from collections import Counter
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def peak(times: Sequence[float], seconds: float = 1.0) -> int:
    """The largest number in any window of so many seconds, wherever it begins."""
    ordered = sorted(times)
    highest = start = 0
    for end, at in enumerate(ordered):
        while ordered[start] <= at - seconds:
            start += 1
        highest = max(highest, end - start + 1)
    return highest


def steady_rate(times: Sequence[float], begins: float, per_window: int) -> float:
    """Per second from `begins` on, over whole windows: permits come in bursts, one a window, and
    a part of a window would count one burst too many or too few.
    """
    ordered = [at for at in sorted(times) if at >= begins]
    last = (len(ordered) - 1) // per_window * per_window
    return last / (ordered[last] - ordered[0])


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def chart(times: Sequence[float], limit: float) -> str:
    """One character a second; a full block is the limit, `!` is above it."""
    if not times:
        return ""
    begins = min(times)
    counts = Counter(int(at - begins) for at in times)
    return "".join(
        "!" if counts[second] > limit else BARS[int(counts[second] / limit * (len(BARS) - 1))]
        for second in range(max(counts) + 1)
    )
