"""Two bots and two numbers: every answer goes out through the account that was written to."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import uvicorn
from nats.js.errors import NotFoundError
from notifier_house import BOT, PHONE_ID
from notifier_stage import Person, Stage, eventually, running, settings, simulator, until
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts import AccountsAnswer, Address, ListAccounts
from contracts.topology import PARTITIONS, ring
from runtime.provision import provision

SECOND_BOT, SECOND_PHONE_ID = "777888", "209980352249911"
SECOND_TOKEN = f"{SECOND_BOT}:second-telegram-token"
ANN_ID = {"telegram": "4242", "whatsapp": "16505550042"}
SECOND = {
    "TELEGRAM_TOKEN": SECOND_TOKEN,
    "TELEGRAM_BOT_USERNAME": "second_bot",
    "WHATSAPP_TOKEN": "second-whatsapp-token",
    "WHATSAPP_PHONE_ID": SECOND_PHONE_ID,
    "WHATSAPP_DISPLAY_PHONE": "15550990000",
}


@pytest.fixture(scope="module")
def second_url() -> Iterator[str]:
    """A simulator with another bot and another number."""
    with simulator(SECOND) as url:
        yield url


@asynccontextmanager
async def front(worlds: dict[str, str]) -> AsyncIterator[str]:
    """One address for several simulators, as the platforms are one address for all accounts.

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
            headers={k: v for k, v in request.headers.items() if k in ("authorization", TYPE)},
        )
        return Response(answer.content, answer.status_code, media_type="application/json")

    app = Starlette(routes=[Route("/{path:path}", forward, methods=["GET", "POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    async with httpx.AsyncClient(timeout=20) as http:
        serving = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        await serving


TYPE = "content-type"


@dataclass
class Several:
    """A notifier for two bots and two numbers, Ann in a chat with each, and the file."""

    notifier: httpx.AsyncClient
    stage: Stage
    first: dict[str, Person]
    second: dict[str, Person]
    token: Path

    async def heard(self) -> dict[tuple[str, str], list[str]]:
        """What Ann has heard in each chat."""
        return {
            (person.address.platform, person.address.account): [
                entry["text"] for entry in await person.heard()
            ]
            for person in (*self.first.values(), *self.second.values())
        }


async def ann(http: httpx.AsyncClient, platform: str, account: str) -> Person:
    """The same person in every simulator."""
    chat_id = ANN_ID[platform]
    answer = await http.post("/sim/people", json={"platform": platform, "id": chat_id})
    answer.raise_for_status()
    address = Address.model_validate({"platform": platform, "account": account, "chat_id": chat_id})
    person = Person(address, http, f"/sim/people/{platform}/{chat_id}")
    await person.does("say", text="/start")
    return person


@pytest_asyncio.fixture
async def several(stage: Stage, second_url: str, tmp_path: Path) -> AsyncIterator[Several]:
    """Everything in place; the second bot's token stands in a file of its own."""
    rings = [ring("telegram", SECOND_BOT), ring("whatsapp", SECOND_PHONE_ID)]
    jetstream = stage.client.jetstream()
    for one in rings:
        with suppress(NotFoundError):  # another story has left its pause
            await jetstream.delete_stream(one.stream)
    await provision(jetstream, rings)
    token = tmp_path / "second-token"
    token.write_text(SECOND_TOKEN)
    (tmp_path / "accounts.toml").write_text(
        f"""
        [[telegram]]
        token_file = "second-token"
        [[whatsapp]]
        phone_id = "{SECOND_PHONE_ID}"
        token = "{SECOND["WHATSAPP_TOKEN"]}"
        """
    )
    first_url = str(stage.platforms.base_url).rstrip("/")
    worlds = {
        f"bot{BOT}:": first_url,
        f"bot{SECOND_BOT}:": second_url,
        f"/{PHONE_ID}": first_url,
        f"/{SECOND_PHONE_ID}": second_url,
    }
    async with (
        httpx.AsyncClient(base_url=second_url, timeout=20) as second_platforms,
        front(worlds) as url,
    ):
        await eventually(second_platforms, "/sim/health")
        (await second_platforms.post("/sim/reset")).raise_for_status()
        told = settings(
            stage,
            telegram_api_url=url,
            whatsapp_api_url=url,
            turnout_accounts=tmp_path / "accounts.toml",
        )
        async with running(told) as notifier:
            yield Several(
                notifier,
                stage,
                first={
                    "telegram": await ann(stage.platforms, "telegram", BOT),
                    "whatsapp": await ann(stage.platforms, "whatsapp", PHONE_ID),
                },
                second={
                    "telegram": await ann(second_platforms, "telegram", SECOND_BOT),
                    "whatsapp": await ann(second_platforms, "whatsapp", SECOND_PHONE_ID),
                },
                token=token,
            )


async def test_the_same_person_is_answered_by_the_account_that_they_wrote_to(
    several: Several,
) -> None:
    sent = [
        await several.stage.send(person, text=f"from {person.address.account}")
        for person in (*several.first.values(), *several.second.values())
    ]
    for message in sent:
        assert await several.stage.outcome(message) == ("accepted", None, False)
    assert await several.heard() == {
        ("telegram", BOT): [f"from {BOT}"],
        ("telegram", SECOND_BOT): [f"from {SECOND_BOT}"],
        ("whatsapp", PHONE_ID): [f"from {PHONE_ID}"],
        ("whatsapp", SECOND_PHONE_ID): [f"from {SECOND_PHONE_ID}"],
    }


async def test_all_accounts_are_listed_the_one_of_the_variables_first(several: Several) -> None:
    answer = await several.stage.client.request(
        ListAccounts.subject, ListAccounts().model_dump_json().encode(), timeout=10
    )
    accounts = AccountsAnswer.model_validate_json(answer.data)
    assert [one.account for one in accounts.telegram] == [BOT, SECOND_BOT]
    assert [one.username for one in accounts.telegram][1] == "second_bot"
    assert [one.phone for one in accounts.whatsapp] == ["15550783881", "15550990000"]


async def test_who_blocked_one_bot_still_hears_the_other(several: Several) -> None:
    wrote_at = datetime.now(UTC)
    await several.first["telegram"].does("block")
    blocked = await several.stage.send(several.first["telegram"], heard_at=wrote_at)
    assert await several.stage.outcome(blocked) == ("failed", "telegram-403", False)
    again = await several.stage.send(several.first["telegram"], heard_at=wrote_at)
    assert await several.stage.outcome(again) == ("suppressed", "blocked", False)
    other = await several.stage.send(several.second["telegram"], heard_at=wrote_at)
    assert await several.stage.outcome(other) == ("accepted", None, False)


async def test_a_token_that_is_changed_in_its_file_is_used_without_a_restart(
    several: Several,
) -> None:
    person = several.second["telegram"]
    several.token.write_text(f"{SECOND_BOT}:revoked-token")
    # Messages go out until the new token is taken over; then they are held, and none is lost.
    sent = []
    async with asyncio.timeout(20):
        while "nothing goes out" not in (health := await several.notifier.get("/health")).text:
            sent.append(await several.stage.send(person))
            await asyncio.sleep(0.2)
    assert health.json()["failing"]["telegram"].startswith(
        f"nothing goes out for {SECOND_BOT}: telegram-401"
    )
    several.token.write_text(SECOND_TOKEN)
    for message in sent:
        assert await several.stage.outcome(message) == ("accepted", None, False)
    assert (await several.notifier.get("/health")).json()["failing"] == {}


async def test_an_account_comes_and_goes_with_its_entry_and_nobody_speaks_for_it(
    several: Several,
) -> None:
    person, file = several.second["telegram"], several.token.with_name("accounts.toml")
    whole = file.read_text()

    async def becomes(outcome: tuple[str, str | None, bool]) -> None:
        async with asyncio.timeout(20):
            while await several.stage.outcome(await several.stage.send(person)) != outcome:
                await asyncio.sleep(0.2)

    file.write_text(whole[whole.index("[[whatsapp]]") :])
    await becomes(("set-aside", "no-token-for-account", False))
    told = len(await person.heard())
    first = await several.stage.send(several.first["telegram"])
    assert await several.stage.outcome(first) == ("accepted", None, False)
    assert len(await several.first["telegram"].heard()) == 1, "nobody else's words came here"
    file.write_text(whole)
    await becomes(("accepted", None, False))
    assert len(await person.heard()) == told + 1


async def test_a_senseless_token_leaves_the_old_one_in_use_and_is_shown(
    several: Several,
) -> None:
    several.token.write_text("no token at all")
    async with asyncio.timeout(10):
        while (await several.notifier.get("/health")).json()["files_refused"] is None:
            await asyncio.sleep(0.05)
    health = (await several.notifier.get("/health")).json()
    assert "token of [[telegram]] 1 in accounts.toml" in health["files_refused"]
    assert "no token at all" not in str(health)
    assert (
        'turnout_files_refused{of="accounts",service="notifier"} 1.0'
        in (await several.notifier.get("/metrics")).text
    )
    message = await several.stage.send(several.second["telegram"])
    assert await several.stage.outcome(message) == ("accepted", None, False)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [({"kind": "500"}, "outage"), ({"kind": "429", "retry_after": 60}, "account")],
)
async def test_what_one_bot_must_wait_for_holds_up_nobody_of_the_other(
    several: Several, fault: dict[str, object], reason: str
) -> None:
    """They share their lanes: there are more waiting chats than lanes."""
    mine, other = several.first["telegram"], several.second["telegram"]
    answer = await other.http.post("/sim/faults", json={"platform": "telegram", **fault})
    answer.raise_for_status()
    crowd = [
        replace(other, address=other.address.model_copy(update={"chat_id": str(7_000 + number)}))
        for number in range(3 * PARTITIONS)
    ]
    for person in crowd:
        await several.stage.send(person)
    message = await several.stage.send(mine)
    assert await several.stage.outcome(message) == ("accepted", None, False)
    await several.stage.until_parked(len(crowd))
    shown = (await several.notifier.get("/metrics")).text
    assert f'account="{SECOND_BOT}",platform="telegram",reason="{reason}"' in shown
