"""The scheduler: time in, commands out."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC

from apscheduler.schedulers.asyncio import (  # type: ignore[import-untyped]
    AsyncIOScheduler,  # APScheduler 3 carries no types
)
from fastapi import FastAPI

from contracts.topology import COMMANDS
from runtime.service import Service
from scheduler.handlers import LOOK_SECONDS, Ticker
from scheduler.settings import Settings
from scheduler.ticks import TICKS


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application."""
    service = Service("scheduler", settings or Settings())

    async def commands_exist() -> None:
        await service.broker.jetstream.stream_info(COMMANDS.name)

    service.probe("streams", commands_exist)
    service.own(_looking([Ticker(service, tick) for tick in TICKS]))
    return service.build()


@asynccontextmanager
async def _looking(tickers: Sequence[Ticker]) -> AsyncIterator[None]:
    scheduler = AsyncIOScheduler(timezone=UTC)
    for ticker in tickers:
        scheduler.add_job(
            ticker.look,
            "interval",
            seconds=LOOK_SECONDS,
            # A process that was stopped for an hour looks once, not 3,600 times.
            coalesce=True,
            misfire_grace_time=None,
            max_instances=1,
        )
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)
