"""How many posts run at once, and what a bot that refuses is asked of."""

from __future__ import annotations

import asyncio

from simulator_driver import App, Driver, Hook, until
from starlette.responses import Response

from simulator.telegram.connections import Connections


async def test_a_bot_that_took_nothing_yet_gets_one_post_then_ten_in_half_a_second() -> None:
    connections = Connections(40, lambda: 100)
    taken = [asyncio.create_task(connections.take()) for _ in range(30)]

    def got() -> int:
        return sum(one.done() for one in taken)

    await until(lambda: got() == 1)
    await asyncio.sleep(0)
    assert got() == 1
    connections.give_back(succeeded=True)
    await until(lambda: got() >= 11)
    assert got() == 12, "the first is free again, and ten are opened"
    await until(lambda: got() == 22, seconds_max=1.0)
    for one in taken:
        one.cancel()


async def test_connections_are_kept_through_refusals() -> None:
    connections = Connections(2, lambda: 2)
    await connections.take()
    connections.give_back(succeeded=True)
    await asyncio.gather(connections.take(), connections.take())
    connections._last_success = float("-inf")
    connections.give_back()
    connections.give_back()
    await asyncio.wait_for(asyncio.gather(connections.take(), connections.take()), 1.0)


async def test_while_all_loaded_chats_are_refused_no_other_is_tried(sim: Driver, app: App) -> None:
    await sim.bot("setWebhook", url=f"{app.url}/telegram", max_connections=2)
    refuse = True

    async def answer(_: Hook) -> Response:
        return Response(status_code=503, headers={"Retry-After": "1"}) if refuse else Response()

    app.answer = answer
    for _ in range(10):
        await sim.person("telegram")
    await until(lambda: len(app.hooks) >= 12, seconds_max=20.0)
    tried = {update["message"]["chat"]["id"] for update in app.updates}
    assert len(tried) == 4
    refuse = False
    await until(lambda: len({u["message"]["chat"]["id"] for u in app.updates}) == 10)
