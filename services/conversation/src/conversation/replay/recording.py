"""A chat of the running demo, written down without anybody in it."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from conversation.dialogue.digits import code_said_in
from conversation.dialogue.forgetting import MYDATA_FILENAME
from conversation.replay.people import CODE
from conversation.replay.playing import CUT_OFF, play
from conversation.replay.redaction import Redaction
from conversation.replay.transcript import Heard, Media, ToldEvent, Transcript, Turn
from conversation.texts import LANGUAGES, texts

ANSWER_SECONDS_MAX = 10.0
PAUSE_SECONDS_MIN = 60
"""A shorter pause between two turns tells nothing."""
NOTHING = Heard(text="")
_TICKET = re.compile(r"ticket-(\w+)\.")
_KINDS: dict[str, Media] = {
    "sticker": "sticker",
    "voice": "voice",
    "photo": "photo",
    "location": "location",
}


class NothingToRecord(Exception):
    """There is no such chat, or nobody to ask for it."""


@dataclass(frozen=True, slots=True)
class Demo:
    """Where the demo is, and what opens its organiser's API."""

    simulator_url: str
    registry_url: str
    token: str


def record(who: str, demo: Demo) -> Transcript:
    """Write a chat down.

    Args:
        who: "telegram/123", as the simulator names people.
        demo: where it runs.

    Raises:
        NothingToRecord: there is no such chat, or nobody answers.
    """
    person = _ask(f"{demo.simulator_url}/sim/people/{who}")
    entries = _ask(f"{demo.simulator_url}/sim/people/{who}/chat")
    if not entries:
        raise NothingToRecord(f"{who} has said nothing yet")
    webhooks = [*_lines(f"{demo.simulator_url}/sim/ledger?direction=webhook")]
    events = _ask(f"{demo.registry_url}/api/events", demo.token)["events"]
    return written_down(person, entries, webhooks, events)


def written_down(
    person: dict[str, Any],
    entries: list[dict[str, Any]],
    webhooks: Iterable[dict[str, Any]],
    events: list[dict[str, Any]],
) -> Transcript:
    """The transcript of a chat, with stand-ins for whoever is in it.

    Args:
        person: as the simulator describes people.
        entries: the chat, as the simulator tells it.
        webhooks: what it posted, by its ledger.
        events: as the organiser's API lists them.
    """
    taps = _taps(webhooks, person, entries)
    chat = sorted([*entries, *taps], key=lambda entry: datetime.fromisoformat(entry["at"]))
    number = {"phone": person["phone"]} if person.get("phone") else {}
    transcript = Transcript(
        about="Recorded from the demo.",
        platform=person["platform"],
        language=person["language"],
        name=person["name"],
        **number,
        clock=datetime.fromisoformat(chat[0]["at"]),
        events=tuple(_events(events, entries)),
        **({"proof_by_email": True} if _asks_for_proof(entries) else {}),
        turns=tuple(_turns(chat)),
    )
    played = play(transcript)
    names = {person["name"], *_names(transcript), *played.names}
    return Redaction(names).of(_in_full(transcript, played.transcript))


def _turns(chat: Iterable[dict[str, Any]]) -> Iterator[Turn]:
    """What was done, each with the answers up to the next."""
    turn: Turn | None = None
    heard: list[Heard] = []
    last_at: datetime | None = None
    for entry in chat:
        at = datetime.fromisoformat(entry["at"])
        done = _done(entry)
        if done is None:
            heard.append(_heard(entry))
            continue
        if turn is not None:
            yield turn.model_copy(update={"hears": tuple(heard)})
        if last_at is not None and (at - last_at).total_seconds() >= PAUSE_SECONDS_MIN:
            pause = f"{int((at - last_at).total_seconds()) // PAUSE_SECONDS_MIN} minutes"
            yield Turn.model_validate({"passes": pause, "hears": ()})
        turn, heard, last_at = done, [], at
    if turn is not None:
        yield turn.model_copy(update={"hears": tuple(heard)})


def _in_full(recorded: Transcript, played: Transcript) -> Transcript:
    """With the labels that the platform had to cut as they are in full."""
    turns = []
    for before, after in zip(recorded.turns, played.turns, strict=True):
        told = before.hears or ()
        full = tuple(
            heard.model_copy(update={"choices": tuple(map(_uncut, heard.choices, now.choices))})
            if len(heard.choices) == len(now.choices)
            else heard
            for heard, now in zip_longest(told, (after.hears or ())[: len(told)], fillvalue=NOTHING)
        )
        turns.append(before.model_copy(update={"hears": full}))
    return recorded.model_copy(update={"turns": tuple(turns)})


def _uncut(label: str, full: str) -> str:
    is_cut = label.endswith(CUT_OFF) and full.startswith(label.removesuffix(CUT_OFF).rstrip())
    return full if is_cut else label


def _done(entry: dict[str, Any]) -> Turn | None:
    if entry["from"] != "person":
        return None
    kind = entry["kind"]
    if kind in ("tap", "interactive", "button"):
        return Turn(taps=entry["text"])
    if kind == "contact":
        return Turn(sends="contact")
    if kind in _KINDS:
        return Turn(sends=_KINDS[kind])
    # Another code than the one that a replay knows would take it another way.
    return Turn(says=CODE if code_said_in(entry["text"]) is not None else entry["text"])


def _heard(entry: dict[str, Any]) -> Heard:
    file = entry["document"]
    document = None if file is None else _document(file["name"])
    return Heard.model_validate(
        {
            "text": entry["text"] or "-",
            "choices": [choice["label"] for choice in entry["choices"]],
            "document": document,
        }
    )


def _document(filename: str) -> str:
    if filename == MYDATA_FILENAME:
        return "mydata"
    return "calendar" if filename.endswith("ics") else "ticket"


def _asks_for_proof(entries: list[dict[str, Any]]) -> bool:
    """Whether there was a mail server, so that codes were asked for."""
    again = {words.say("button.code-again") for words in map(texts, LANGUAGES)}
    return any(choice["label"] in again for entry in entries for choice in entry["choices"])


def _taps(
    webhooks: Iterable[dict[str, Any]], person: dict[str, Any], entries: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Telegram shows no taps in a chat: what its webhooks told of them, with the label."""
    labels = {choice["data"]: choice["label"] for entry in entries for choice in entry["choices"]}
    for posted in webhooks:
        tapped = posted["method"] == "callback_query" and posted.get("attempt", 1) == 1
        if tapped and posted["person"] == person["id"]:
            label = labels.get(posted["text"], posted["text"])
            yield {"from": "person", "kind": "tap", "text": label, "at": posted["at"]}


def _events(listed: list[dict[str, Any]], entries: list[dict[str, Any]]) -> Iterator[ToldEvent]:
    """The events as they were before this person had seats there."""
    tickets = {
        found[1]
        for entry in entries
        if entry["document"] and (found := _TICKET.match(entry["document"]["name"]))
    }
    for event in listed:
        taken = event["confirmed"] + event["held"] + event["offered"]
        known = {
            name: event[name]
            for name, field in ToldEvent.model_fields.items()
            if name in event and event[name] != field.default
        }
        seats_left = event["max_participants"] - taken + (event["code"] in tickets)
        yield ToldEvent.model_validate({**known, "seats_left": max(0, seats_left)})


def _names(transcript: Transcript) -> Iterator[str]:
    """What was answered to the question for the name, whatever the dialogue makes of it today."""
    questions = {
        question
        for words in map(texts, LANGUAGES)
        for question in (words.say("name.ask"), words.say("name.ask-or-tap"))
    }
    for asked, answered in zip(transcript.turns, transcript.turns[1:], strict=False):
        if any(heard.text in questions for heard in asked.hears or ()):
            yield answered.says or answered.taps or ""


def _ask(url: str, token: str | None = None) -> Any:
    return json.loads(_get(url, token))


def _lines(url: str) -> Iterator[dict[str, Any]]:
    return map(json.loads, _get(url, None).splitlines())


def _get(url: str, token: str | None) -> bytes:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        with urlopen(Request(url, headers=headers), timeout=ANSWER_SECONDS_MAX) as answer:  # noqa: S310 - the address is the operator's own
            body: bytes = answer.read()
            return body
    except (URLError, ValueError) as error:
        raise NothingToRecord(f"{url}: {error}") from error
