"""API tokens: what they open, when they no longer do, and that their secrets stand nowhere."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import nats
import pytest
import pytest_asyncio
from access_house import make_app, running
from httpx import AsyncClient, Response
from hypothesis import given
from hypothesis import strategies as st
from nats.js import JetStreamContext
from registry_house import MovableClock

from contracts.topology import BUCKETS, STREAMS
from registry.access_tokens import (
    ALL_SCOPES,
    StoredToken,
    digest,
    fault_of,
    make_secret,
    read_token,
    write_token,
)
from runtime.testing import eventually

SOME_ID = "8f0e6f5a-3c61-4ad2-9d5e-2f1f2a3b4c5d"
SOME_EVENT = {
    "title": "PyCon",
    "starts_at": "2100-03-01T18:00:00Z",
    "timezone": "Europe/Berlin",
    "max_participants": 2,
}

NEEDED: dict[tuple[str, str], set[str]] = {
    ("POST", "/api/events"): {"write"},
    ("GET", "/api/events"): {"read", "check-in"},
    ("GET", "/api/events/{event_id}"): {"read", "check-in"},
    ("PATCH", "/api/events/{event_id}"): {"write"},
    ("POST", "/api/events/{event_id}/cancel"): {"write"},
    ("GET", "/api/events/{event_id}/links"): {"read"},
    ("GET", "/api/events/{event_id}/poster.pdf"): {"read"},
    ("GET", "/api/events/{event_id}/registrations"): {"read"},
    ("GET", "/api/events/{event_id}/registrations.csv"): {"read"},
    ("POST", "/api/events/{event_id}/registrations"): {"write"},
    ("GET", "/api/events/{event_id}/audit"): {"read"},
    ("GET", "/api/events/{event_id}/delivery"): {"read"},
    ("POST", "/api/events/{event_id}/messages"): {"write"},
    ("GET", "/api/events/{event_id}/messages"): {"read"},
    ("GET", "/api/messages/{message_id}"): {"read"},
    ("POST", "/api/messages/{message_id}/pause"): {"write"},
    ("POST", "/api/messages/{message_id}/resume"): {"write"},
    ("POST", "/api/messages/{message_id}/cancel"): {"write"},
    ("POST", "/api/events/{event_id}/check-ins"): {"check-in", "write"},
    ("DELETE", "/api/events/{event_id}/check-ins/{ticket}"): {"check-in", "write"},
    ("GET", "/api/registrations/{registration_id}"): {"read"},
    ("POST", "/api/registrations/{registration_id}/cancel"): {"write"},
    ("POST", "/api/registrations/{registration_id}/move"): {"write"},
    ("POST", "/api/registrations/{registration_id}/resend"): {"write"},
    ("GET", "/api/ticket-key"): {"check-in", "read", "write"},
    ("GET", "/api/commands/{command_id}"): {"read", "write", "check-in", "admin"},
    ("POST", "/api/tokens"): {"admin"},
    ("GET", "/api/tokens"): {"admin"},
    ("DELETE", "/api/tokens/{token_id}"): {"admin"},
    ("POST", "/api/webhooks"): {"admin"},
    ("GET", "/api/webhooks"): {"admin"},
    ("DELETE", "/api/webhooks/{webhook_id}"): {"admin"},
    ("GET", "/api/webhooks/{webhook_id}/deliveries"): {"admin"},
    ("POST", "/api/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"): {"admin"},
    ("POST", "/api/webhooks/{webhook_id}/replay"): {"admin"},
}
"""For every operation, the scopes of which a token needs one. A new operation is added here."""


@pytest_asyncio.fixture
async def other_replica(
    database_url: str, provisioned: str, clock: MovableClock
) -> AsyncIterator[AsyncClient]:
    """An organiser's client to another process."""
    async with running(make_app(database_url, provisioned, clock, replica=2)) as client:
        yield client


def problem(answer: Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    details: dict[str, Any] = answer.json()
    return details


async def create(api: AsyncClient, *scopes: str, **changes: Any) -> dict[str, Any]:
    body = {"name": "Door scanner", "scopes": list(scopes), **changes}
    created = await api.post("/api/tokens", json=body)
    assert created.status_code == 201, created.text
    token: dict[str, Any] = created.json()
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# --- a token by itself ---


@given(st.uuids())
def test_a_token_is_read_as_it_was_written(token_id: UUID) -> None:
    secret = make_secret()
    assert read_token(write_token(token_id, secret)) == (token_id, secret)


def test_a_secret_has_256_bits_and_is_never_the_same() -> None:
    secrets = {make_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(len(base64.urlsafe_b64decode(one + "=")) == 32 for one in secrets)


@pytest.mark.parametrize(
    "text", ["", "tt_", "tt_1_2", "admin", f"tt_{UUID(SOME_ID).hex}_short", "tt_" + "ж" * 76]
)
def test_what_has_another_form_is_no_token(text: str) -> None:
    assert read_token(text) is None


def test_only_its_holder_hears_what_became_of_a_token() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    secret = make_secret()

    def stored(**changes: Any) -> StoredToken:
        values: dict[str, Any] = {
            "secret_sha256": digest(secret),
            "scopes": frozenset({"read"}),
            "expires_at": None,
            "revoked_at": None,
            "last_used_at": None,
        }
        return StoredToken(**values | changes)

    assert fault_of(stored(), secret, now) is None
    assert fault_of(stored(expires_at=now + timedelta(seconds=1)), secret, now) is None
    assert fault_of(stored(expires_at=now), secret, now) == "expired"
    assert fault_of(stored(revoked_at=now), secret, now) == "revoked"
    assert fault_of(stored(revoked_at=now, expires_at=now), make_secret(), now) == "unknown"
    assert fault_of(None, secret, now) == "unknown"


# --- over HTTP ---


async def test_a_token_is_shown_once(api: AsyncClient) -> None:
    token = await create(api, "read", "write", expires_at="2100-01-01T00:00:00Z")
    assert re.fullmatch(r"tt_[0-9a-f]{32}_[A-Za-z0-9_-]{43}", token["token"])
    assert token["created_by"] == "admin"
    listed = (await api.get("/api/tokens")).json()["tokens"]
    assert listed == [{name: value for name, value in token.items() if name != "token"}]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "bell \u0007"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2100-01-01T00:00:00"}, "expires_at"),
        ({"secret": "mine"}, "secret"),
    ],
)
async def test_a_token_that_makes_no_sense_is_not_made(
    api: AsyncClient, changes: dict[str, Any], field: str
) -> None:
    body = {"name": "Door scanner", "scopes": ["check-in"], **changes}
    assert field in problem(await api.post("/api/tokens", json=body), 422)["detail"]
    assert (await api.get("/api/tokens")).json() == {"tokens": []}


async def test_a_revoked_token_is_refused_at_once_by_every_replica(
    api: AsyncClient, other_replica: AsyncClient
) -> None:
    token = await create(api, "admin")
    path = f"/api/tokens/{token['id']}"
    for replica in (api, other_replica):
        assert (await replica.get("/api/tokens", headers=bearer(token["token"]))).is_success
    assert (await api.delete(path)).status_code == 204
    for replica in (other_replica, api):
        refused = await replica.get("/api/tokens", headers=bearer(token["token"]))
        assert "revoked" in problem(refused, 401)["title"]
    assert (await api.delete(path)).status_code == 204
    assert (await api.get("/api/tokens")).json() == {"tokens": []}
    problem(await api.delete(f"/api/tokens/{uuid4()}"), 404)


async def test_an_expired_token_is_refused(api: AsyncClient, clock: MovableClock) -> None:
    expires_at = clock.now() + timedelta(hours=1)
    token = await create(api, "admin", expires_at=expires_at.isoformat())
    assert (await api.get("/api/tokens", headers=bearer(token["token"]))).is_success
    clock.advance(timedelta(hours=1))
    refused = await api.get("/api/tokens", headers=bearer(token["token"]))
    assert "expired" in problem(refused, 401)["title"]


async def test_a_token_that_was_tampered_with_is_refused(api: AsyncClient) -> None:
    token, other = await create(api, "admin"), await create(api, "admin")
    secret = token["token"].removeprefix(f"tt_{UUID(token['id']).hex}_")
    wrong = [
        token["token"][:-2] + ("AA" if secret[-2:] != "AA" else "BB"),
        token["token"].swapcase(),
        token["token"] + "A",
        f"tt_{UUID(other['id']).hex}_{secret}",
        f"tt_{uuid4().hex}_{secret}",
        f"tt_{UUID(token['id']).hex}_{digest(secret)[:43]}",
        digest(secret),
        secret,
    ]
    for text in wrong:
        refused = await api.get("/api/tokens", headers=bearer(text))
        assert problem(refused, 401)["title"] == "This needs an organiser's token"
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert (await api.get("/api/tokens", headers=bearer(token["token"]))).is_success


async def test_when_a_token_was_last_used_is_known_to_the_minute(
    api: AsyncClient, clock: MovableClock, database_url: str
) -> None:
    token = await create(api, "admin")
    connection = await asyncpg.connect(database_url)
    version = "SELECT xmin FROM api_tokens"

    async def last_used_at() -> datetime:
        listed = (await api.get("/api/tokens")).json()["tokens"]
        return datetime.fromisoformat(listed[0]["last_used_at"])

    # To the beginning of a minute, so that what follows stays in it.
    clock.advance(timedelta(seconds=61 - clock.now().second))
    await api.get("/api/tokens", headers=bearer(token["token"]))
    used_at = clock.now().replace(second=0, microsecond=0)
    assert await last_used_at() == used_at
    written = await connection.fetchval(version)
    for _ in range(5):
        await api.get("/api/tokens", headers=bearer(token["token"]))
    assert await connection.fetchval(version) == written
    clock.advance(timedelta(minutes=1))
    await api.get("/api/tokens", headers=bearer(token["token"]))
    assert await last_used_at() == used_at + timedelta(minutes=1)
    await connection.close()


async def test_a_repeated_creation_makes_one_token_and_cannot_show_it_again(
    api: AsyncClient,
) -> None:
    body, headers = {"name": "Door", "scopes": ["read", "admin"]}, {"Idempotency-Key": "door"}
    answers = await asyncio.gather(
        *(api.post("/api/tokens", json=body, headers=headers) for _ in range(5))
    )
    made = [answer.json() for answer in answers if answer.status_code == 201]
    refused = [problem(answer, 409) for answer in answers if answer.status_code != 201]
    assert len(made) == 1
    assert len(refused) == 4
    assert all(made[0]["id"] in details["detail"] for details in refused)
    listed = (await api.get("/api/tokens", headers=bearer(made[0]["token"]))).json()["tokens"]
    assert [token["id"] for token in listed] == [made[0]["id"]]


async def test_a_token_gives_no_more_than_it_has(api: AsyncClient) -> None:
    token = await create(api, "admin", "read")
    body = {"name": "More", "scopes": ["read", "write"]}
    refused = await api.post("/api/tokens", json=body, headers=bearer(token["token"]))
    assert "`write`" in problem(refused, 403)["detail"]
    body["scopes"] = ["read"]
    made = await api.post("/api/tokens", json=body, headers=bearer(token["token"]))
    assert made.json()["created_by"] == token["id"]


async def test_there_are_not_more_tokens_than_one_answer_holds(
    api: AsyncClient, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        """INSERT INTO api_tokens (id, name, scopes, secret_sha256, created_at, created_by)
           SELECT gen_random_uuid(), 'x', '{read}', repeat('0', 64), now(), 'admin'
           FROM generate_series(1, 199)"""
    )
    await connection.close()
    body = {"name": "One more", "scopes": ["read"]}
    answers = await asyncio.gather(*(api.post("/api/tokens", json=body) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert len((await api.get("/api/tokens")).json()["tokens"]) == 200


# --- which scope opens what ---


async def test_every_operation_says_which_scopes_open_it(api: AsyncClient) -> None:
    described = (await api.get("/openapi.json")).json()["paths"]
    told = {
        (method.upper(), path): {
            scope for one in operation["security"] for scope in one["HTTPBearer"]
        }
        for path, operations in described.items()
        for method, operation in operations.items()
    }
    assert told == NEEDED


async def test_a_scope_opens_what_it_names_and_nothing_else(api: AsyncClient) -> None:
    described = (await api.get("/openapi.json")).json()["paths"]
    operations = {
        (method.upper(), path) for path, methods in described.items() for method in methods
    }
    assert operations == set(NEEDED)
    for scope in ALL_SCOPES:
        headers = bearer((await create(api, scope))["token"])
        for (method, path), needed in NEEDED.items():
            body = SOME_EVENT if path == "/api/events" else {}
            sent = None if method in ("GET", "DELETE") else body
            answer = await api.request(
                method, re.sub(r"\{\w+\}", SOME_ID, path), json=sent, headers=headers
            )
            if scope in needed:
                assert answer.status_code not in (401, 403), (scope, method, path)
            else:
                details = problem(answer, 403)
                assert all(f"`{one}`" in details["detail"] for one in needed), (method, path)


# --- the secret stands nowhere ---


async def everything_kept(database_url: str, jetstream: JetStreamContext) -> str:
    """Every row of every table and every message of every stream."""
    kept = []
    connection = await asyncpg.connect(database_url)
    for (table,) in await connection.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    ):
        rows = await connection.fetch(f'SELECT t::text FROM "{table}" t')
        kept += [row[0] for row in rows]
    await connection.close()
    for name in [stream.name for stream in STREAMS] + [f"KV_{one.name}" for one in BUCKETS]:
        state = (await jetstream.stream_info(name)).state
        for sequence in range(max(1, state.first_seq), state.last_seq + 1):
            message = await jetstream.get_msg(name, sequence)
            kept.append(f"{message.subject} {message.headers} {(message.data or b'').decode()}")
    return "\n".join(kept)


async def test_no_secret_is_kept_or_said_anywhere(
    api: AsyncClient,
    database_url: str,
    provisioned: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    client = await nats.connect(provisioned)
    heard: list[str] = []

    async def hear(message: Any) -> None:
        heard.append(f"{message.subject} {message.headers} {message.data.decode()}")

    await client.subscribe(">", cb=hear)
    token = await create(api, "admin")
    webhook = await api.post(
        "/api/webhooks",
        json={"url": "http://127.0.0.1:9/", "events": ["*"]},
        headers=bearer(token["token"]),
    )
    assert webhook.status_code == 201, webhook.text
    await api.post("/api/tokens", json={"name": "x", "scopes": []}, headers=bearer(token["token"]))
    await api.delete(f"/api/tokens/{token['id']}", headers=bearer(token["token"]))
    await api.get("/api/tokens", headers=bearer(token["token"]))
    await eventually(lambda: any("command.revoke-token" in one for one in heard))
    kept = await everything_kept(database_url, client.jetstream())
    said = "\n".join(heard)
    logged = "".join(capfd.readouterr())
    await client.close()
    secret = token["token"].removeprefix(f"tt_{UUID(token['id']).hex}_")
    whsec = webhook.json()["secret"].removeprefix("whsec_")
    # What is looked for can be found: the hash is kept, the command was said, its name was logged.
    assert digest(secret) in kept
    assert digest(secret) in said
    assert "create-token" in logged
    for place in (kept, said, logged):
        for form in (secret, whsec, base64.b64decode(whsec).hex()):
            assert form not in place
    metrics = (await api.get("/metrics")).text
    assert secret not in metrics
    assert whsec not in metrics
