"""The control API of the people: who there is, what they do, what stands in their chats."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import ConfigDict, Field, model_validator
from starlette.responses import JSONResponse, Response

from simulator.acts import CannotAct, NotNow, Offer
from simulator.control import Body
from simulator.people import NAME_LENGTH_MAX, Entry, Identity, Person, Platform
from simulator.world import World

WAIT_SECONDS_MAX = 60.0
TEXT_LENGTH_MAX = 10_000
SAID_AT_ONCE_MAX = 1_000
ONE = "/{platform}/{handle}"


class NewPerson(Body):
    """Somebody with a phone; without an id under a fresh one."""

    platform: Platform
    name: Annotated[str, Field(min_length=1, max_length=NAME_LENGTH_MAX)] = "Ann"
    id: str | int | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,4})?$")] = "en"
    identity: Identity = "phone+bsuid"


class Say(Body):
    """A text to type."""

    text: Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH_MAX)]


class SaidByOne(Say):
    """What one of many types."""

    platform: Platform
    id: str


class SaidByMany(Body):
    """What many type, one after the other."""

    said: Annotated[list[SaidByOne], Field(max_length=SAID_AT_ONCE_MAX)]


class Tap(Body):
    """What to tap; with `n` in that message, else in the newest that offers it."""

    label: str | None = None
    data: str | None = None
    n: int | None = None

    @model_validator(mode="after")
    def _needs_a_target(self) -> Tap:
        if (self.label is None) == (self.data is None):
            raise ValueError("Say what to tap: either its label or its data.")
        return self


class Link(Body):
    """A t.me or wa.me link."""

    url: Annotated[str, Field(min_length=1)]


class Send(Body):
    """Something that is not a text, with what belongs to its kind beside it."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["contact", "sticker", "voice", "photo", "location", "edit", "revoke", "reaction"]


class NewNumber(Body):
    """A phone number with its country code."""

    new: Annotated[str, Field(pattern=r"^\+?[1-9][0-9 ()-]{6,18}$")]


def people_router(world: World) -> APIRouter:
    """`/sim/people…`."""
    router = APIRouter(prefix="/sim/people", tags=["people"])
    _roster_routes(router, world)
    _act_routes(router, world)
    _chat_routes(router, world)
    return router


def _roster_routes(router: APIRouter, world: World) -> None:
    """Who there is."""
    people = world.core.people

    @router.get("")
    async def everybody() -> list[dict[str, Any]]:
        return [person.as_json() for person in people]

    @router.post("", status_code=201)
    async def add(body: NewPerson) -> JSONResponse:
        handle = str(body.id).removeprefix("+") if body.id is not None else None
        known = people.at_address(body.platform, handle) if handle else None
        if known is not None and (known.identity == body.identity or body.platform == "telegram"):
            return JSONResponse(known.as_json(), status_code=200)
        person = people.add(body.platform, body.name, body.language, handle, body.identity)
        return JSONResponse(person.as_json(), status_code=201)

    @router.get(ONE)
    async def show(platform: Platform, handle: str) -> dict[str, Any]:
        return people.get(platform, handle).as_json()

    @router.post(ONE + "/number")
    async def number(platform: Platform, handle: str, body: NewNumber) -> dict[str, Any]:
        person = people.get(platform, handle)
        await world.acts[platform].change_number(person, body.new)
        return person.as_json()


def _act_routes(router: APIRouter, world: World) -> None:
    """What they do."""
    people = world.core.people

    @router.post(ONE + "/say")
    async def say(platform: Platform, handle: str, body: Say) -> dict[str, Any]:
        person = people.get(platform, handle)
        return await _acted(person, world.acts[platform].say(person, body.text))

    @router.post("/say")
    async def many_say(body: SaidByMany) -> dict[str, int]:
        """For crowds: a call for each text would cost more than its webhook."""
        for one in body.said:
            person = people.get(one.platform, one.id)
            await _acted(person, world.acts[one.platform].say(person, one.text))
        return {"said": len(body.said)}

    @router.post(ONE + "/tap")
    async def tap(platform: Platform, handle: str, body: Tap) -> dict[str, Any]:
        person = people.get(platform, handle)
        offer = Offer(body.label, body.data, body.n)
        return await _acted(person, world.acts[platform].tap(person, offer))

    @router.post(ONE + "/open")
    async def open_link(platform: Platform, handle: str, body: Link) -> dict[str, Any]:
        person = people.get(platform, handle)
        return await _acted(person, world.acts[platform].open_link(person, body.url))

    @router.post(ONE + "/send")
    async def send(platform: Platform, handle: str, body: Send) -> dict[str, Any]:
        person = people.get(platform, handle)
        details = dict(body.model_extra or {})
        return await _acted(person, world.acts[platform].send(person, body.kind, details))

    @router.post(ONE + "/block")
    async def block(platform: Platform, handle: str) -> dict[str, Any]:
        person = people.get(platform, handle)
        await world.acts[platform].block(person, blocked=True)
        return person.as_json()

    @router.post(ONE + "/unblock")
    async def unblock(platform: Platform, handle: str) -> dict[str, Any]:
        person = people.get(platform, handle)
        await world.acts[platform].block(person, blocked=False)
        return person.as_json()

    @router.post(ONE + "/read")
    async def read(platform: Platform, handle: str) -> dict[str, Any]:
        person = people.get(platform, handle)
        await world.acts[platform].read(person)
        return {"n": person.chat.last_n}


def _chat_routes(router: APIRouter, world: World) -> None:
    """What stands in their chats."""
    people = world.core.people

    @router.get(ONE + "/chat")
    async def chat(request: Request, platform: Platform, handle: str) -> list[dict[str, Any]]:
        return _shown(people.get(platform, handle), request)

    @router.get(ONE + "/next")
    async def next_from_bot(
        request: Request,
        platform: Platform,
        handle: str,
        after: Annotated[int, Query(ge=0)] | None = None,
        timeout: Annotated[float, Query(ge=0, le=WAIT_SECONDS_MAX)] = 10.0,
    ) -> Response:
        """The bot's first message after number `after`; without it, after the person's last act."""
        person = people.get(platform, handle)
        number = person.last_act_n if after is None else after

        def found() -> Entry | None:
            newer = person.chat.entries[number:]
            return next((entry for entry in newer if entry.sender == "bot"), None)

        await person.chat.wait_until(lambda: found() is not None, timeout)
        entry = found()
        if entry is None:
            return Response(status_code=204)
        return JSONResponse(entry.as_json(_base_url(request)))

    @router.get(ONE + "/changes")
    async def changes(
        request: Request,
        platform: Platform,
        handle: str,
        after: Annotated[int, Query(ge=0)] = 0,
        timeout: Annotated[float, Query(ge=0, le=WAIT_SECONDS_MAX)] = 25.0,
    ) -> dict[str, Any]:
        """The whole chat as soon as it differs from revision `after`, for the page."""
        person = people.get(platform, handle)
        await person.chat.wait_until(lambda: person.chat.revision != after, timeout)
        return {
            "revision": person.chat.revision,
            "person": person.as_json(),
            "chat": _shown(person, request),
        }


async def _acted(person: Person, act: Awaitable[str | None] | Awaitable[None]) -> dict[str, Any]:
    """Run an act; `n` in the answer is what to pass to `next` as `after`."""
    before = person.chat.last_n
    opened = await act
    person.last_act_n = person.chat.last_n
    shown: dict[str, Any] = {"n": person.chat.last_n, "before": before}
    return shown | ({"opened": opened} if opened else {})


def status_of(error: CannotAct) -> int:
    """409 where things stand against it now, 422 where it can never be done like that."""
    return 409 if isinstance(error, NotNow) else 422


def _shown(person: Person, request: Request) -> list[dict[str, Any]]:
    return [entry.as_json(_base_url(request)) for entry in person.chat.entries]


def _base_url(request: Request) -> str:
    return str(request.base_url).rstrip("/")
