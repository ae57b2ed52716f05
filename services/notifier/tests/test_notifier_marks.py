"""What a person wrote on WhatsApp is marked as read beside the answer, and never instead of it."""

from typing import Any

import httpx
import pytest
from notifier_stage import Person, Stage, counted

from contracts import Document

TICKET = Document(kind="ticket", data="T1.K7Q2MX.42", filename="ticket.png")


async def wrote(stage: Stage, person: Person) -> str:
    """The platform's id of the last message that the person wrote."""
    chat = (await stage.platforms.get(f"{person.path}/chat")).json()
    found: str = [entry for entry in chat if entry["from"] == "person"][-1]["id"]
    return found


async def marks(stage: Stage) -> list[dict[str, Any]]:
    """The calls that marked something, in order."""
    return [one for one in await stage.calls() if one["method"] in ("read", "typing")]


async def count(notifier: httpx.AsyncClient, outcome: str) -> float:
    """How many marks ended so."""
    return await counted(
        notifier, f'turnout_read_marks_total{{outcome="{outcome}",service="notifier"}}'
    )


async def marked(notifier: httpx.AsyncClient, outcome: str, before: float) -> None:
    """Wait until one more mark ended so."""
    counts = [before]
    while counts[-1] <= before:
        counts.append(await count(notifier, outcome))


async def test_an_answer_marks_what_it_answers_as_read(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("whatsapp")
    before = await count(notifier, "read")
    message = await stage.send(ann, in_reply_to=await wrote(stage, ann))
    assert await stage.outcome(message) == ("accepted", None, False)
    await marked(notifier, "read", before)
    (mark,) = await marks(stage)
    assert (mark["method"], mark["outcome"]) == ("read", "accepted")
    (said,) = [
        entry
        for entry in (await stage.platforms.get(f"{ann.path}/chat")).json()
        if entry["from"] == "person"
    ]
    assert said["status"] == "read"


async def test_an_answer_with_a_document_shows_typing_while_it_is_made(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("whatsapp")
    await stage.fault("slow", platform="whatsapp", endpoint="media", count=1, seconds=1)
    before = await count(notifier, "typing")
    message = await stage.send(ann, in_reply_to=await wrote(stage, ann), document=TICKET)
    assert await stage.outcome(message) == ("accepted", None, False)
    await marked(notifier, "typing", before)
    methods = [one["method"] for one in await stage.calls() if one["platform"] == "whatsapp"]
    assert methods.index("typing") < methods.index("messages")


async def test_two_answers_to_one_message_are_one_mark(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("whatsapp")
    before = await count(notifier, "read")
    wamid = await wrote(stage, ann)
    for _ in range(3):
        message = await stage.send(ann, in_reply_to=wamid)
        assert await stage.outcome(message) == ("accepted", None, False)
    await marked(notifier, "read", before)
    assert len(await marks(stage)) == 1


@pytest.mark.parametrize(
    ("kind", "details"), [("error", {"code": 131009}), ("500", {}), ("drop_response", {})]
)
async def test_a_mark_that_fails_is_counted_and_neither_repeated_nor_felt_by_the_answer(
    stage: Stage, notifier: httpx.AsyncClient, kind: str, details: dict[str, Any]
) -> None:
    ann = await stage.person("whatsapp")
    before = await count(notifier, "refused")
    await stage.fault(kind, platform="whatsapp", endpoint="read", count=1, **details)
    message = await stage.send(ann, in_reply_to=await wrote(stage, ann))
    assert await stage.outcome(message) == ("accepted", None, False)
    await marked(notifier, "refused", before)
    assert len(await marks(stage)) == 1
    assert (await notifier.get("/health/ready")).status_code == 200


async def test_a_mark_that_hangs_delays_no_answer(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("whatsapp")
    await stage.fault("timeout", platform="whatsapp", endpoint="read", count=1)
    first = await stage.send(ann, in_reply_to=await wrote(stage, ann))
    assert await stage.outcome(first) == ("accepted", None, False)
    second = await stage.send(ann)
    assert await stage.outcome(second) == ("accepted", None, False)
    assert len(await ann.heard()) == 2


async def test_telegram_has_no_marks(stage: Stage, notifier: httpx.AsyncClient) -> None:
    ann = await stage.person("telegram")
    message = await stage.send(ann, in_reply_to="17")
    assert await stage.outcome(message) == ("accepted", None, False)
    assert {one["method"] for one in await stage.calls(platform="telegram")} == {"sendMessage"}


async def test_while_permits_are_scarce_there_are_only_answers(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    people = [await stage.person("whatsapp") for _ in range(8)]
    before = await count(notifier, "scarce")
    sent = [
        await stage.send(ann, in_reply_to=await wrote(stage, ann), text=f"answer {number}")
        for number in range(15)
        for ann in people
    ]
    for message in sent:
        assert await stage.outcome(message) == ("accepted", None, False)
    assert (await stage.stats("whatsapp"))["over_limit"] == 0
    # Somebody has to write again, so that there is something to mark while permits are scarce.
    for ann in people:
        await ann.does("say", text="thanks")
        await stage.send(ann, in_reply_to=await wrote(stage, ann))
    await marked(notifier, "scarce", before)
