"""What becomes of commands about tokens and webhooks. No secret is ever part of it."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field
from pydantic.config import JsonDict

from contracts import Scope
from contracts.model import Value

AccessRefusal = Literal[
    "unknown-token",
    "too-many-tokens",
    "unknown-webhook",
    "too-many-webhooks",
    "disabled-webhook",
    "unknown-delivery",
]

_TOKEN_EXAMPLE: JsonDict = {
    "id": "5f0c7a3e-2f31-5c55-9d0e-0b1f3a3c7a11",
    "name": "Door scanner",
    "scopes": ["check-in"],
    "created_at": "2026-11-20T09:30:00Z",
    "created_by": "admin",
    "expires_at": "2026-12-31T23:00:00Z",
    "last_used_at": "2026-11-21T17:04:00Z",
}
_WEBHOOK_EXAMPLE: JsonDict = {
    "id": "0a6b7e0e-6f2b-5a80-8f0a-7d5f3c1e2b44",
    "url": "https://example.org/turnout",
    "events": ["registration.confirmed", "registration.cancelled"],
    "description": "The mailing list",
    "status": "active",
    "created_at": "2026-11-20T09:30:00Z",
    "created_by": "admin",
    "disabled_at": None,
}


class TokenView(Value):
    """A token as organisers see it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TOKEN_EXAMPLE]})

    id: UUID
    name: str
    scopes: tuple[Scope, ...]
    created_at: AwareDatetime
    created_by: str
    """`admin`, or the id of the token that made it."""
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    """To the minute."""


class WebhookView(Value):
    """A webhook as organisers see it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_WEBHOOK_EXAMPLE]})

    id: UUID
    url: str
    events: tuple[str, ...]
    description: str
    status: Literal["active", "disabled"]
    """disabled: its address answered 410 Gone, so nothing is sent to it any more."""
    created_at: AwareDatetime
    created_by: str
    disabled_at: AwareDatetime | None


class TokenWritten(Value):
    """A token was made or revoked."""

    kind: Literal["token-written"] = "token-written"
    token: TokenView


class WebhookWritten(Value):
    """A webhook was made or deleted."""

    kind: Literal["webhook-written"] = "webhook-written"
    webhook: WebhookView


class DeliveriesReplayed(Value):
    """Deliveries are due again."""

    kind: Literal["deliveries-replayed"] = "deliveries-replayed"
    replayed: int = Field(examples=[12])
    next_since: AwareDatetime | None = None
    """There are more than one call takes: ask for these with this `since`."""


class AccessRefused(Value):
    """Nothing was changed, and why."""

    kind: Literal["access-refused"] = "access-refused"
    reason: AccessRefusal


AccessResult = TokenWritten | WebhookWritten | DeliveriesReplayed | AccessRefused
