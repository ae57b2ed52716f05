"""The store that the settings ask for."""

from conversation.settings import Settings
from conversation.stores.jetstream import JetStreamStore
from conversation.stores.protocol import Store
from runtime.service import Service


def open_store(settings: Settings, service: Service) -> Store:
    """The store, which is the service's own from now on."""
    assert settings.state_store == "jetstream"
    store = JetStreamStore(service.broker)
    service.own(store)
    return store
