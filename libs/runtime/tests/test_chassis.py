"""Settings, clock, faults, health, the broker's verbs, and an orderly life."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from contracts import EventAnswer, FindEvent
from contracts.topology import FSM
from runtime import faults
from runtime.accounts import telegram_account
from runtime.clock import Clock
from runtime.documents import Conflict
from runtime.failures import Unavailable
from runtime.service import Service
from runtime.settings import ServiceSettings
from runtime.testing import eventually, free_port


class SecretSettings(ServiceSettings):
    admin_token: SecretStr


def test_a_secret_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "token"
    secret.write_text("from-a-file\n")
    monkeypatch.setenv("ADMIN_TOKEN_FILE", str(secret))
    assert SecretSettings().admin_token.get_secret_value() == "from-a-file"


def test_a_missing_secret_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADMIN_TOKEN", raising=False)
    with pytest.raises(ValidationError, match="admin_token"):
        SecretSettings()


def test_a_process_that_is_not_told_enough_says_what_to_set_and_quotes_nothing() -> None:
    program = (
        "from pydantic import SecretStr\n"
        "from runtime.serving import serve\n"
        "from runtime.settings import ServiceSettings\n"
        "class Settings(ServiceSettings):\n"
        "    admin_token: SecretStr\n"
        "    database_url: SecretStr\n"
        "serve(lambda: Settings())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": "postgresql://me:hunter2@here/turnout"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.strip() == "cannot start: ADMIN_TOKEN: Field required"


def test_test_mode_is_refused_in_public() -> None:
    with pytest.raises(ValidationError, match="TURNOUT_TEST"):
        ServiceSettings(turnout_test=True, public_url="https://turnout.example")


def test_the_account_of_a_bot_is_in_its_token() -> None:
    assert telegram_account(SecretStr("123456:secret")) == "123456"
    with pytest.raises(ValueError, match="BotFather"):
        telegram_account(SecretStr("secret"))


def test_the_clock_follows_the_simulator(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    clock = Clock(file)
    assert clock.offset_seconds == 0
    file.write_text(json.dumps({"offset_seconds": 86_400}))
    assert (clock.now() - datetime.now(UTC)).total_seconds() == pytest.approx(86_400, abs=1)


def test_planted_faults_need_test_mode() -> None:
    faults.plant(ServiceSettings(turnout_break="row-lock"))
    assert not faults.broken("row-lock")
    faults.plant(ServiceSettings(turnout_test=True, turnout_break="row-lock,dedup"))
    assert faults.broken("row-lock")
    assert not faults.broken("ledger")
    faults.plant(ServiceSettings())


def test_a_planted_crash_kills_the_process_at_its_count() -> None:
    program = (
        "from runtime.faults import crash_point, plant\n"
        "from runtime.settings import ServiceSettings\n"
        "plant(ServiceSettings())\n"
        "crash_point('here'); print('once', flush=True)\n"
        "crash_point('elsewhere'); crash_point('here'); print('never')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TURNOUT_TEST": "1", "TURNOUT_CRASH_AT": "here:2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout == "once\n"


async def test_a_question_is_answered(provisioned: str) -> None:
    service = Service("registry", ServiceSettings(nats_url=provisioned))

    async def answer(_query: FindEvent) -> EventAnswer:
        return EventAnswer(event=None)

    service.answer(FindEvent, answer)
    app = service.build()
    async with app.router.lifespan_context(app):
        await eventually(lambda: service.health.started)
        assert await service.broker.ask(FindEvent(code="K7Q2MX")) == EventAnswer(event=None)


async def test_a_silent_registry_is_unavailable_at_once(provisioned: str) -> None:
    service = Service("asker", ServiceSettings(nats_url=provisioned))
    app = service.build()
    async with app.router.lifespan_context(app):
        await eventually(lambda: service.health.started)
        with pytest.raises(Unavailable, match="registry"):
            await service.broker.ask(FindEvent(code="K7Q2MX"))


async def test_what_the_answering_service_lacks_reaches_the_asker(provisioned: str) -> None:
    service = Service("registry", ServiceSettings(nats_url=provisioned))

    async def answer(_query: FindEvent) -> EventAnswer:
        raise Unavailable("postgres")

    service.answer(FindEvent, answer)
    app = service.build()
    async with app.router.lifespan_context(app):
        await eventually(lambda: service.health.started)
        with pytest.raises(Unavailable, match="postgres"):
            await service.broker.ask(FindEvent(code="K7Q2MX"))


async def test_a_document_is_written_by_compare_and_set(provisioned: str) -> None:
    service = Service("writer", ServiceSettings(nats_url=provisioned))
    app = service.build()
    async with app.router.lifespan_context(app):
        await eventually(lambda: service.health.started)
        documents = await service.broker.bucket(FSM)
        assert await documents.read("telegram.1-2") is None
        first = await documents.create("telegram.1-2", b"a")
        with pytest.raises(Conflict):
            await documents.create("telegram.1-2", b"b")
        second = await documents.replace("telegram.1-2", b"b", first)
        with pytest.raises(Conflict):
            await documents.replace("telegram.1-2", b"c", first)
        assert await documents.read("telegram.1-2") == (b"b", second)
        await documents.delete("telegram.1-2")
        assert await documents.read("telegram.1-2") is None


PROCESS = """
from fastapi import FastAPI
from runtime.service import Service
from runtime.serving import serve
from runtime.settings import ServiceSettings
serve(lambda: Service("tester", ServiceSettings()).build())
"""


def test_a_process_says_that_it_is_ready_and_ends_orderly(provisioned: str) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS],
        env={**os.environ, "NATS_URL": provisioned, "HTTP_PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            wait_for(lambda: answers(client, "/health/ready"))
            health = client.get("/health").json()
            assert health["status"] == "ok"
            assert health["clock_offset_seconds"] == 0
            assert "turnout_" in client.get("/metrics").text
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        assert all(json.loads(line)["service"] == "tester" for line in output.splitlines())
    finally:
        process.kill()


def test_a_process_without_a_broker_is_alive_but_not_ready() -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS],
        env={**os.environ, "NATS_URL": "nats://127.0.0.1:9", "HTTP_PORT": str(port)},
        stdout=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            wait_for(lambda: answers(client, "/health/live"))
            ready = client.get("/health/ready")
            assert ready.status_code == 503
            assert "service" in ready.json()["failing"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()


def answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == 200
    except httpx.TransportError:
        return False


def wait_for(fact: Callable[[], bool], seconds_max: float = 20.0) -> None:
    deadline = time.monotonic() + seconds_max
    while not fact():
        assert time.monotonic() < deadline, "the fact did not come true in time"
        time.sleep(0.05)


def test_a_traceback_shows_no_values_in_any_form() -> None:
    program = (
        "import structlog\n"
        "from runtime.logs import configure\n"
        "from runtime.settings import ServiceSettings\n"
        "configure('tester', ServiceSettings())\n"
        "def fail(phone):\n"
        "    raise KeyError('a bug')\n"
        "try:\n"
        "    fail('+' + '79161234567')\n"
        "except KeyError:\n"
        "    structlog.get_logger().exception('handler failed')\n"
    )
    for form in ("json", "console"):
        ended = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "LOG_FORMAT": form},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "KeyError" in ended.stdout
        assert "79161234567" not in ended.stdout
