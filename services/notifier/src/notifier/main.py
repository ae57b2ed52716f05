"""The notifier's parts, put together."""

from typing import Any

from fastapi import FastAPI

from contracts import ListAccounts, OutboundMessage
from contracts.topology import NOTIFIER_BULK, NOTIFIER_OUTBOUND
from notifier.accounts import Accounts
from notifier.channel import Channel
from notifier.handlers import Sender
from notifier.settings import Settings
from notifier.telegram import TelegramChannel
from notifier.whatsapp import WhatsappChannel
from runtime.service import Service

BULK_WORKERS = 4
"""Reminders and broadcasts under way at a time per process; the permits set the pace."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service; its settings come from the environment unless they are given."""
    settings = settings or Settings()
    service = Service("notifier", settings)
    channels = _channels(settings)
    service.answer(ListAccounts, Accounts(channels).list_accounts)
    for channel in channels:
        platform, sender = channel.platform, Sender(service, channel)
        service.own(sender)
        service.on(
            NOTIFIER_OUTBOUND[platform], OutboundMessage, sender.handle, on_dead=sender.give_up
        )
        service.on(
            NOTIFIER_BULK[platform],
            OutboundMessage,
            sender.handle,
            workers=BULK_WORKERS,
            on_dead=sender.give_up,
        )
        service.probe(f"permits of {platform}", sender.check_ring)
        service.probe(platform, sender.check_channel)
    return service.build()


def _channels(settings: Settings) -> list[Channel[Any]]:
    channels: list[Channel[Any]] = []
    if settings.telegram_token is not None:
        channels.append(TelegramChannel(settings.telegram_token, settings.telegram_api_url))
    if settings.whatsapp_token is not None and settings.whatsapp_phone_id is not None:
        channels.append(
            WhatsappChannel(
                settings.whatsapp_phone_id, settings.whatsapp_token, settings.whatsapp_api_url
            )
        )
    return channels
