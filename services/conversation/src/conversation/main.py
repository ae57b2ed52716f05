"""The conversation, put together."""

from fastapi import FastAPI

from contracts import InboundItem, NoticeDue
from contracts.topology import CONVERSATION_INBOUND, CONVERSATION_NOTICE_DUE
from conversation.handlers import Handlers
from conversation.registry import Registry
from conversation.settings import Settings
from conversation.store import Chats
from conversation.texts import compile_all
from runtime.service import Service

NOTICES_AT_ONCE = 8


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, ready to be served."""
    service = Service("conversation", settings or Settings())
    compile_all()
    chats = Chats(service.broker)
    registry = Registry(service.broker)
    handlers = Handlers(service.broker, chats, registry, service.clock)
    service.own(chats)
    service.own(registry)
    service.on(CONVERSATION_INBOUND, InboundItem, handlers.hear, on_dead=handlers.apologise)
    service.on(CONVERSATION_NOTICE_DUE, NoticeDue, handlers.tell, workers=NOTICES_AT_ONCE)
    return service.build()
