"""What organisers ask for about access: tokens for programs, and webhooks to tell them."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.commands import Command

TOKEN_NAME_CHARACTERS_MAX = 80
WEBHOOK_URL_CHARACTERS_MAX = 2_000
WEBHOOK_DESCRIPTION_CHARACTERS_MAX = 200

Scope = Literal["read", "write", "check-in", "admin"]
"""What a token may do: read; change events and registrations; check people in; manage tokens and
webhooks. None includes another."""


class _AboutToken(Command):
    token_id: UUID
    by: str = "admin"
    """Which token asked, by id; never the token itself."""

    def route(self) -> str:
        """The lane of the token."""
        return self.subject.format(token_id=self.token_id)


class CreateToken(_AboutToken):
    """A program gets a token of its own. Only its holder has the secret: this carries a hash."""

    subject: ClassVar[str] = "command.create-token.{token_id}"

    name: str = Field(min_length=1, max_length=TOKEN_NAME_CHARACTERS_MAX)
    scopes: tuple[Scope, ...] = Field(min_length=1)
    secret_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    expires_at: AwareDatetime | None = None
    """None: it works until it is revoked."""


class RevokeToken(_AboutToken):
    """A token is worth nothing from now on."""

    subject: ClassVar[str] = "command.revoke-token.{token_id}"


class _AboutWebhook(Command):
    webhook_id: UUID
    by: str = "admin"
    """Which token asked, by id."""

    def route(self) -> str:
        """The lane of the webhook."""
        return self.subject.format(webhook_id=self.webhook_id)


class CreateWebhook(_AboutWebhook):
    """A program wants to be told what happens, at an address of its own."""

    subject: ClassVar[str] = "command.create-webhook.{webhook_id}"

    url: str = Field(max_length=WEBHOOK_URL_CHARACTERS_MAX)
    events: tuple[str, ...] = Field(min_length=1)
    """Subjects of what happened, such as `registration.confirmed`; `*` is all of them."""
    description: str = Field(default="", max_length=WEBHOOK_DESCRIPTION_CHARACTERS_MAX)


class DeleteWebhook(_AboutWebhook):
    """Nothing is sent to this address any more."""

    subject: ClassVar[str] = "command.delete-webhook.{webhook_id}"


class ReplayWebhook(_AboutWebhook):
    """What was to be sent to this address is sent again, whatever became of it."""

    subject: ClassVar[str] = "command.replay-webhook.{webhook_id}"

    delivery_id: UUID | None = None
    """This one only."""
    since: AwareDatetime | None = None
    """Everything that was taken in then or later."""
