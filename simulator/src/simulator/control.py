"""The control API of the whole simulator: time, mail, faults, templates, counts, ledger."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response, StreamingResponse

from simulator.clock import ServicesLag
from simulator.faults import FaultKind
from simulator.people import NoSuchPerson, Platform
from simulator.whatsapp.callbacks import HandshakeFailed
from simulator.whatsapp.templates import Template
from simulator.whatsapp.webhook import BATCH_ITEMS_MAX
from simulator.world import World

ADVANCE_SECONDS_MAX = 10 * 365 * 86400


class Body(BaseModel):
    """A request's body; a misspelt field is an error, not silence."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class Advance(Body):
    """How far to move business time."""

    advance_seconds: Annotated[float, Field(ge=0, le=ADVANCE_SECONDS_MAX)]


class NewFault(Body):
    """A rule by which a platform misbehaves; see `simulator.faults`."""

    platform: Platform
    kind: FaultKind
    endpoint: str | None = None
    person: str | None = None
    code: int | None = None
    count: Annotated[int, Field(ge=1)] | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None
    retry_after: Annotated[int, Field(ge=1)] | None = None
    delay_seconds: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _needs_a_code(self) -> NewFault:
        if self.kind == "error" and self.code is None:
            raise ValueError("A fault of the kind error needs a code.")
        if self.kind in ("drop_status", "reorder_status") and self.platform != "whatsapp":
            raise ValueError("Only WhatsApp has statuses.")
        return self


class NewTemplate(Body):
    """A template in one language."""

    name: str
    language: str
    body: str
    category: str = "UTILITY"
    status: str = "APPROVED"
    buttons: list[str] = []


class TemplateChange(Body):
    """Approve, pause or reject a template; without a language in all it has."""

    name: str
    language: str | None = None
    status: str


class Callback(Body):
    """Where the app's webhooks go, and what it wants to hear of."""

    url: str | None = None
    fields: list[str] | None = None


class Batching(Body):
    """How many notifications WhatsApp may put into one POST, and how long it gathers them."""

    max: Annotated[int, Field(ge=1, le=BATCH_ITEMS_MAX)]
    window_seconds: Annotated[float, Field(ge=0, le=10)] = 0.2


def control_router(world: World) -> APIRouter:
    """`/sim/…` except what concerns one person."""
    router = APIRouter(prefix="/sim", tags=["control"])
    for add_routes in (
        _general_routes,
        _fault_routes,
        _template_routes,
        _callback_routes,
        _record_routes,
    ):
        add_routes(router, world)
    return router


def _general_routes(router: APIRouter, world: World) -> None:
    """Health, facts, reset, time."""
    core = world.core
    business = world.business

    @router.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/about")
    async def about() -> dict[str, Any]:
        """What the page and testers need to know of the installation."""
        return {
            "telegram_bot": core.settings.telegram.bot_username,
            "telegram_webhook": bool(world.bot.webhook.config.url),
            "whatsapp_phone": core.settings.whatsapp.display_phone,
            "whatsapp_webhook": bool(business.webhook.callbacks.in_force),
        }

    @router.post("/reset")
    async def reset() -> dict[str, str]:
        world.reset()
        return {"status": "ok"}

    @router.get("/clock")
    async def show_clock() -> dict[str, Any]:
        return core.clock.as_json()

    @router.post("/clock")
    async def advance_clock(body: Advance) -> dict[str, Any]:
        try:
            await core.clock.advance(body.advance_seconds)
        except ServicesLag as error:
            raise HTTPException(504, str(error)) from error
        return core.clock.as_json()


def _fault_routes(router: APIRouter, world: World) -> None:
    """Misbehaviour on demand."""
    core = world.core

    @router.get("/faults")
    async def list_faults() -> list[dict[str, Any]]:
        return [fault.as_json() for fault in core.faults]

    @router.post("/faults", status_code=201)
    async def add_fault(body: NewFault) -> dict[str, Any]:
        person = body.person
        if person is not None:
            try:
                person = core.people.get(body.platform, person).id
            except NoSuchPerson as error:
                raise HTTPException(404, str(error)) from error
        fault = core.faults.add(
            body.platform,
            body.kind,
            person=person,
            **body.model_dump(exclude={"platform", "kind", "person"}),
        )
        return fault.as_json()

    @router.delete("/faults", status_code=204)
    async def end_faults() -> Response:
        core.faults.clear()
        return Response(status_code=204)

    @router.delete("/faults/{fault_id}", status_code=204)
    async def end_fault(fault_id: str) -> Response:
        if not core.faults.remove(fault_id):
            raise HTTPException(404, f"There is no fault {fault_id!r}.")
        return Response(status_code=204)


def _template_routes(router: APIRouter, world: World) -> None:
    """WhatsApp's templates."""
    business = world.business

    @router.get("/templates")
    async def list_templates() -> list[dict[str, Any]]:
        return [template.as_json() for template in business.templates.all()]

    @router.post("/templates", status_code=201)
    async def put_template(body: NewTemplate) -> dict[str, Any]:
        template = Template(
            body.name,
            body.language,
            body.body,
            body.category.upper(),
            body.status.upper(),
            tuple(body.buttons),
        )
        try:
            return business.templates.put(template).as_json()
        except ValueError as error:
            raise HTTPException(422, str(error)) from error

    @router.patch("/templates")
    async def change_template(body: TemplateChange) -> list[dict[str, Any]]:
        try:
            changed = business.templates.set_status(body.name, body.language, body.status.upper())
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        if not changed:
            raise HTTPException(404, f"There is no template {body.name!r} in that language.")
        return [template.as_json() for template in changed]


def _callback_routes(router: APIRouter, world: World) -> None:
    """What WhatsApp's app dashboard holds."""
    core = world.core
    business = world.business

    @router.post("/whatsapp/callback")
    async def set_callback(body: Callback) -> dict[str, Any]:
        callbacks = business.webhook.callbacks
        if body.url is not None:
            try:
                await business.webhook.subscribe(body.url, core.rng)
            except HandshakeFailed as error:
                raise HTTPException(400, str(error)) from error
        if body.fields is not None:
            callbacks.fields = body.fields
        return {"url": callbacks.application, "fields": callbacks.fields}

    @router.post("/whatsapp/batching")
    async def set_batching(body: Batching) -> dict[str, float]:
        business.webhook.batch_max = body.max
        business.webhook.batch_window_seconds = body.window_seconds
        return {"max": body.max, "window_seconds": body.window_seconds}


def _record_routes(router: APIRouter, world: World) -> None:
    """What happened: mail, counts, ledger, files."""
    core = world.core

    @router.get("/mail")
    async def mail(to: str | None = None) -> list[dict[str, Any]]:
        return world.mailbox.all(to)

    @router.get("/stats")
    async def stats() -> dict[str, Any]:
        return {platform: counts.as_json() for platform, counts in core.stats.items()}

    @router.get("/ledger")
    async def ledger(
        after: Annotated[int, Query(ge=0)] = 0,
        direction: Literal["call", "webhook"] | None = None,
    ) -> StreamingResponse:
        lines = core.ledger.lines(after, direction)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    @router.get("/documents/{key}")
    async def document(key: str) -> Response:
        stored = core.files.get(key)
        if stored is None:
            raise HTTPException(404, "There is no such document.")
        name = stored.name.encode("ascii", "replace").decode().replace('"', "'")
        headers = {"Content-Disposition": f'inline; filename="{name}"'}
        return Response(stored.content, media_type=stored.mime, headers=headers)
