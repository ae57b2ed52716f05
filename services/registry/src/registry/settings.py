"""What the registry is told by its environment."""

from pydantic import Field, SecretStr, ValidationError

from contracts.topology import COMMANDS_FETCHED_MAX
from runtime.settings import Misconfigured, ServiceSettings


class Settings(ServiceSettings):
    """The common settings, the database, and two secrets without a default.

    A default token or key would be an open door in every installation that forgot to set one.
    """

    database_url: SecretStr
    """`postgresql://user:password@host:port/name` or `postgresql://user@/name?host=/socket/dir`."""
    admin_token: SecretStr
    """What organisers' programs send as `Authorization: Bearer …`."""
    ticket_key: SecretStr
    """The seed that tickets are signed with: base64 of 32 bytes, or any other text."""
    proof_by_email: bool = False
    """Whether codes can be sent to mailboxes, that is whether the notifier has `SMTP_URL`. Then a
    person without a proven address gets a seat for a few minutes only, and proves one."""
    retention_days: int = Field(default=730, ge=30)
    """People who have had nothing to do with us for so long are forgotten."""
    commands_per_batch_max: int = Field(default=COMMANDS_FETCHED_MAX, ge=1)
    """Commands of one event that are carried out in one transaction; 1 takes each alone."""


_MEANINGS = {
    "database_url": "DATABASE_URL says where PostgreSQL is: postgresql://user:password@host/name",
    "admin_token": "ADMIN_TOKEN is the secret of the organiser API: openssl rand -hex 32",
    "ticket_key": "TICKET_KEY signs the tickets: openssl rand -base64 32",
}


def read_settings() -> Settings:
    """The settings from the environment.

    Raises:
        Misconfigured: something is missing; the message says what it is for and how to get one.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        missing = [
            _MEANINGS[str(problem["loc"][0])]
            for problem in error.errors(include_input=False)
            if problem["type"] == "missing" and problem["loc"] and problem["loc"][0] in _MEANINGS
        ]
        if not missing:
            raise
        raise Misconfigured(
            "the registry does not start without:\n  " + "\n  ".join(missing)
        ) from None
    return settings
