"""What organisers do with tokens and webhooks."""

from contracts import CreateToken, CreateWebhook, DeleteWebhook, ReplayWebhook, RevokeToken
from registry.access_results import (
    AccessRefusal,
    AccessRefused,
    DeliveriesReplayed,
    TokenWritten,
    WebhookWritten,
)
from registry.access_tokens import TOKENS_MAX, count_tokens, insert_token, revoke, take_turn
from registry.results import Stored
from registry.webhooks import history, subscriptions
from registry.work import Work


async def create_token(work: Work, command: CreateToken) -> Stored:
    """A program gets a token of its own."""
    await take_turn(work.connection, "tokens")
    if await count_tokens(work.connection) >= TOKENS_MAX:
        return _refused("too-many-tokens")
    token = await insert_token(
        work.connection,
        token_id=command.token_id,
        name=command.name,
        scopes=command.scopes,
        secret_sha256=command.secret_sha256,
        expires_at=command.expires_at,
        by=command.by,
        now=work.now,
    )
    return Stored(result=TokenWritten(token=token))


async def revoke_token(work: Work, command: RevokeToken) -> Stored:
    """A token is worth nothing from the next request on."""
    token = await revoke(work.connection, command.token_id, command.by, work.now)
    return Stored(result=TokenWritten(token=token)) if token else _refused("unknown-token")


async def create_webhook(work: Work, command: CreateWebhook) -> Stored:
    """A program is told from now on what happens."""
    await take_turn(work.connection, "webhooks")
    if await subscriptions.count(work.connection) >= subscriptions.WEBHOOKS_MAX:
        return _refused("too-many-webhooks")
    webhook = await subscriptions.insert_webhook(
        work.connection,
        webhook_id=command.webhook_id,
        url=command.url,
        events=command.events,
        description=command.description,
        by=command.by,
        now=work.now,
    )
    return Stored(result=WebhookWritten(webhook=webhook))


async def delete_webhook(work: Work, command: DeleteWebhook) -> Stored:
    """Nothing is sent to this address any more."""
    webhook = await subscriptions.delete_webhook(
        work.connection, command.webhook_id, command.by, work.now
    )
    return (
        Stored(result=WebhookWritten(webhook=webhook)) if webhook else _refused("unknown-webhook")
    )


async def replay_webhook(work: Work, command: ReplayWebhook) -> Stored:
    """What was to be sent is due again, whatever became of it."""
    webhook = await subscriptions.find_webhook(work.connection, command.webhook_id)
    if webhook is None:
        return _refused("unknown-webhook")
    if webhook.status == "disabled":
        return _refused("disabled-webhook")
    if command.delivery_id is not None:
        found = await history.replay_one(work.connection, webhook.id, command.delivery_id, work.now)
        return (
            Stored(result=DeliveriesReplayed(replayed=1)) if found else _refused("unknown-delivery")
        )
    assert command.since is not None, "a replay is of one delivery or of all since a time"
    replayed, next_since = await history.replay_since(
        work.connection, webhook.id, command.since, work.now
    )
    return Stored(result=DeliveriesReplayed(replayed=replayed, next_since=next_since))


def _refused(reason: AccessRefusal) -> Stored:
    return Stored(result=AccessRefused(reason=reason))
