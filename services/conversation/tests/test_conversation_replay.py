"""Recorded chats against the dialogue of today, and how they are written down."""

from pathlib import Path

import pytest

from conversation.replay.__main__ import DIFFERENT, REFUSED, SAME, main
from conversation.replay.difference import as_chat
from conversation.replay.playing import play
from conversation.replay.recording import written_down
from conversation.replay.redaction import Redaction, offences
from conversation.replay.transcript import Transcript, as_text, read

FOLDER = Path(__file__).parent / "transcripts"
GOLDEN = sorted(FOLDER.glob("*.yaml"))
DIALOGUES = {path.name.partition(".")[0] for path in GOLDEN}

CASE = """
platform: telegram
turns:
- hi
- "1"
- "yes"
- Ann Example
- ann@example.org
- taps: Confirm
"""
"""As somebody writes it who has only what a person has said."""


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name.removesuffix(".yaml"))
def test_a_golden_transcript_is_answered_as_it_was(path: Path) -> None:
    then = read(path)
    played = play(then)
    told = as_chat(then, played.transcript, everything=False, coloured=False)
    again = f"./task replay -- --accept {path.relative_to(FOLDER.parents[2])}"
    assert told == "", f"\n{told}\nif this is meant: {again}"
    assert offences(then, played.names) == []


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name.removesuffix(".yaml"))
def test_a_golden_transcript_is_written_as_it_is_read(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == as_text(read(path))


def test_every_dialogue_is_told_on_both_platforms() -> None:
    assert len(DIALOGUES) >= 30
    assert {path.name for path in GOLDEN} == {
        f"{dialogue}.{told}.yaml"
        for dialogue in DIALOGUES
        for told in ("telegram.en", "whatsapp.ru")
    }


def test_no_golden_transcript_taps_what_nobody_offers() -> None:
    assert [path.name for path in GOLDEN if "nobody offers" in path.read_text("utf-8")] == []


def test_the_lines_of_a_person_are_enough(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(CASE)
    assert main([str(path)]) == SAME
    shown = capsys.readouterr().out
    assert "1  says: hi" in shown
    assert "You're in, Ann Example!" in shown
    assert "(ticket attached)" in shown


def test_what_differs_is_shown_until_it_is_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(CASE)
    assert main(["--accept", str(path)]) == SAME
    accepted = path.read_text()
    path.write_text(accepted.replace("What name should be on", "Which name is for"))
    capsys.readouterr()
    assert main([str(path)]) == DIFFERENT
    shown = capsys.readouterr().out.splitlines()
    assert "  3  says: yes" in shown
    assert any(line.startswith("     - Which name is for your ticket?") for line in shown)
    assert any(line.startswith("     + What name should be on your ticket?") for line in shown)
    assert not any("says: hi" in line for line in shown)
    assert main(["--accept", str(path)]) == SAME
    assert path.read_text() == accepted
    assert main([str(path)]) == SAME


@pytest.mark.parametrize(
    ("real", "stand_in"),
    [
        ("Ann Example", "Maria Jones"),
        ("ann@example.org", "maria.jones@posteo.net"),
        ("hi", "call me: +49 151 2345678"),
    ],
)
def test_nobody_who_can_be_recognised_is_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], real: str, stand_in: str
) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(CASE.replace(f"- {real}", f"- '{stand_in}'"))
    assert main([str(path)]) == REFUSED
    told = capsys.readouterr()
    assert told.err
    assert stand_in not in told.out + told.err


@pytest.mark.parametrize("broken", ["turns: [", "turns: [{says: hi, taps: x}]", "toorns: []", "a"])
def test_what_is_no_transcript_is_refused_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(broken)
    assert main([str(path)]) == REFUSED
    assert "case.yaml" in capsys.readouterr().err


def test_a_choice_that_is_offered_no_more_is_a_difference_and_no_crash() -> None:
    then = Transcript.model_validate({"turns": ["hi", {"taps": "Long gone"}]})
    (heard,) = play(then).transcript.turns[1].hears or ()
    assert "nobody offers" in heard.text


def test_one_person_has_one_stand_in_everywhere() -> None:
    redacted = Redaction(["Maria Jones", "Пётр Ильич"])
    text = "Maria Jones wrote to maria@gmial.com and maria@gmail.com, so did MARIA and Пётр Ильич."
    assert redacted.of_text(text) == (
        "Ann Example wrote to ann1@gmial.com and ann1@gmail.com, so did Ann and Борис Пример."
    )
    assert redacted.of_text("eve@her-own-home.net") == "ann2@example.org"
    assert redacted.of_text("+7 916 123-45-67, 2026-12-06") == "+70000000001, 2026-12-06"


def test_a_chat_of_the_simulator_becomes_a_transcript_without_its_person() -> None:
    recorded = written_down(
        {"platform": "telegram", "id": "5671205712", "name": "Mary Jones", "language": "en"},
        [
            shown(1, "person", "/start"),
            shown(2, "bot", "Hello!", ("PyCon", "ev:K7Q2MX")),
            shown(4, "bot", "What name should be on your ticket?", ("Back", "back:1")),
            shown(5, "person", "Maria Jones-Smith"),
            shown(6, "bot", "Nice to meet you, Maria Jones-Smith!"),
        ],
        [
            # Taps stand in the ledger only; one that was posted twice was still done once.
            posted(3, "ev:K7Q2MX"),
            posted(3, "ev:K7Q2MX", attempt=2),
            posted(3, "ev:K7Q2MX", person="1"),
        ],
        [EVENT],
    )
    assert [turn.happened for turn in recorded.turns] == [
        {"says": "/start"},
        {"taps": "PyCon"},
        {"says": "Ann Example"},
    ]
    assert recorded.name == "Ben Example"
    assert "Jones" not in as_text(recorded)
    assert recorded.events[0].seats_left == 7


EVENT = {
    "id": "53f769a3-d7be-5482-ad0f-e630eed1f561",
    "code": "K7Q2MX",
    "title": "PyCon",
    "description": "",
    "starts_at": "2026-12-06T17:00:00Z",
    "timezone": "Europe/Berlin",
    "location": "Hall 3",
    "max_participants": 10,
    "status": "published",
    "version": 1,
    "confirmed": 2,
    "held": 1,
    "offered": 0,
    "waiting": 0,
    "checked_in": 0,
    "over_by": 0,
}
"""As the organiser's API lists it."""


def shown(n: int, sender: str, text: str, *choices: tuple[str, str]) -> dict[str, object]:
    """A message as the simulator's chat tells it."""
    return {
        "n": n,
        "from": sender,
        "text": text,
        "kind": "text",
        "document": None,
        "choices": [{"label": label, "data": data} for label, data in choices],
        "at": f"2026-11-23T12:05:0{n}.365092+00:00",
    }


def posted(
    second: int, data: str, *, attempt: int = 1, person: str = "5671205712"
) -> dict[str, object]:
    """A webhook as the simulator's ledger tells it."""
    return {
        "platform": "telegram",
        "direction": "webhook",
        "method": "callback_query",
        "person": person,
        "text": data,
        "attempt": attempt,
        "at": f"2026-11-23T12:05:0{second}.976511+00:00",
    }
