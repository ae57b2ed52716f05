"""One trace from the webhook to the platform's answer, carried in the broker's headers."""

import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from runtime.settings import ServiceSettings

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("turnout")
"""Kept: asking for it costs as much as the span. It finds its provider when that is configured."""
_ids = RandomIdGenerator()

TRACEPARENT = "traceparent"
"""The header of W3C Trace Context."""
_PARENT = re.compile("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_handed_on: ContextVar[str | None] = ContextVar("traceparent", default=None)
"""What is handed on while nobody collects spans."""


@dataclass
class _Plan:
    exporting: bool = False
    """Somebody collects spans. If not, the trace is only handed on: its id is in logs and headers,
    as the plain header, at a small part of the cost of spans that nobody sees."""


_plan = _Plan()


def configure(service: str, settings: ServiceSettings) -> None:
    """Start tracing, once per process; spans leave it only when an OTLP endpoint is set."""
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    if settings.otel_exporter_otlp_endpoint:
        endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/") + "/v1/traces"
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        _plan.exporting = True
    trace.set_tracer_provider(provider)


def flush() -> None:
    """Send what is still here, before the process ends."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def inject(headers: MutableMapping[str, str]) -> None:
    """Write the current trace into the headers of a message."""
    if _plan.exporting:
        _propagator.inject(headers)
    elif (parent := _handed_on.get()) is not None:
        headers[TRACEPARENT] = parent


def trace_id() -> str | None:
    """The current trace's id, as logs show it."""
    if not _plan.exporting:
        parent = _handed_on.get()
        return None if parent is None else parent.split("-")[1]
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def span(
    name: str, headers: Mapping[str, str] | None = None, kind: trace.SpanKind | None = None
) -> AbstractContextManager[None]:
    """A span, continuing the trace in `headers` if there is one.

    `name` is a consumer's or stream's name: subjects hold chat keys and stay out of traces.
    """
    if _plan.exporting:
        return _recorded(name, headers, kind)
    return _HandedOn(None if headers is None else headers.get(TRACEPARENT))


@contextmanager
def _recorded(
    name: str, headers: Mapping[str, str] | None, kind: trace.SpanKind | None
) -> Iterator[None]:
    with _tracer.start_as_current_span(
        name,
        context=_propagator.extract(dict(headers)) if headers else None,
        kind=kind or trace.SpanKind.INTERNAL,
        # The message of an exception may quote what a person wrote.
        record_exception=False,
    ):
        yield


class _HandedOn:
    """The trace of a message, or the current one, or a new one, without a span of our own."""

    __slots__ = ("_parent", "_token")

    def __init__(self, parent: str | None) -> None:
        self._parent = parent

    def __enter__(self) -> None:
        parent = self._parent
        if parent is None or not _PARENT.fullmatch(parent):
            parent = _handed_on.get() or _begun()
        self._token = _handed_on.set(parent)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _handed_on.reset(self._token)


def _begun() -> str:
    return f"00-{_ids.generate_trace_id():032x}-{_ids.generate_span_id():016x}-00"
