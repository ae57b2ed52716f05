"""The one HTTP listener: page, control API and both platforms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from simulator.acts import CannotAct
from simulator.connection import KnowsItsConnection
from simulator.control import control_router
from simulator.control_people import people_router, status_of
from simulator.people import IdTaken, NoSuchPerson
from simulator.telegram.api import telegram_router
from simulator.whatsapp.api import CloudApi
from simulator.world import World

PAGE_FOLDER = Path(__file__).parent / "page"


def create_app(world: World) -> ASGIApp:
    """The application around a world; it stops the world's webhooks when it ends."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await world.close()

    app = FastAPI(title="Turnout simulator", lifespan=lifespan)
    app.include_router(control_router(world))
    app.include_router(people_router(world))
    app.include_router(telegram_router(world.bot))
    app.include_router(CloudApi(world.business).router())
    app.add_exception_handler(NoSuchPerson, _not_found)
    app.add_exception_handler(IdTaken, _taken)
    app.add_exception_handler(CannotAct, _cannot_act)
    app.add_exception_handler(ValueError, _unreadable)
    app.add_exception_handler(RequestValidationError, _invalid)

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE_FOLDER / "index.html", headers={"Cache-Control": "no-cache"})

    app.mount("/page", StaticFiles(directory=PAGE_FOLDER), name="page")
    return KnowsItsConnection(app)


async def _not_found(_: Request, error: Exception) -> Response:
    return _sentence(404, str(error))


async def _taken(_: Request, error: Exception) -> Response:
    return _sentence(409, str(error))


async def _cannot_act(_: Request, error: Exception) -> Response:
    assert isinstance(error, CannotAct)
    return _sentence(status_of(error), str(error))


async def _unreadable(_: Request, error: Exception) -> Response:
    return _sentence(422, str(error))


async def _invalid(_: Request, error: Exception) -> Response:
    """One sentence instead of pydantic's list."""
    assert isinstance(error, RequestValidationError)
    problems = []
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"] if part not in ("body", "query"))
        message = problem["msg"].removeprefix("Value error, ").rstrip(".")
        problems.append(f"{place}: {message}" if place else message)
    return _sentence(422, "; ".join(problems) + ".")


def _sentence(status: int, detail: str) -> Response:
    return JSONResponse({"detail": detail}, status_code=status)
