"""Results of messages as they come from DELIVERY."""

from collections.abc import Sequence
from functools import partial

from contracts import DeliveryReported
from registry.database import Database
from registry.notice_results import record
from registry.together import Together
from runtime.clock import Clock
from runtime.metrics import counter

_results = counter(
    "turnout_notice_results_total",
    "Results of notices by status; a platform's about something else are not counted.",
    ("status",),
)
_changed = counter(
    "turnout_notice_results_kept_total", "Notices whose result is another one than before."
)


class ResultIntake:
    """Keeps what becomes of notices; of replies nobody asks later.

    Results that wait together are written in one transaction: a platform says three of each
    message.
    """

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._together = Together(self._keep)

    async def take_in(self, report: DeliveryReported) -> None:
        """Write a result down if it is one of a notice; heard again, it changes nothing.

        Raises:
            Unavailable: the database is away.
            Retry: it is too busy.
        """
        if report.notice_id is None and report.source != "platform":
            return
        if report.notice_id is not None:
            _results.labels(status=report.status).inc()
        await self._together.add(report)

    async def _keep(self, reports: Sequence[DeliveryReported]) -> None:
        changed = await self._database.run(partial(record, reports=reports, now=self._clock.now()))
        _changed.labels().inc(changed)
