"""Making, listing and deleting webhooks; looking at deliveries and sending them again."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import CreateWebhook, DeleteWebhook, ReplayWebhook, derived_id
from contracts.access import WEBHOOK_DESCRIPTION_CHARACTERS_MAX, WEBHOOK_URL_CHARACTERS_MAX
from registry.access_results import DeliveriesReplayed, WebhookView, WebhookWritten
from registry.api.access import Caller, needs
from registry.api.access_answers import (
    NOT_FOUND,
    PENDING,
    access_refusal,
    settled,
)
from registry.api.answers import accepted
from registry.api.commanding import Call, Commander, read_call
from registry.api.pages import decode_cursor, encode_cursor
from registry.api.problems import ProblemDetails, invalid
from registry.database import Database
from registry.webhooks.deliveries import Status
from registry.webhooks.history import DeliveryView, list_page
from registry.webhooks.intake import FACTS
from registry.webhooks.signing import Signer
from registry.webhooks.subscriptions import EVERYTHING, find_webhook, list_webhooks
from registry.webhooks.targets import problem_with
from runtime.clock import Clock

DELIVERIES_PER_PAGE, DELIVERIES_PER_PAGE_MAX = 100, 500
EVENT_TYPES = (*FACTS, EVERYTHING)

_SECRET_EXAMPLE = "whsec_RVhBTVBMRS1PTkxZLUVYQU1QTEUtT05MWS1FWEFNUEw="  # noqa: S105 - it signs nothing


class NewWebhook(BaseModel):
    """A webhook to make."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        max_length=WEBHOOK_URL_CHARACTERS_MAX, examples=["https://example.org/turnout"]
    )
    """https, and in the public Internet. It is sent to as it is: no redirect is followed."""
    events: list[str] = Field(
        min_length=1,
        max_length=len(EVENT_TYPES),
        examples=[["registration.confirmed", "registration.cancelled"], ["*"]],
        description=f"Any of: {', '.join(f'`{one}`' for one in EVENT_TYPES)} (all of them).",
    )
    description: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=WEBHOOK_DESCRIPTION_CHARACTERS_MAX),
    ] = Field(default="", examples=["The mailing list"])


class Since(BaseModel):
    """Which deliveries to send again."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime = Field(examples=["2026-11-20T00:00:00Z"])
    """Those that were taken in at this time or later."""


class IssuedWebhook(WebhookView):
    """A new webhook with its secret."""

    secret: str = Field(examples=[_SECRET_EXAMPLE])
    """What signatures are verified with; shown now and in no list: keep it where secrets are kept.
    """


class WebhookList(BaseModel):
    """Every webhook."""

    webhooks: list[WebhookView]


class DeliveryPage(BaseModel):
    """Some deliveries, the newest first."""

    deliveries: list[DeliveryView]
    next_cursor: str | None
    """Give it back as `cursor` for the next page; null on the last one."""


class Replayed(BaseModel):
    """How many deliveries are due again."""

    replayed: int = Field(examples=[12])
    next_since: AwareDatetime | None = None
    """There are more than one call takes: call again with this `since` for the next ones."""


def webhook_routes(
    *, database: Database, commander: Commander, clock: Clock, signer: Signer, is_test: bool
) -> APIRouter:
    """The endpoints under /api/webhooks."""
    router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])
    webhooks = _Webhooks(
        database=database, commander=commander, clock=clock, signer=signer, is_test=is_test
    )
    conflict: dict[int | str, dict[str, Any]] = {409: {"model": ProblemDetails}}
    router.post("", status_code=201, response_model=IssuedWebhook, responses=PENDING | conflict)(
        webhooks.create_webhook
    )
    router.get("")(webhooks.list_webhooks)
    router.delete("/{webhook_id}", status_code=204, responses=PENDING | NOT_FOUND)(
        webhooks.delete_webhook
    )
    router.get("/{webhook_id}/deliveries", responses=NOT_FOUND)(webhooks.list_deliveries)
    replay: dict[str, Any] = {
        "response_model": Replayed,
        "responses": PENDING | NOT_FOUND | conflict,
    }
    router.post("/{webhook_id}/deliveries/{delivery_id}/replay", **replay)(webhooks.replay_delivery)
    router.post("/{webhook_id}/replay", **replay)(webhooks.replay_since)
    return router


class _Webhooks:
    """The endpoints; their names and first sentences are those of the OpenAPI document."""

    def __init__(
        self,
        *,
        database: Database,
        commander: Commander,
        clock: Clock,
        signer: Signer,
        is_test: bool,
    ) -> None:
        self._database = database
        self._commander = commander
        self._clock = clock
        self._signer = signer
        self._is_test = is_test

    async def create_webhook(
        self,
        body: NewWebhook,
        caller: Annotated[Caller, Depends(needs("admin"))],
        call: Annotated[Call, Depends(read_call)],
        response: Response,
    ) -> IssuedWebhook | Response:
        """Have an address told what happens, signed as Standard Webhooks (1.0.0) says.

        Each POST has `webhook-id`, `webhook-timestamp` and `webhook-signature`, and a body of
        `{"type", "timestamp", "data"}` that holds ids only. Any 2xx ends it; otherwise it is tried
        again for three days. It may come twice (the `webhook-id` is the same) and in any order.
        """
        if problem := problem_with(body.url, is_test=self._is_test):
            raise invalid("url", problem)
        for one in body.events:
            if one not in EVENT_TYPES:
                raise invalid("events", f"There is none of this name; {', '.join(EVENT_TYPES)}.")
        webhook_id = derived_id(call.command_id, "webhook")

        async def command() -> CreateWebhook:
            return CreateWebhook(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                webhook_id=webhook_id,
                by=caller.by,
                url=body.url,
                events=tuple(dict.fromkeys(body.events)),
                description=body.description,
            )

        found = await self._commander.once(call, command)
        if found is None:
            # With the same Idempotency-Key the secret can be had later: it is derived.
            return accepted(call.command_id)
        webhook = settled(found, call, WebhookWritten).webhook
        response.headers["Location"] = f"/api/webhooks/{webhook_id}"
        return IssuedWebhook(**webhook.model_dump(), secret=self._signer.secret(webhook_id))

    async def list_webhooks(
        self, caller: Annotated[Caller, Depends(needs("admin"))]
    ) -> WebhookList:
        """Every webhook, the newest first; without its secret."""
        return WebhookList(webhooks=await self._database.run(list_webhooks))

    async def delete_webhook(
        self,
        webhook_id: UUID,
        caller: Annotated[Caller, Depends(needs("admin"))],
        call: Annotated[Call, Depends(read_call)],
    ) -> Response:
        """Send nothing to this address any more, also not what is pending."""

        async def command() -> DeleteWebhook:
            return DeleteWebhook(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                webhook_id=webhook_id,
                by=caller.by,
            )

        found = await self._commander.once(call, command)
        if found is None:
            return accepted(call.command_id)
        settled(found, call, WebhookWritten)
        return Response(status_code=204)

    async def list_deliveries(
        self,
        webhook_id: UUID,
        caller: Annotated[Caller, Depends(needs("admin"))],
        status: Status | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=DELIVERIES_PER_PAGE_MAX)] = DELIVERIES_PER_PAGE,
    ) -> DeliveryPage:
        """What became of everything that this webhook was to be told in the last 30 days."""
        before = decode_cursor(cursor)

        async def page(connection: AsyncConnection) -> list[DeliveryView] | None:
            if await find_webhook(connection, webhook_id) is None:
                return None
            return await list_page(connection, webhook_id, status, before, limit + 1)

        found = await self._database.run(page)
        if found is None:
            raise access_refusal("unknown-webhook")
        last = found[limit - 1] if len(found) > limit else None
        return DeliveryPage(
            deliveries=found[:limit],
            next_cursor=encode_cursor((last.taken_in_at, last.id)) if last else None,
        )

    async def replay_delivery(
        self,
        webhook_id: UUID,
        delivery_id: UUID,
        caller: Annotated[Caller, Depends(needs("admin"))],
        call: Annotated[Call, Depends(read_call)],
    ) -> Replayed | Response:
        """Send one delivery again now, whatever became of it, and for three days if need be."""
        command = partial(self._replay, call, caller, webhook_id, delivery_id=delivery_id)
        return await self._replayed(call, command)

    async def replay_since(
        self,
        webhook_id: UUID,
        body: Since,
        caller: Annotated[Caller, Depends(needs("admin"))],
        call: Annotated[Call, Depends(read_call)],
    ) -> Replayed | Response:
        """Send everything again that was taken in at a time or later, whatever became of it."""
        command = partial(self._replay, call, caller, webhook_id, since=body.since)
        return await self._replayed(call, command)

    async def _replay(
        self,
        call: Call,
        caller: Caller,
        webhook_id: UUID,
        *,
        delivery_id: UUID | None = None,
        since: AwareDatetime | None = None,
    ) -> ReplayWebhook:
        return ReplayWebhook(
            id=call.command_id,
            occurred_at=self._clock.now(),
            correlation_id=call.correlation_id,
            webhook_id=webhook_id,
            by=caller.by,
            delivery_id=delivery_id,
            since=since,
        )

    async def _replayed(
        self, call: Call, command: Callable[[], Awaitable[ReplayWebhook]]
    ) -> Replayed | Response:
        found = await self._commander.once(call, command)
        if found is None:
            return accepted(call.command_id)
        result = settled(found, call, DeliveriesReplayed)
        return Replayed(replayed=result.replayed, next_since=result.next_since)
