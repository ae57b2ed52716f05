"""Logs: one line per fact, JSON for machines, colours for a terminal."""

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any

import structlog

from runtime import traces
from runtime.settings import ServiceSettings

_in_hand: ContextVar[tuple[str, object] | None] = ContextVar("in_hand", default=None)


class about:  # noqa: N801 - read as a word: `with about(...)`
    """Every line within says which consumer's message it is about; free until there is a line."""

    __slots__ = ("_in_hand", "_token")

    def __init__(self, consumer: str, message: object) -> None:
        self._in_hand = (consumer, message)

    def __enter__(self) -> None:
        self._token = _in_hand.set(self._in_hand)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _in_hand.reset(self._token)


def _what_it_is_about(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    if (in_hand := _in_hand.get()) is not None:
        consumer, message = in_hand
        event.setdefault("consumer", consumer)
        event.setdefault("message_id", str(getattr(message, "id", "")))
        event.setdefault("correlation_id", str(getattr(message, "correlation_id", "")))
    return event


def _trace_id(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    if (trace_id := traces.trace_id()) is not None:
        event["trace_id"] = trace_id
    return event


def configure(service: str, settings: ServiceSettings) -> None:
    """Send our own lines and those of libraries to standard output in one form."""
    level = getattr(logging, settings.log_level.upper())
    console = settings.log_format == "console" or (
        settings.log_format == "auto" and sys.stdout.isatty()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _what_it_is_about,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _trace_id,
    ]
    renderer: structlog.typing.Processor = (
        # The default would print local variables, where rich is installed.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    # Tracebacks as text without local variables: those would carry names and messages.
    final: list[structlog.typing.Processor] = [structlog.processors.format_exc_info, renderer]
    if console:
        final = [renderer]
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(service=service, replica=settings.turnout_replica)

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries may log addresses with tokens in them (httpx prints URLs at INFO, platforms.md D21).
    root.setLevel(max(level, logging.WARNING))
