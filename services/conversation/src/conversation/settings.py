"""Settings of the conversation."""

from runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Nothing beyond what every service needs."""
