"""Prometheus metrics, each with the label `service`."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar, cast

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

M = TypeVar("M", bound=MetricWrapperBase)

_service = {"name": "unnamed"}

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


def name_service(name: str) -> None:
    """Say once, at start, what the label `service` is."""
    _service["name"] = name


class Labelled(Generic[M]):
    """A metric that adds the service's name by itself."""

    def __init__(self, metric: M) -> None:
        self._metric = metric
        self._series: dict[tuple[object, ...], M] = {}

    def labels(self, **labels: str) -> M:
        """The series for these labels; they are few and never about a person."""
        # Kept: a message counts at five of them, and looking one up costs as much as counting.
        key = (_service["name"], *labels.items())
        found = self._series.get(key)
        if found is None:
            found = self._series[key] = self._metric.labels(service=_service["name"], **labels)
        return found


def counter(name: str, help_text: str, labels: Sequence[str] = ()) -> "Labelled[Counter]":
    """A count that only rises."""
    return Labelled(Counter(name, help_text, ("service", *labels)))


def gauge(name: str, help_text: str, labels: Sequence[str] = ()) -> "Labelled[Gauge]":
    """A value of this moment."""
    return Labelled(Gauge(name, help_text, ("service", *labels)))


def histogram(
    name: str,
    help_text: str,
    labels: Sequence[str] = (),
    buckets: Sequence[float] = SECONDS_BUCKETS,
) -> "Labelled[Histogram]":
    """A distribution, of seconds by default."""
    return Labelled(
        Histogram(name, help_text, ("service", *labels), buckets=cast(Any, tuple(buckets)))
    )
