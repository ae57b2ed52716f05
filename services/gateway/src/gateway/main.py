"""The gateway: webhooks in, `InboundMessage`s and `DeliveryReported`s out."""

from contracts.topology import DELIVERY, INBOUND
from gateway.accounts import live_accounts
from gateway.handlers import Doors
from gateway.intake import Intake
from gateway.openapi import describe
from gateway.settings import Settings
from gateway.webhooks.watch import watch_webhooks
from runtime.service import Service


def create_app(settings: Settings | None = None) -> Doors:
    """The application: the doors, and behind them what every service has.

    Raises:
        Misconfigured: a secret is missing or weak.
    """
    settings = settings or Settings()
    service = Service("gateway", settings)
    accounts = live_accounts(settings)
    service.own(accounts)
    service.detail("files_refused", accounts.problem)
    watch_webhooks(service, settings)

    async def streams_exist() -> None:
        for stream in (INBOUND, DELIVERY):
            await service.broker.jetstream.stream_info(stream.name)

    service.probe("streams", streams_exist)
    app = service.build()
    describe(app)
    intake = Intake(service, hold_seconds=settings.webhook_hold_seconds)
    return Doors(app, accounts, intake, service.clock)
