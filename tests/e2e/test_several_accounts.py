"""Two bots and two numbers in one installation: who was written to answers."""

import os
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from devstack.house import House
from devstack.installation import DEMO_VALUES, clock_file
from devstack.process import run_once
from devstack.registering import register_webhooks
from tests.e2e.neighbours import front
from tests.e2e.neighbours import simulator as neighbour
from tests.e2e.people import Organiser, Person, Platform, Simulator, registers
from tests.e2e.test_stories import unique

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOT, PHONE_ID = "123456", DEMO_VALUES["WHATSAPP_PHONE_ID"]
SECOND_BOT, SECOND_PHONE_ID = "777888", "209980352249911"
SECOND = {
    "TELEGRAM_TOKEN": f"{SECOND_BOT}:second-telegram-token",
    "TELEGRAM_SECRET": "second-telegram-secret",
    "TELEGRAM_BOT_USERNAME": "second_demo_bot",
    "WHATSAPP_TOKEN": "second-whatsapp-token",
    "WHATSAPP_PHONE_ID": SECOND_PHONE_ID,
    "WHATSAPP_APP_SECRET": "second-app-secret",
    "WHATSAPP_VERIFY_TOKEN": "second-verify-token",
}
ACCOUNTS = """
[[telegram]]
token = "{TELEGRAM_TOKEN}"
secret = "{TELEGRAM_SECRET}"

[[whatsapp]]
phone_id = "{WHATSAPP_PHONE_ID}"
token = "{WHATSAPP_TOKEN}"
app_secret = "{WHATSAPP_APP_SECRET}"
verify_token = "{WHATSAPP_VERIFY_TOKEN}"
""".format(**SECOND)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def second(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Simulator]:
    """The other bot and the other number; the shared chain serves them for a while."""
    folder = tmp_path_factory.mktemp("several")
    accounts = folder / "accounts.toml"
    accounts.write_text(ACCOUNTS)
    told = SECOND | {
        "WHATSAPP_CALLBACK_URL": f"{house.gateway}/whatsapp",
        # Earlier stories have turned the clock of the house.
        "TURNOUT_CLOCK_FILE": str(clock_file(house.home / "run")),
    }
    async with neighbour(told) as url:
        worlds = {
            f"/bot{BOT}:": house.simulator,
            f"/bot{SECOND_BOT}:": url,
            f"/{PHONE_ID}": house.simulator,
            f"/{SECOND_PHONE_ID}": url,
        }
        async with front(worlds) as platforms:
            environment = {
                "TURNOUT_ACCOUNTS": str(accounts),
                "TELEGRAM_API_URL": platforms,
                "WHATSAPP_API_URL": platforms,
            }
            whole = (
                {"PATH": os.environ["PATH"], "TURNOUT_TEST": "1", "PUBLIC_URL": house.gateway}
                | DEMO_VALUES
                | environment
                | {"NATS_URL": house.nats_url}
            )
            streams = (sys.executable, "-m", "runtime.provision")
            await run_once("streams", streams, whole, folder / "streams.log")
            for service in ("gateway", "notifier"):
                await house.restart(service, environment=environment)
            await register_webhooks(whole, folder, "--platform", "telegram")
            async with httpx.AsyncClient(base_url=url, timeout=15) as http:
                yield Simulator(http, mailbox=house.simulator)
            for service in ("gateway", "notifier"):
                await house.restart(service)


@pytest.mark.parametrize(
    ("platform", "chat_id"), [("telegram", "4242"), ("whatsapp", "16505550042")]
)
async def test_the_same_person_is_answered_by_whom_they_wrote_to(
    simulator: Simulator,
    second: Simulator,
    organiser: Organiser,
    platform: Platform,
    chat_id: str,
) -> None:
    event = await organiser.publishes(title := unique("Twice"))
    here = await simulator.person(platform, name="Ann", id=chat_id)
    there = await second.person(platform, name="Ann", id=chat_id)

    assert (await registers(there, title)).document is not None
    assert [entry for entry in await here.chat() if entry["from"] == "bot"] == []
    card = await here.opens_event(title)
    assert card.label("Register"), "in the other chat nobody has registered yet"
    await there.hears_nothing_more()
    assert (await registers(here, title)).document is not None
    await there.hears_nothing_more()
    assert (await organiser.event(event["id"]))["confirmed"] == 2
    if platform == "whatsapp":
        for person in (here, there):
            assert await was_read(person), "what is answered is marked as read"


async def was_read(person: Person) -> bool:
    """Whether one of our marks has arrived in this chat."""
    return any(
        entry["from"] == "person" and entry["status"] == "read" for entry in await person.chat()
    )
