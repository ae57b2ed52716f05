"""Where documents are stored: in JetStream, or in Redis with PostgreSQL behind it."""

from conversation.stores.jetstream import JetStreamStore, document_key
from conversation.stores.opened import open_store
from conversation.stores.protocol import Store, Stored

__all__ = ["JetStreamStore", "Store", "Stored", "document_key", "open_store"]
