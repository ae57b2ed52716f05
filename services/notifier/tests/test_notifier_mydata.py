"""What we keep of a person, as one file for them alone."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from nats.aio.msg import Msg
from notifier_marker import found
from notifier_stage import SMTP_PORT, Person, Stage, running, settings

from contracts import Address, Document, ExportAnswer, ExportPerson
from contracts.topology import MAIL_ACCOUNT, MEDIA
from notifier.exports import CUT, FILE_BYTES_MAX, MARK, written

PLATFORMS = ["telegram", "whatsapp"]
MARKER = "Квецалькоатль"
SUMMARY = f"Что мы о вас храним\n\nИмя: {MARKER}"
CHAT = Document(kind="mydata", data='{"name":"Квецалькоатль"}', filename="my-data.txt")


async def registry(
    stage: Stage, answer: Callable[[ExportPerson], ExportAnswer]
) -> Callable[[], Awaitable[None]]:
    """Answer as the registry does; returns what ends that."""

    async def say(message: Msg) -> None:
        query = ExportPerson.model_validate_json(message.data)
        await message.respond(answer(query).model_dump_json().encode())

    return (await stage.client.subscribe(ExportPerson.subject, cb=say)).unsubscribe


def known(query: ExportPerson) -> ExportAnswer:
    """Each person's own."""
    chat = {"chat": query.address.chat_id, "language": query.language}
    return ExportAnswer(summary=SUMMARY, data=json.dumps({"identities": [chat]}))


async def file_of(stage: Stage, person: Person) -> tuple[str, str]:
    """What the person's phone shows of the last message: the file's name and its text."""
    entry = (await person.hears())[-1]
    document = entry["document"]
    answer = await stage.platforms.get(document["url"])
    answer.raise_for_status()
    assert document["mime"] == "text/plain"
    return document["name"], answer.content.decode()


def test_the_file_is_for_people_first_and_for_programs_then() -> None:
    answer = ExportAnswer(summary=SUMMARY, data='{"identities":[]}')
    text = written(answer, CHAT, "ru")
    assert text.startswith(MARK + SUMMARY)
    _, _, listed = text.partition("\n\n{")
    assert json.loads("{" + listed) == {"identities": [], "chat": {"name": "Квецалькоатль"}}


def test_what_is_too_long_is_cut_and_says_so() -> None:
    answer = ExportAnswer(summary=SUMMARY, data=json.dumps(["ы" * 80] * 40_000))
    text = written(answer, CHAT, "ru")
    assert len(text.encode()) <= FILE_BYTES_MAX + len(MARK.encode())
    assert text.startswith(MARK + SUMMARY)
    assert text.endswith(f"\n{CUT['ru']}\n")


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_everybody_gets_their_own_and_nothing_of_it_is_kept(
    stage: Stage, notifier: httpx.AsyncClient, platform: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A word of it is looked for in every stream and bucket, and in what is logged."""
    await registry(stage, known)
    people = [await stage.person(platform) for _ in range(3)]
    sent = [await stage.send(one, document=CHAT, language="ru") for one in people]
    for person, message in zip(people, sent, strict=True):
        assert await stage.outcome(message) == ("accepted", None, False)
        name, text = await file_of(stage, person)
        assert name == "my-data.txt"
        data = json.loads(text[text.index("{") :])
        assert data["identities"] == [{"chat": person.address.chat_id, "language": "ru"}]
        assert data["chat"] == {"name": "Квецалькоатль"}
    assert await found(stage, MARKER) == set()
    bucket = await stage.client.jetstream().stream_info(f"KV_{MEDIA.name}")
    assert bucket.state.messages == 0
    logged = capsys.readouterr().out
    assert "outbound settled" in logged
    assert MARKER not in logged


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_the_same_again_is_asked_and_uploaded_again(
    stage: Stage, notifier: httpx.AsyncClient, platform: str
) -> None:
    asked: list[ExportPerson] = []

    def counted(query: ExportPerson) -> ExportAnswer:
        asked.append(query)
        return ExportAnswer(summary=f"{len(asked)}", data="{}")

    await registry(stage, counted)
    ann = await stage.person(platform)
    for number in (1, 2):
        assert (await stage.outcome(await stage.send(ann, document=CHAT)))[0] == "accepted"
        assert (await file_of(stage, ann))[1].startswith(f"{MARK}{number}\n")


async def test_a_silent_registry_parks_the_chat_and_holds_up_nobody(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann, ben = await stage.person("telegram"), await stage.person("telegram")
    message = await stage.send(ann, document=CHAT)
    await stage.until_parked(1)
    assert (await stage.outcome(await stage.send(ben)))[0] == "accepted"
    assert await ann.heard() == [], "never an empty file"
    # The control of the test above: what it looks for is found where it is.
    assert await found(stage, MARKER) == {"PARKED"}
    await registry(stage, known)
    assert await stage.outcome(message) == ("accepted", None, False)
    assert SUMMARY in (await file_of(stage, ann))[1]


async def test_it_is_not_sent_by_mail(stage: Stage) -> None:
    person = await stage.person("telegram")
    mailbox = replace(person, address=Address(platform="email", account=MAIL_ACCOUNT, chat_id="7"))
    mail = {"smtp_url": f"smtp://127.0.0.1:{SMTP_PORT}", "mail_from": "turnout@demo.example"}
    async with running(settings(stage, **mail)):
        message = await stage.send(mailbox, email_to="ann@example.org", document=CHAT)
        assert await stage.outcome(message) == ("suppressed", "not-by-mail", False)
    assert (await stage.platforms.get("/sim/mail")).json() == []
