"""The store that the settings ask for."""

from conversation.settings import Settings
from conversation.stores.jetstream import JetStreamStore
from conversation.stores.journal import Journal
from conversation.stores.protocol import Store
from conversation.stores.redis_states import RedisStates
from conversation.stores.redis_store import RedisStore
from conversation.stores.registry_states import RegistryStates
from runtime.service import Service


def open_store(settings: Settings, service: Service) -> Store:
    """The store, which is the service's own from now on.

    No probe looks at Redis: without it the service does all its work.
    """
    if settings.state_store == "jetstream":
        in_jetstream = JetStreamStore(service.broker)
        service.own(in_jetstream)
        return in_jetstream
    assert settings.redis_url is not None, "the settings see to it"
    in_redis = RedisStore(
        RedisStates(settings.redis_url.get_secret_value()),
        RegistryStates(service.broker),
        Journal(service.broker),
    )
    service.own(in_redis)
    service.detail("states", in_redis.show)
    return in_redis
