"""The notifier's parts, put together."""

from functools import partial

from fastapi import FastAPI

from contracts import ListAccounts, OutboundMessage
from contracts.topology import NOTIFIER_BULK, NOTIFIER_OUTBOUND
from notifier.accounts import Accounts
from notifier.parking.sweeping import Sweep
from notifier.senders import Senders, live_accounts, platforms
from notifier.settings import Settings
from runtime.service import Service

BULK_WORKERS = 4
"""Reminders and broadcasts under way at a time per process; the permits set the pace."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service; its settings come from the environment unless they are given.

    Raises:
        Misconfigured: there is no token.
    """
    settings = settings or Settings()
    service = Service("notifier", settings)
    accounts = live_accounts(settings)
    senders = Senders(service, accounts, settings)
    service.own(senders)
    service.own(accounts)
    sweep = Sweep(service.broker, settings.parked_sweep_seconds, senders.holding)
    service.own(sweep)
    service.detail("parked", sweep.show)
    service.detail("files_refused", accounts.problem)
    service.answer(ListAccounts, Accounts(senders.channels).list_accounts)
    for platform in platforms(accounts.current):
        service.on(
            NOTIFIER_OUTBOUND[platform], OutboundMessage, senders.handle, on_dead=senders.give_up
        )
        service.on(
            NOTIFIER_BULK[platform],
            OutboundMessage,
            senders.handle,
            workers=BULK_WORKERS,
            on_dead=senders.give_up,
        )
        service.probe(f"permits of {platform}", partial(senders.check_rings, platform))
        service.probe(platform, partial(senders.check_channels, platform))
    return service.build()
