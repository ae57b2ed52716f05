"""Writing to the people of an event, and watching what becomes of it."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    Audience,
    CancelMessage,
    PauseMessage,
    ResumeMessage,
    SendMessage,
    as_parameter,
    derived_id,
)
from contracts.organising import MESSAGE_CHARACTERS_MAX
from registry.api.access import Caller, needs
from registry.api.answers import accepted, failed, refusal
from registry.api.commanding import Call, Commander, read_call
from registry.api.pages import decode_cursor, encode_cursor
from registry.api.problems import Problem, ProblemDetails
from registry.api.words import ReadLanguage
from registry.database import Database
from registry.event_store import find_view as find_event
from registry.journal import HandledOutcome
from registry.links import Language
from registry.messages.audience import list_audience
from registry.messages.preview import count_reach, seconds_to_send
from registry.messages.results import MessageRefusal, MessageRefused, MessageWritten
from registry.messages.views import MessageView, find_view, list_ids
from runtime.broker import Broker
from runtime.clock import Clock

MESSAGES_PER_PAGE, MESSAGES_PER_PAGE_MAX = 20, 50

_REFUSALS: dict[MessageRefusal, tuple[int, str, str]] = {
    "unknown-event": (404, "There is no such event", "Check the id; GET /api/events lists all."),
    "unknown-message": (
        404,
        "There is no such message",
        "Check the id; GET /api/events/{id}/messages lists all of an event.",
    ),
    "nobody": (
        409,
        "There is nobody to write to",
        "The audience is empty, or everybody in it asked for silence. See ?preview=1.",
    ),
    "message-over": (
        409,
        "The message is over",
        "Everybody has it who gets it, or it was cancelled. Write a new one.",
    ),
}

_TOO_LONG: dict[Language, str] = {
    "en": "It is too long for a WhatsApp template: whoever has not written there for a day cannot "
    "be reached with it. Make it shorter to reach them.",
    "ru": "Текст слишком длинный для шаблона WhatsApp: те, кто не писал нам там больше суток, его "
    "не получат. Сократите текст, чтобы написать и им.",
}
_UNASKED: dict[Language, str] = {
    "en": "The part that sends did not answer for {unasked} of them; ask again in a moment.",
    "ru": "О {unasked} из них служба отправки не ответила, повторите запрос чуть позже.",
}


class NewMessage(BaseModel):
    """A message to write."""

    model_config = ConfigDict(extra="forbid")

    audience: Audience
    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=MESSAGE_CHARACTERS_MAX),
    ]


class AcceptedMessage(BaseModel):
    """The message is written down and will be sent."""

    id: UUID


class Preview(BaseModel):
    """Who would get the message; nobody has been written to."""

    recipients: int
    reachable: int
    blocked: int
    """They blocked us or are gone, or want no messages from organisers."""
    window_closed: int
    """On WhatsApp, silent for a day, and the text is too long for a template."""
    no_template: int
    """On WhatsApp, silent for a day, and the template is not approved."""
    no_address: int
    """An organiser registered them; we know no chat of theirs."""
    unasked: int
    """Nobody could say."""
    muted: int
    """They asked for silence and are no recipients."""
    seconds: float
    """How long it would take at the platforms' usual rates."""
    notes: list[str]
    """What to know before sending, in sentences."""


class MessagePage(BaseModel):
    """Some messages of an event, the newest first."""

    messages: list[MessageView]
    next_cursor: str | None
    """Give it back as `cursor` for the next page; null on the last one."""


Organiser = Annotated[Caller, Depends(needs("write"))]
TheCall = Annotated[Call, Depends(read_call)]


def message_routes(
    *, database: Database, commander: Commander, broker: Broker, clock: Clock
) -> APIRouter:
    """The endpoints under /api/events/{id}/messages and /api/messages."""
    router = APIRouter(tags=["messages"], responses={404: {"model": ProblemDetails}})
    messages = _Messages(database=database, commander=commander, broker=broker, clock=clock)
    of_event, one = "/api/events/{event_id}/messages", "/api/messages/{message_id}"
    read = [Depends(needs("read"))]
    conflict: dict[int | str, dict[str, Any]] = {409: {"model": ProblemDetails}}
    router.post(
        of_event,
        status_code=202,
        response_model=AcceptedMessage | Preview,
        responses=conflict | {200: {"model": Preview, "description": "With preview=1"}},
    )(messages.write)
    router.get(of_event, dependencies=read)(messages.list_messages)
    router.get(one, dependencies=read)(messages.read_message)
    change: dict[str, Any] = {"response_model": MessageView, "responses": conflict}
    router.post(f"{one}/pause", **change)(messages.pause)
    router.post(f"{one}/resume", **change)(messages.resume)
    router.post(f"{one}/cancel", **change)(messages.cancel)
    return router


class _Messages:
    """The endpoints; their names and first sentences are those of the OpenAPI document."""

    def __init__(
        self, *, database: Database, commander: Commander, broker: Broker, clock: Clock
    ) -> None:
        self._database = database
        self._commander = commander
        self._broker = broker
        self._clock = clock

    async def write(
        self,
        event_id: UUID,
        body: NewMessage,
        call: TheCall,
        caller: Organiser,
        response: Response,
        language: ReadLanguage,
        preview: Annotated[
            Literal["1", "0"], Query(description="1: only count who would get it.")
        ] = "0",
    ) -> AcceptedMessage | Preview:
        """Write to the people of an event; with `preview=1` only count who would get it.

        Whoever is in the audience at this moment is a recipient. A small part goes first; the rest
        follows when that went well. Nobody gets it twice, whatever happens.
        """
        if preview == "1":
            response.status_code = 200
            return await self._preview(event_id, body, language)
        message_id = derived_id(call.command_id, "message")

        async def command() -> SendMessage:
            return SendMessage(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                about_event_id=event_id,
                message_id=message_id,
                audience=body.audience,
                text=body.text,
                by=caller.by,
            )

        found = await self._commander.once(call, command)
        if found is not None:
            _settled(found, call)
        response.headers["Location"] = f"/api/messages/{message_id}"
        return AcceptedMessage(id=message_id)

    async def _preview(self, event_id: UUID, body: NewMessage, language: Language) -> Preview:
        event = await self._database.run(partial(find_event, event_id=event_id))
        if event is None:
            raise refusal("unknown-event")
        addresses, no_address, muted = await self._database.run(
            partial(list_audience, event_id=event_id, audience=body.audience)
        )
        reach = await count_reach(self._broker, addresses, title=event.title, text=body.text)
        notes = []
        if as_parameter(body.text) is None:
            notes.append(_TOO_LONG[language])
        if reach.unasked:
            notes.append(_UNASKED[language].format(unasked=reach.unasked))
        return Preview(
            recipients=sum(map(len, addresses.values())) + no_address,
            **reach.known.model_dump(),
            no_address=no_address,
            unasked=reach.unasked,
            muted=muted,
            seconds=round(seconds_to_send(addresses), 1),
            notes=notes,
        )

    async def list_messages(
        self,
        event_id: UUID,
        language: ReadLanguage,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MESSAGES_PER_PAGE_MAX)] = MESSAGES_PER_PAGE,
    ) -> MessagePage:
        """What was written to the people of an event, the newest first."""
        places = await self._database.run(
            partial(list_ids, event_id=event_id, after=decode_cursor(cursor), limit=limit + 1)
        )
        return MessagePage(
            messages=[await self._find(message_id, language) for _, message_id in places[:limit]],
            next_cursor=encode_cursor(places[limit - 1]) if len(places) > limit else None,
        )

    async def read_message(self, message_id: UUID, language: ReadLanguage) -> MessageView:
        """One message: how far it is, how long it still takes, and what is going on."""
        return await self._find(message_id, language)

    async def pause(
        self, message_id: UUID, call: TheCall, caller: Organiser, language: ReadLanguage
    ) -> MessageView | Response:
        """Send it to nobody else for now; who was handed over in the last minute still gets it."""
        return await self._change(PauseMessage, message_id, call, caller, language)

    async def resume(
        self, message_id: UUID, call: TheCall, caller: Organiser, language: ReadLanguage
    ) -> MessageView | Response:
        """Send it to the others after all, whatever had stopped it."""
        return await self._change(ResumeMessage, message_id, call, caller, language)

    async def cancel(
        self, message_id: UUID, call: TheCall, caller: Organiser, language: ReadLanguage
    ) -> MessageView | Response:
        """Send it to nobody any more, not even to who was handed over and not sent to yet."""
        return await self._change(CancelMessage, message_id, call, caller, language)

    async def _change(
        self,
        kind: type[PauseMessage] | type[ResumeMessage] | type[CancelMessage],
        message_id: UUID,
        call: Call,
        caller: Caller,
        language: Language,
    ) -> MessageView | Response:
        async def command() -> PauseMessage | ResumeMessage | CancelMessage:
            return kind(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                message_id=message_id,
                by=caller.by,
            )

        made: Callable[[], Awaitable[PauseMessage | ResumeMessage | CancelMessage]] = command
        found = await self._commander.once(call, made)
        if found is None:
            return accepted(call.command_id)
        _settled(found, call)
        return await self._find(message_id, language)

    async def _find(self, message_id: UUID, language: Language) -> MessageView:
        async def find(connection: AsyncConnection) -> MessageView | None:
            return await find_view(connection, message_id, language, self._clock.now())

        view = await self._database.run(find)
        if view is None:
            raise _refusal("unknown-message")
        return view


def _refusal(reason: MessageRefusal) -> Problem:
    status, title, detail = _REFUSALS[reason]
    return Problem(status, reason, title, detail)


def _settled(found: HandledOutcome, call: Call) -> None:
    """Raises Problem: it was refused, or we failed."""
    match found.result:
        case MessageWritten():
            return
        case MessageRefused(reason=reason):
            raise _refusal(reason)
    raise failed(call.command_id)
