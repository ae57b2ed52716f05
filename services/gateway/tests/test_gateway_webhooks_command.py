"""`./task webhooks`: what it prints, how it ends, and what it never prints."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from gateway_house import BOT, PHONE_ID, Gateway
from webhooks_house import ACCOUNTS, NOBODY, Platforms, command, secrets_in, simulator

from gateway.webhooks.asking import Away, ask, client


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


def environment(platforms: Platforms, public_url: str, **changes: str) -> dict[str, str]:
    apis = {"TELEGRAM_API_URL": platforms.url, "WHATSAPP_API_URL": platforms.url}
    return ACCOUNTS | apis | {"PUBLIC_URL": public_url, "TURNOUT_TEST": "1"} | changes


async def test_it_shows_registers_and_repairs_and_a_second_time_changes_nothing(
    platforms: Platforms, gateway: Gateway
) -> None:
    env = environment(platforms, str(gateway.http.base_url))

    said = await command(**env)
    assert said.code == 1
    assert f"telegram {BOT} @turnout_demo_bot: 1 finding" in said.text
    assert "! no-webhook: Telegram knows no webhook" in said.text
    assert "-> ./task webhooks -- repair" in said.text

    said = await command("register", **env)
    assert said.code == 0, said.text
    assert f"telegram {BOT} @turnout_demo_bot: well" in said.text
    assert f"whatsapp {PHONE_ID} Turnout: well" in said.text
    assert "+ set the webhook to" in said.text
    assert "+ set the account's callback to" in said.text

    assert (await command("show", **env)).code == 0
    said = await command("repair", **env)
    assert (said.code, said.text.count("+ nothing differed, nothing was set")) == (0, 2)

    await platforms.bot("deleteWebhook")
    said = await command("repair", "--platform", "telegram", **env)
    assert said.code == 0
    assert "because of no-webhook" in said.text
    assert "whatsapp" not in said.text.replace(str(gateway.http.base_url), "")


async def test_a_script_reads_json(platforms: Platforms, gateway: Gateway) -> None:
    env = environment(platforms, str(gateway.http.base_url))
    said = await command("--json", **env)
    shown = json.loads(said.text)
    assert (said.code, shown["well"]) == (1, False)
    telegram = next(each for each in shown["accounts"] if each["platform"] == "telegram")
    [found] = telegram["findings"]
    assert found.keys() == {"name", "says", "remedy"}
    assert found["name"] == "no-webhook"

    said = await command("repair", "--json", **env)
    shown = json.loads(said.text)
    assert (said.code, shown["well"]) == (0, True)
    assert all(each["done"] for each in shown["accounts"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PUBLIC_URL": ""}, "PUBLIC_URL is not set"),
        ({"TURNOUT_TEST": ""}, "PUBLIC_URL must begin with https://"),
        ({"PUBLIC_URL": "http://x/?a=b"}, "PUBLIC_URL must be a host"),
        (dict.fromkeys(ACCOUNTS, ""), "There is no account to look at"),
        ({"TELEGRAM_TOKEN": "nonsense"}, "TELEGRAM_TOKEN looks like 123456:ABC"),
    ],
)
async def test_what_is_not_set_is_said_in_a_sentence(
    platforms: Platforms, changes: dict[str, str], sentence: str
) -> None:
    said = await command(**environment(platforms, NOBODY, **changes))
    assert said.code == 2
    assert sentence in said.text
    assert len(said.text.splitlines()) == 1


async def test_nothing_secret_is_printed_whatever_goes_wrong(platforms: Platforms) -> None:
    """`command` looks through every output, of every test here."""
    planted = f"no connection to {platforms.url}/bot{ACCOUNTS['TELEGRAM_TOKEN']}/getMe"
    assert secrets_in(planted), "the scan finds a token that is there"
    debug = {"LOG_LEVEL": "debug", "HTTPX_LOG_LEVEL": "trace"}
    for kind in ("drop_response", "500", "unauthorized"):
        for platform in ("telegram", "whatsapp"):
            await platforms.fault(platform, "*", kind, count=2)
    for verb in ("show", "register", "repair"):
        said = await command(verb, **environment(platforms, NOBODY, **debug))
        assert said.code == 1
    away = {"TELEGRAM_API_URL": NOBODY, "WHATSAPP_API_URL": "http://[not-an-address"}
    said = await command("repair", **environment(platforms, NOBODY, **away))
    assert said.code == 1
    assert said.text.count("! away: ") == 2


async def test_no_failure_carries_the_address_that_holds_the_token() -> None:
    url = f"{NOBODY}/bot{ACCOUNTS['TELEGRAM_TOKEN']}/getMe"
    async with client() as http:
        with pytest.raises(httpx.ConnectError) as raw:
            await http.get(url)
        assert secrets_in(str(raw.value.request.url)), "httpx's own would carry it"
        with pytest.raises(Away) as told:
            await ask(http, "GET", url)
    assert secrets_in(repr(told.value)) == []
    assert (told.value.__cause__, told.value.__context__) == (None, None)


async def test_a_proxy_of_the_environment_is_not_the_way_to_the_simulator(
    platforms: Platforms,
) -> None:
    env = environment(platforms, NOBODY, HTTP_PROXY=NOBODY, ALL_PROXY=NOBODY)
    said = await command("--platform", "telegram", **env)
    assert "! no-webhook" in said.text


async def test_accounts_in_a_file_are_looked_at_too_and_one_without_a_token_is_named(
    platforms: Platforms, tmp_path: Path
) -> None:
    accounts = tmp_path / "accounts.toml"
    accounts.write_text('[[telegram]]\nid = "777"\nsecret = "a-secret-of-another-bot"\n')
    said = await command(**environment(platforms, NOBODY, TURNOUT_ACCOUNTS=str(accounts)))
    assert "telegram 777: cannot be looked at" in said.text
    assert "token of [[telegram]] 1 in accounts.toml is not set here" in said.text
    assert f"telegram {BOT} @turnout_demo_bot" in said.text
