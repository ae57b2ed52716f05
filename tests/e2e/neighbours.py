"""A second bot and a second number: a simulator of their own, and one address for both."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runtime.testing import free_port

STARTS_SECONDS_MAX = 30.0
PASSED_ON = frozenset({"authorization", "content-type"})


@asynccontextmanager
async def simulator(environment: Mapping[str, str]) -> AsyncIterator[str]:
    """One more simulator in a process of its own; its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    ports = (f"--port={port}", f"--smtp-port={free_port()}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", *ports, env=os.environ | environment
    )
    try:
        async with httpx.AsyncClient() as http, asyncio.timeout(STARTS_SECONDS_MAX):
            while True:
                try:
                    (await http.get(f"{url}/sim/stats")).raise_for_status()
                    break
                except httpx.HTTPError:
                    await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def front(worlds: Mapping[str, str]) -> AsyncIterator[str]:
    """One address for several simulators, as each platform is one address for all accounts.

    Args:
        worlds: what the path of a call holds → the simulator that it is for.
    """

    async def forward(request: Request) -> Response:
        world = next(url for part, url in worlds.items() if part in request.url.path)
        answer = await http.request(
            request.method,
            f"{world}{request.url.path}",
            params=str(request.query_params),
            content=await request.body(),
            headers={name: value for name, value in request.headers.items() if name in PASSED_ON},
        )
        return Response(answer.content, answer.status_code, media_type="application/json")

    app = Starlette(routes=[Route("/{path:path}", forward, methods=["GET", "POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    async with httpx.AsyncClient(timeout=20) as http:
        serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(STARTS_SECONDS_MAX):
            while not server.started:
                await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        await serving
