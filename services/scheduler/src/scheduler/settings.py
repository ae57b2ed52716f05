"""What the scheduler is told by its environment."""

from runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Nothing beyond the chassis' settings: how often a tick is due is no matter of taste."""
