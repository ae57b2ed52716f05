"""The scanner of logs finds what is planted, in every form, and nothing in honest lines."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from devstack.scan import leaks, secrets_of

TOKEN = "123456:secret-töken"
HONEST = """
{"event": "started", "service": "gateway", "consumers": 0, "timestamp": "2026-11-23T14:29:40.123Z"}
{"event": "broker trouble", "problem": "nats: unexpected EOF", "trace_id": "4bf92f3577b34da6"}
[4711] 2026/11/23 14:29:40.123456 [INF] Listening for client connections on 127.0.0.1:14222
{"message_id": "0b2e7c1e-3f52-5ef0-9a54-1c1f3d0d9b11", "seq": 17, "at": 1795444180.25}
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.log"
    path.write_text(HONEST)
    return path


def test_honest_lines_hold_nothing(log: Path) -> None:
    assert leaks([log], {"a token": TOKEN, "a name": "Winterbottom"}) == []


@pytest.mark.parametrize(
    "written",
    [TOKEN, json.dumps(TOKEN), quote(TOKEN, safe=""), base64.b64encode(TOKEN.encode()).decode()],
)
def test_a_planted_secret_is_found_in_every_form_and_not_repeated(log: Path, written: str) -> None:
    log.write_text(f"{HONEST}POST /bot{written}/sendMessage failed\n")
    found = leaks([log], {"TELEGRAM_TOKEN": TOKEN})
    assert f"{log.name}:6: TELEGRAM_TOKEN" in found
    assert not any(written in line for line in found)


@pytest.mark.parametrize(
    ("planted", "kind"),
    [
        ('"to": "15550001111"', "a phone number"),
        ("wrote to +4915112345678 again", "a phone number"),
        ("ann@example.org registered", "an e-mail address"),
        ("/bot123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/getMe", "a bot's token"),
    ],
)
def test_what_looks_personal_is_found_though_nobody_named_it(
    log: Path, planted: str, kind: str
) -> None:
    log.write_text(f"{HONEST}{planted}\n")
    assert leaks([log], {}) == [f"{log.name}:6: {kind}"]


def test_a_log_that_was_never_written_holds_nothing(tmp_path: Path) -> None:
    assert leaks([tmp_path / "none.log"], {}) == []


def test_words_that_are_in_any_log_by_chance_are_refused(log: Path) -> None:
    with pytest.raises(ValueError, match="a name"):
        leaks([log], {"a name": "Ann"})


def test_secrets_are_known_by_their_names() -> None:
    environment = {
        "TELEGRAM_TOKEN": "t",
        "WHATSAPP_APP_SECRET_PREVIOUS": "s",
        "TICKET_KEY": "k",
        "NATS_URL": "nats://localhost",
        "WHATSAPP_PHONE_ID": "1",
    }
    assert set(secrets_of(environment)) == {
        "TELEGRAM_TOKEN",
        "WHATSAPP_APP_SECRET_PREVIOUS",
        "TICKET_KEY",
    }
