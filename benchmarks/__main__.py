"""`./task bench [-- NAME …]`: run the benchmarks, print the ratios, keep the rounds."""

import asyncio
import os
import sys
from pathlib import Path

from benchmarks import conversation, gateway, notifier, registry
from benchmarks.results import Benchmark, Comparison, keep, report

BENCHMARKS: dict[str, Benchmark] = {
    "gateway": gateway.run,
    "conversation": conversation.run,
    "registry": registry.run,
    "notifier": notifier.run,
}


async def main(names: list[str]) -> None:
    """Run the named benchmarks, or all."""
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        known = ", ".join(BENCHMARKS)
        raise SystemExit(f"no benchmark called {', '.join(sorted(unknown))}; there are: {known}")
    comparisons: list[Comparison] = []
    for name in names or list(BENCHMARKS):
        sys.stdout.write(f"{name} …\n")
        sys.stdout.flush()
        comparisons += await BENCHMARKS[name]()
    folder = Path(os.environ.get("TURNOUT_HOME", ".turnout")) / "bench"
    sys.stdout.write(f"\n{report(comparisons)}\nRounds: {keep(comparisons, folder)}\n")


asyncio.run(main(sys.argv[1:]))
