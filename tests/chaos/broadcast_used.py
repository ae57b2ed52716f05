"""What a house's processes take of the machine meanwhile."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from devstack.house import House

MACHINE = "the machine"


@contextmanager
def processors_used(house: House, used: dict[str, float]) -> Iterator[None]:
    """Put into `used` how many seconds of a processor each part took, and all that runs here.

    A process that is started again meanwhile counts from then on.
    """
    before = _seconds(house)
    yield
    for name, seconds in _seconds(house).items():
        used[name] = seconds - before.get(name, 0.0)


def _seconds(house: House) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for process in house.state()["processes"]:
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(process["pid"])
            for one in (parent, *parent.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    # The four of them: of the process, and of children that have ended.
                    found[process["name"]] += sum(one.cpu_times()[:4])
    everything = psutil.cpu_times()
    found[MACHINE] = sum(everything) - everything.idle - getattr(everything, "iowait", 0.0)
    return found
