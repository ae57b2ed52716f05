"""The notifier's parts, put together."""

from functools import partial

from fastapi import FastAPI

from contracts import CountReachable, DeliveryReported, ListAccounts, OutboundMessage, PeerChanged
from contracts.topology import (
    NOTIFIER_BULK,
    NOTIFIER_OUTBOUND,
    NOTIFIER_REACH,
    NOTIFIER_REMINDER,
    NOTIFIER_STATUSES,
)
from notifier.hearing import Hearing
from notifier.parking.sweeping import Sweep
from notifier.reachable import Reachable
from notifier.senders import Senders, live_accounts
from notifier.settings import Settings
from notifier.statuses import STATUSES_AT_ONCE, read_failure
from notifier.templates.syncing import Board
from runtime.service import Service

CHANGES_AT_ONCE = 8
"""Acts of people that say whether they can be written to."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service; its settings come from the environment unless they are given.

    Raises:
        Misconfigured: there is no token.
    """
    settings = settings or Settings()
    service = Service("notifier", settings)
    accounts = live_accounts(settings)
    board = Board(service, accounts, settings.whatsapp_api_url)
    service.own(board)
    senders = Senders(service, accounts, settings, board)
    service.own(senders)
    hearing = Hearing(service, senders.stop, senders.tier_of)
    service.own(hearing)
    service.own(accounts)
    service.on(NOTIFIER_REACH, PeerChanged, hearing.changed, workers=CHANGES_AT_ONCE)
    service.on(
        NOTIFIER_STATUSES,
        DeliveryReported,
        hearing.failed,
        workers=STATUSES_AT_ONCE,
        decode=read_failure,
    )
    sweep = Sweep(service.broker, settings.parked_sweep_seconds, senders.holding)
    service.own(sweep)
    service.detail("parked", sweep.show)
    service.detail("files_refused", accounts.problem)
    service.detail("templates", board.detail)
    service.answer(ListAccounts, senders.names.list_accounts)
    service.answer(CountReachable, Reachable(service, board.approvals).count)
    for platform in senders.listens_to:
        for kind in (NOTIFIER_OUTBOUND, NOTIFIER_REMINDER, NOTIFIER_BULK):
            service.on(kind[platform], OutboundMessage, senders.handle, on_dead=senders.give_up)
        service.probe(f"permits of {platform}", partial(senders.check_rings, platform))
        service.probe(platform, partial(senders.check_channels, platform))
    return service.build()
