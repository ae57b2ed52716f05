"""Gateways look at their webhooks, show what is wrong, and tell the admin once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import httpx
import nats
import pytest
import pytest_asyncio
from gateway_house import BOT, PHONE_ID, WAIT_SECONDS_MAX, Process, private_in, process
from webhooks_house import (
    ACCOUNTS,
    NOBODY,
    WABA_ID,
    WHATSAPP_TOKEN,
    Platforms,
    command,
    simulator,
)

from contracts.topology import WEBHOOKS
from gateway.webhooks.troubles import Troubles
from gateway.webhooks.watch import KEY

ADMIN_CHAT = "424242"
LOOK_SECONDS = "0.4"
PUBLIC_URL = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def simulator_url() -> Iterator[str]:
    with simulator() as url:
        yield url


@pytest_asyncio.fixture
async def platforms(simulator_url: str) -> AsyncIterator[Platforms]:
    async with httpx.AsyncClient(base_url=simulator_url, timeout=20) as http:
        found = Platforms(simulator_url, http)
        await found.as_new()
        yield found


def environment(platforms: Platforms, **changes: str) -> dict[str, str]:
    return ACCOUNTS | {
        "TELEGRAM_API_URL": platforms.url,
        "WHATSAPP_API_URL": platforms.url,
        "PUBLIC_URL": PUBLIC_URL,
        "TURNOUT_TEST": "1",
        "WEBHOOK_CHECK_SECONDS": LOOK_SECONDS,
        "LOG_LEVEL": "debug",
        "ADMIN_TELEGRAM_CHAT": ADMIN_CHAT,
        **changes,
    }


async def eventually(fact: Callable[[], Any]) -> Any:
    """Wait until `fact()` gives something true, and return it."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not (found := await fact()):
            await asyncio.sleep(0.05)
    return found


async def looks(nats_url: str) -> int:
    """How often the document was written."""
    client = await nats.connect(nats_url)
    try:
        bucket = await client.jetstream().key_value(WEBHOOKS.name)
        entry = await bucket.get(KEY)
        Troubles.model_validate_json(entry.value or b"")
        return entry.revision or 0
    finally:
        await client.close()


async def after_more_looks(nats_url: str, count: int = 8) -> None:
    """Wait until the gateways have looked again and again."""
    begun = await looks(nats_url)

    async def enough() -> bool:
        return await looks(nats_url) >= begun + count

    await eventually(enough)


async def test_two_gateways_tell_the_admin_once_that_it_began_and_once_that_it_is_over(
    provisioned: str, platforms: Platforms
) -> None:
    env = environment(platforms)
    await command("register", "--platform", "telegram", **env)
    await platforms.bot("deleteWebhook")
    await platforms.graph("POST", f"{WABA_ID}/subscribed_apps")
    async with AsyncExitStack() as stack:
        gateways = [await stack.enter_async_context(process(provisioned, **env)) for _ in range(2)]
        house = gateways[0].house

        async def alerts() -> list[dict[str, Any]]:
            return [each for each in await house.stored("OUTBOUND") if "Telegram" in each["text"]]

        await eventually(alerts)
        for gateway in gateways:
            await eventually(partial(shows, gateway, "no-webhook", 1))
        await after_more_looks(provisioned)
        [began] = await alerts()
        assert began["address"] == {"platform": "telegram", "account": BOT, "chat_id": ADMIN_CHAT}
        assert began["text"].startswith(f"⚠️ Webhook of {BOT} (Telegram): Telegram knows no addr")
        health = (await house.http.get("/health")).json()
        assert health["status"] == "ok", "it never makes a gateway unready"
        assert f"telegram {BOT}: no-webhook" in health["webhooks"]["findings"]

        said = await command("repair", "--platform", "telegram", **env)
        assert said.code == 0, said.text

        await eventually(partial(two, alerts))
        for gateway in gateways:
            await eventually(partial(shows, gateway, "no-webhook", 0))
        await after_more_looks(provisioned)
        began, over = await alerts()
        assert over["text"].startswith(f"✅ Webhook of {BOT} (Telegram): in order again.")
        assert over["id"] != began["id"]
        told = [gateway.told() for gateway in gateways]
        lines = [line for each in told for line in each.splitlines() if "no-webhook" in line]
        assert len(lines) == 2, "one line when it began and one when it was over, of one gateway"
        metrics = [(await gateway.house.http.get("/metrics")).text for gateway in gateways]
        for each in told + metrics:
            assert private_in(each, private=[WHATSAPP_TOKEN, ADMIN_CHAT]) == []


async def two(alerts: Callable[[], Any]) -> bool:
    return len(await alerts()) == 2


async def shows(gateway: Process, finding: str, value: int) -> bool:
    series = (
        f'turnout_webhook_findings{{account="{BOT}",finding="{finding}",platform="telegram",'
        f'service="gateway"}} {value}.0'
    )
    return series in (await gateway.house.http.get("/metrics")).text


async def test_a_gateway_that_comes_later_says_what_is_over_and_in_the_admins_language(
    provisioned: str, platforms: Platforms
) -> None:
    env = environment(platforms, ADMIN_LANGUAGE="ru")
    async with process(provisioned, **env) as gateway:

        async def began() -> list[Any]:
            stored = await gateway.house.stored("OUTBOUND")
            return [each for each in stored if "Telegram не знает" in each["text"]]

        [message] = await eventually(began)
        assert message["language"] == "ru"
    await command("register", "--platform", "telegram", **env)
    async with process(provisioned, **env) as gateway:

        async def over() -> list[Any]:
            stored = await gateway.house.stored("OUTBOUND")
            return [each for each in stored if each["text"].startswith("✅ Вебхук 123456")]

        await eventually(over)


async def test_a_platform_that_is_away_is_shown_and_nothing_breaks(
    provisioned: str, platforms: Platforms
) -> None:
    await platforms.hears("4214", "waits")
    env = environment(platforms, WHATSAPP_API_URL=NOBODY)
    async with process(provisioned, **env) as gateway:

        async def away() -> bool:
            found = (await gateway.house.http.get("/health")).json()["webhooks"]
            return found is not None and f"whatsapp {PHONE_ID}: away" in found["findings"]

        await eventually(away)
        metrics = (await gateway.house.http.get("/metrics")).text
        pending = f'turnout_webhook_pending_updates{{account="{BOT}",service="gateway"}} 1.0'
        assert pending in metrics
        assert (await gateway.house.http.get("/health/ready")).status_code == 200
        assert "Traceback" not in gateway.told()


async def test_without_its_bucket_it_says_so_once_and_the_gateway_works(
    provisioned: str, platforms: Platforms
) -> None:
    client = await nats.connect(provisioned)
    await client.jetstream().delete_key_value(WEBHOOKS.name)
    await client.close()
    async with process(provisioned, **environment(platforms)) as gateway:

        async def told() -> bool:
            return "bucket of the webhooks is missing" in gateway.told()

        await eventually(told)
        update = {"update_id": 1, "message": {"chat": {"id": 42}, "date": 1, "text": "hi"}}
        assert (await gateway.house.telegram(update)).status_code == 200
        assert gateway.told().count("bucket of the webhooks is missing") == 1
        assert "Traceback" not in gateway.told()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PUBLIC_URL": ""}, "PUBLIC_URL is not set"),
        ({"WEBHOOK_CHECK_SECONDS": "0"}, None),
    ],
)
async def test_it_does_not_look_where_it_cannot_know_what_should_be(
    provisioned: str, platforms: Platforms, changes: dict[str, str], sentence: str | None
) -> None:
    async with process(provisioned, **environment(platforms, **changes)) as gateway:
        assert "webhooks" not in (await gateway.house.http.get("/health")).json()
        assert ("are not looked after" in gateway.told()) == (sentence is not None)
        assert (sentence or "") in gateway.told()
