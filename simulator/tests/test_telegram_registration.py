"""setWebhook and getWebhookInfo, as the server's own code has them."""

from __future__ import annotations

import time
from typing import Any

import pytest
from simulator_driver import App, Driver, Json, calling, until, with_telegram
from starlette.responses import Response


async def info(sim: Driver) -> Json:
    found: Json = (await sim.bot("getWebhookInfo")).json()["result"]
    return found


async def set_webhook(sim: Driver, **params: Any) -> tuple[int, str]:
    """As soon as the limit of one a second lets it pass."""
    while (answer := await sim.bot("setWebhook", **params)).status_code == 429:
        await until(lambda: sim.world.bot.set_webhook_limit.wait_seconds() == 0)
    return answer.status_code, answer.json()["description"]


async def test_the_last_error_stays_until_the_webhook_is_another(sim: Driver, app: App) -> None:
    url = f"{app.url}/telegram"
    await set_webhook(sim, url=url, secret_token="first-secret")
    assert "last_error_date" not in await info(sim)
    app.answers = [Response(status_code=403)]
    await sim.person("telegram")
    await until(lambda: len(app.hooks) == 2)

    shown = await info(sim)
    assert shown["last_error_message"] == "Wrong response from the webhook: 403 Forbidden"
    assert abs(shown["last_error_date"] - time.time()) < 10
    assert shown["pending_update_count"] == 0, "an error that is over is shown all the same"

    again = await set_webhook(sim, url=url, secret_token="first-secret")
    assert again == (200, "Webhook is already set")
    assert "last_error_date" in await info(sim)
    another = await set_webhook(sim, url=url, secret_token="second-secret")
    assert another == (200, "Webhook was set")
    assert "last_error_date" not in await info(sim)


async def test_the_same_webhook_again_takes_new_kinds_of_updates(sim: Driver, app: App) -> None:
    url = f"{app.url}/telegram"
    await set_webhook(sim, url=url, allowed_updates=["message"])
    again = await set_webhook(sim, url=url, allowed_updates=["Message", "chat_member", "nonsense"])
    assert again == (200, "Webhook is already set")
    assert (await info(sim))["allowed_updates"] == ["message", "chat_member"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://turnout.example.org/t", "An HTTPS URL must be provided for webhook"),
        (
            "https://turnout.example.org:8080/t",
            "Webhook can be set up only on ports 80, 88, 443 or 8443",
        ),
        ("https://127.0.0.1/t", "IP address 127.0.0.1 is reserved"),
        ("https://[::1]/t", "IPv6-only addresses are not allowed"),
    ],
)
async def test_the_clouds_server_takes_only_public_addresses_and_a_refused_one_leaves_none(
    url: str, words: str
) -> None:
    async with calling(with_telegram(server="cloud")) as sim:
        assert await set_webhook(sim, url="https://turnout.example.org/t") == (
            200,
            "Webhook was set",
        )
        refused = await set_webhook(sim, url=url)
        assert refused == (400, f"Bad Request: bad webhook: {words}")
        assert (await info(sim))["url"] == ""


async def test_another_set_webhook_at_the_same_time_can_be_had_as_a_fault(
    sim: Driver, app: App
) -> None:
    await sim.fault("telegram", "error", endpoint="setwebhook", code=409, count=1)
    answer = await sim.bot("setWebhook", url=f"{app.url}/telegram")
    assert answer.status_code == 409
    assert answer.json()["description"] == "Conflict: terminated by other setWebhook"


async def test_the_limit_is_for_setting_and_not_for_deleting(sim: Driver, app: App) -> None:
    await set_webhook(sim, url=f"{app.url}/telegram")
    too_soon = await sim.bot("setWebhook", url=f"{app.url}/other")
    assert too_soon.json()["parameters"] == {"retry_after": 1}
    assert (await sim.bot("setWebhook", url="")).json()["description"] == "Webhook was deleted"
