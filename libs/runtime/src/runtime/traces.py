"""One trace from the webhook to the platform's answer, carried in the broker's headers."""

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import context as contexts
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


@dataclass
class _Plan:
    exporting: bool = False
    """Somebody collects spans. If not, the trace is only handed on: its id is in logs and headers,
    at a fifth of the cost of spans that nobody sees."""


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
    _propagator.inject(headers)


@contextmanager
def span(
    name: str, headers: Mapping[str, str] | None = None, kind: trace.SpanKind | None = None
) -> Iterator[None]:
    """A span, continuing the trace in `headers` if there is one.

    `name` is a consumer's or stream's name: subjects hold chat keys and stay out of traces.
    """
    context = _propagator.extract(dict(headers)) if headers else None
    if not _plan.exporting:
        with _handed_on(context):
            yield
        return
    with _tracer.start_as_current_span(
        name,
        context=context,
        kind=kind or trace.SpanKind.INTERNAL,
        # The message of an exception may quote what a person wrote.
        record_exception=False,
    ):
        yield


@contextmanager
def _handed_on(context: contexts.Context | None) -> Iterator[None]:
    """The trace of `context`, or the current one, or a new one, without a span of our own."""
    if not trace.get_current_span(context).get_span_context().is_valid:
        begun = trace.SpanContext(
            _ids.generate_trace_id(), _ids.generate_span_id(), is_remote=False
        )
        context = trace.set_span_in_context(trace.NonRecordingSpan(begun), context)
    if context is None:
        yield
        return
    token = contexts.attach(context)
    try:
        yield
    finally:
        contexts.detach(token)
