"""The conversation, put together."""

from fastapi import FastAPI

from contracts import InboundItem, NoticeDue, NoticeToPersonDue
from contracts.topology import (
    CONVERSATION_INBOUND,
    CONVERSATION_NOTICE_DUE,
    CONVERSATION_NOTICE_TO_PERSON,
)
from conversation.handlers import Handlers
from conversation.outages import Outages
from conversation.registry import Registry
from conversation.settings import Settings
from conversation.store import Chats
from conversation.stores import open_store
from conversation.texts import compile_all
from runtime.service import Service

NOTICES_AT_ONCE = 8


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, ready to be served."""
    settings = settings or Settings()
    service = Service("conversation", settings)
    compile_all()
    chats = Chats(open_store(settings, service))
    registry = Registry(service.broker, service.clock)
    handlers = Handlers(service.broker, chats, registry, service.clock)
    service.own(registry)
    service.own(
        Outages(
            service.broker,
            registry,
            service.clock,
            chat=settings.admin_telegram_chat,
            language=settings.admin_language,
        )
    )
    service.on(CONVERSATION_INBOUND, InboundItem, handlers.hear, on_dead=handlers.apologise)
    service.on(CONVERSATION_NOTICE_DUE, NoticeDue, handlers.tell, workers=NOTICES_AT_ONCE)
    service.on(
        CONVERSATION_NOTICE_TO_PERSON,
        NoticeToPersonDue,
        handlers.tell_person,
        workers=NOTICES_AT_ONCE,
    )
    return service.build()
