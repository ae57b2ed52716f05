"""Each drift of a webhook is found at the real shape of its platform, worded, and repaired."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import pytest_asyncio
from gateway_house import BOT, PHONE_ID, TELEGRAM_SECRET, VERIFY_TOKEN, WAIT_SECONDS_MAX, Gateway
from webhooks_house import APP_ID, NOBODY, WABA_ID, Platforms, names, simulator

from gateway.webhooks.findings import CannotSet, Report, Webhook
from gateway.webhooks.telegram import ALLOWED_UPDATES, MAX_CONNECTIONS, PENDING_MAX

APPS = f"{WABA_ID}/subscribed_apps"
ELSEWHERE = "https://elsewhere.example.org/hook"


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


def public_url(gateway: Gateway) -> str:
    return str(gateway.http.base_url).rstrip("/")


async def finding(webhook: Webhook, name: str) -> Report:
    """Look until it is found."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while name not in names(report := await webhook.inspect()):
            await asyncio.sleep(0.05)
    return report


async def test_a_bot_without_a_webhook_is_found_and_repaired_and_nothing_that_waits_is_lost(
    platforms: Platforms, gateway: Gateway
) -> None:
    await platforms.hears("4211", "said before there was a webhook")
    async with platforms.webhook("telegram", public_url(gateway)) as webhook:
        report = await webhook.inspect()
        assert (names(report), report.pending_updates) == (["no-webhook"], 1)

        [done] = await webhook.repair()

        assert done.endswith("because of no-webhook")
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while not await gateway.raw("INBOUND"):
                await asyncio.sleep(0.05)
        report = await webhook.inspect()
        assert (names(report), report.title) == ([], "@turnout_demo_bot")
        assert await webhook.repair() == [], "what is right is not touched"
    info = await platforms.bot("getWebhookInfo")
    assert info["url"] == f"{public_url(gateway)}/telegram/{BOT}"
    assert sorted(info["allowed_updates"]) == sorted(ALLOWED_UPDATES)
    assert info["max_connections"] == MAX_CONNECTIONS


@pytest.mark.parametrize(
    ("drift", "name", "words"),
    [
        ({"url": ELSEWHERE}, "url", "elsewhere.example.org/hook and not to"),
        ({"url": f"{ELSEWHERE}?token=hidden"}, "url", "(and a part not shown)"),
        ({"allowed_updates": ["message"]}, "allowed-updates", "does not send callback_query"),
        (
            {"allowed_updates": [*ALLOWED_UPDATES, "poll"]},
            "allowed-updates",
            "sends poll, which nobody reads",
        ),
        ({"allowed_updates": []}, "allowed-updates", "its default kinds"),
        ({"max_connections": 3}, "max-connections", "up to 3 connections"),
    ],
)
async def test_what_somebody_set_otherwise_at_telegram_is_found_and_set_back(
    platforms: Platforms, drift: dict[str, Any], name: str, words: str
) -> None:
    ours = {
        "url": f"https://turnout.example.org/telegram/{BOT}",
        "secret_token": TELEGRAM_SECRET,
        "allowed_updates": list(ALLOWED_UPDATES),
        "max_connections": MAX_CONNECTIONS,
    }
    await platforms.bot("setWebhook", **(ours | drift))
    async with platforms.webhook("telegram", "https://turnout.example.org", turnout_test=False) as (
        webhook
    ):
        report = await webhook.inspect()
        [found] = report.findings
        assert found.name == name
        assert words in found.says
        assert "hidden" not in found.says + str(report.facts)

        [done] = await webhook.repair()

        assert done.endswith(f"because of {name}")
        assert names(await webhook.inspect()) == []


async def test_another_secret_at_telegram_is_seen_by_the_gateways_403(
    platforms: Platforms, gateway: Gateway
) -> None:
    url = f"{public_url(gateway)}/telegram/{BOT}"
    await platforms.bot(
        "setWebhook",
        url=url,
        secret_token="a-secret-of-somebody-else",
        allowed_updates=list(ALLOWED_UPDATES),
        max_connections=MAX_CONNECTIONS,
    )
    async with platforms.webhook("telegram", public_url(gateway)) as webhook:
        assert names(await webhook.inspect()) == [], "Telegram does not show the secret itself"
        await platforms.hears("4212", "refused at first")
        report = await finding(webhook, "secret")
        assert "answered Telegram with 403" in report.findings[0].says
        assert "just now: Wrong response" in report.facts["last error"]

        await webhook.repair()

        assert names(await webhook.inspect()) == []
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while not await gateway.raw("INBOUND"):
                await asyncio.sleep(0.05)


@asynccontextmanager
async def answering(*statuses: int) -> AsyncIterator[str]:
    """An address that answers one webhook after another with these; gives its URL."""
    left = list(statuses)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"content-length:")
        await reader.readexactly(int(length.split()[0]))
        answer = f"HTTP/1.1 {left.pop(0)} So\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(answer.encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_an_error_that_is_over_is_shown_and_is_no_finding(platforms: Platforms) -> None:
    async with (
        answering(502, 200) as url,
        platforms.webhook("telegram", url) as webhook,
    ):
        await webhook.register()
        await platforms.hears("4215", "refused once")
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while "last error" not in (report := await webhook.inspect()).facts or (
                report.pending_updates
            ):
                await asyncio.sleep(0.05)
        assert names(report) == []
        assert report.facts["last error"] == (
            "just now: Wrong response from the webhook: 502 So; over since"
        )


async def test_two_that_register_at_once_both_succeed(platforms: Platforms) -> None:
    async with platforms.webhook("telegram", NOBODY) as webhook:
        done = await asyncio.gather(webhook.register(), webhook.register())
        assert len(done) == 2
        assert names(await webhook.inspect()) == []


async def test_many_that_wait_and_an_address_where_nobody_listens_are_found(
    platforms: Platforms,
) -> None:
    async with platforms.webhook("telegram", NOBODY) as webhook:
        await webhook.register()
        await platforms.control("people", {"platform": "telegram", "id": "4213"})
        said = [
            {"platform": "telegram", "id": "4213", "text": f"{n}"} for n in range(PENDING_MAX + 1)
        ]
        await platforms.control("people/say", {"said": said})
        report = await finding(webhook, "failing")
        assert names(report) == ["failing", "pending"]
        failing, pending = report.findings
        assert "nobody listens at the address" in failing.says
        assert f"more than {PENDING_MAX}" in pending.says
        assert await webhook.repair() == [], "setting it again would help nobody"


async def test_a_short_pause_and_another_setter_are_waited_for_and_a_long_pause_is_told(
    platforms: Platforms,
) -> None:
    async with platforms.webhook("telegram", NOBODY) as webhook:
        await platforms.fault("telegram", "setwebhook", "error", code=409, count=1)
        await platforms.fault("telegram", "getwebhookinfo", "429", retry_after=1, count=1)
        assert await webhook.register() == [f"set the webhook to {NOBODY}/telegram/{BOT}"]
        assert names(await webhook.inspect()) == []

        await platforms.fault("telegram", "getwebhookinfo", "429", retry_after=600, count=1)
        report = await webhook.inspect()
        assert (names(report), report.is_known) == (["away"], False)
        assert "retry after 600" in report.findings[0].says


@pytest.mark.parametrize("platform", ["telegram", "whatsapp"])
async def test_a_token_that_is_not_taken_and_an_api_that_is_away_are_findings_of_their_own(
    platforms: Platforms, platform: str
) -> None:
    wrong: dict[str, Any] = {
        "telegram_token": f"{BOT}:another-token",
        "whatsapp_token": "another-token",
    }
    async with platforms.webhook(platform, NOBODY, **wrong) as webhook:
        report = await webhook.inspect()
        assert (names(report), report.is_known) == (["token"], False)
        with pytest.raises(CannotSet) as refused:
            await webhook.register()
        assert refused.value.finding.name == "token"
    away: dict[str, Any] = {"telegram_api_url": NOBODY, "whatsapp_api_url": NOBODY}
    async with platforms.webhook(platform, NOBODY, **away) as webhook:
        report = await webhook.inspect()
        assert (names(report), report.is_known) == (["away"], False)
        assert "no connection" in report.findings[0].says
        with pytest.raises(CannotSet) as refused:
            await webhook.repair()
        assert refused.value.finding.name == "away"
    endpoint = "getme" if platform == "telegram" else "phone_number"
    await platforms.fault(platform, endpoint, "500", count=1)
    async with platforms.webhook(platform, NOBODY) as webhook:
        assert names(await webhook.inspect()) == ["away"]


async def test_a_port_that_telegram_does_not_post_to_is_told_before_it_takes_the_webhook_away(
    platforms: Platforms,
) -> None:
    cloud = "https://api.telegram.org"
    url = "https://turnout.example.org:9443"
    async with platforms.webhook(
        "telegram", url, telegram_api_url=cloud, turnout_test=False
    ) as webhook:
        with pytest.raises(CannotSet, match="ports 443, 80, 88 and 8443"):
            await webhook.register()


async def test_an_app_that_is_not_subscribed_is_subscribed_and_its_callback_set(
    platforms: Platforms, gateway: Gateway
) -> None:
    await platforms.graph("DELETE", APPS)
    async with platforms.webhook("whatsapp", public_url(gateway)) as webhook:
        assert names(await webhook.inspect()) == ["not-subscribed", "callback"]

        subscribed, callback = await webhook.repair()

        assert "subscribed the app" in subscribed
        assert callback == f"set the account's callback to {public_url(gateway)}/whatsapp"
        assert names(await webhook.inspect()) == []
        assert await webhook.repair() == []
    await platforms.hears("15550001111", "it arrives", platform="whatsapp")
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not await gateway.raw("INBOUND"):
            await asyncio.sleep(0.05)


async def test_a_callback_that_goes_elsewhere_and_one_that_hides_ours_are_set_right(
    platforms: Platforms, gateway: Gateway
) -> None:
    ours = {"override_callback_uri": f"{public_url(gateway)}/whatsapp"}
    ours |= {"verify_token": VERIFY_TOKEN}
    # The same gateway by another name of this machine, so that the handshake succeeds.
    other = ours | {"override_callback_uri": ours["override_callback_uri"].replace(
        "127.0.0.1", "localhost"
    )}  # fmt: skip
    await platforms.graph("POST", APPS, other)
    async with platforms.webhook("whatsapp", public_url(gateway)) as webhook:
        [found] = (await webhook.inspect()).findings
        assert found.name == "callback"
        assert "the account's override sends webhooks to http://localhost" in found.says
        assert await webhook.repair() == [
            f"set the account's callback to {public_url(gateway)}/whatsapp"
        ]

        await platforms.graph("POST", PHONE_ID, {"webhook_configuration": other})
        [found] = (await webhook.inspect()).findings
        assert found.name == "overridden"
        assert "the number's own override sends webhooks to" in found.says
        assert f"hides {public_url(gateway)}/whatsapp" in found.says
        assert await webhook.repair() == ["took back the number's own override"]
        assert names(await webhook.inspect()) == []


async def test_without_the_accounts_id_the_callback_is_set_for_the_number(
    platforms: Platforms, gateway: Gateway
) -> None:
    async with platforms.webhook("whatsapp", public_url(gateway), whatsapp_waba_id=None) as webhook:
        assert names(await webhook.inspect()) == ["callback"]
        assert await webhook.repair() == [
            f"set the number's callback to {public_url(gateway)}/whatsapp"
        ]
        report = await webhook.inspect()
        assert names(report) == []
        assert "WHATSAPP_WABA_ID is not set" in report.facts["subscribed"]


async def test_a_gateway_with_another_verify_token_is_found_before_and_by_meta(
    platforms: Platforms, gateway: Gateway
) -> None:
    url = public_url(gateway)
    async with platforms.webhook("whatsapp", url, shakes_hands=True) as webhook:
        await webhook.register()
        assert names(await webhook.inspect()) == []
    other: dict[str, Any] = {"whatsapp_verify_token": "another-verify-token"}
    async with platforms.webhook("whatsapp", url, shakes_hands=True, **other) as webhook:
        [found] = (await webhook.inspect()).findings
        assert found.name == "handshake"
        assert "another verify token" in found.says
        with pytest.raises(CannotSet, match="HTTP Status Code = 403") as refused:
            await webhook.register()
        assert refused.value.finding.name == "handshake"
    async with platforms.webhook("whatsapp", NOBODY, shakes_hands=True) as webhook:
        report = await webhook.inspect()
        assert names(report) == ["callback", "handshake"]
        assert "cannot be reached from here" in report.findings[1].says


async def test_what_the_app_asked_for_and_its_secret_are_looked_at(
    platforms: Platforms, gateway: Gateway
) -> None:
    url = f"{public_url(gateway)}/whatsapp"
    await platforms.control("whatsapp/callback", {"url": url, "fields": ["account_update"]})
    async with platforms.webhook("whatsapp", public_url(gateway)) as webhook:
        report = await webhook.inspect()
        assert names(report) == ["fields"]
        assert report.facts["fields"] == "account_update"
        assert await webhook.repair() == [], "only Meta's dashboard can"
    await platforms.control("whatsapp/callback", {"fields": ["messages"]})
    changes: dict[str, Any] = {
        "whatsapp_app_id": APP_ID,
        "whatsapp_app_secret": "another-app-secret",
    }
    async with platforms.webhook("whatsapp", public_url(gateway), **changes) as webhook:
        assert names(await webhook.inspect()) == ["app-secret"]
    async with platforms.webhook("whatsapp", public_url(gateway), whatsapp_app_id="1") as webhook:
        assert "not-subscribed" in names(await webhook.inspect())


async def test_an_id_that_the_token_may_not_see_and_metas_limits_are_told(
    platforms: Platforms,
) -> None:
    async with platforms.webhook("whatsapp", NOBODY, whatsapp_phone_id="1") as webhook:
        [found] = (await webhook.inspect()).findings
        assert found.name == "refused"
        assert "WHATSAPP_PHONE_ID" in found.remedy
    await platforms.fault("whatsapp", "subscribed_apps", "error", code=80007, count=1)
    async with platforms.webhook("whatsapp", NOBODY) as webhook:
        [found] = (await webhook.inspect()).findings
        assert (found.name, "80007" in found.says) == ("away", True)
