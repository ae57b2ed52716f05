"""What a person gets, and what is told of it."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from notifier_stage import Stage, counted

from contracts import Choice, Document, Template

TICKET = Document(kind="ticket", data="TKT1.abcdefgh", filename="ticket.png")
CALENDAR = Document(kind="calendar", data="BEGIN:VCALENDAR\r\nПривет", filename="pycon.ics")
YES_NO = (Choice(id="yes", label="Yes"), Choice(id="no", label="No"))
EVENTS = tuple(
    Choice(id=f"event-{number}", label=f"Event {number}", description=f"{number} May")
    for number in range(1, 11)
)
PLATFORMS = pytest.mark.parametrize("platform", ["telegram", "whatsapp"])


@PLATFORMS
async def test_a_person_gets_texts_in_order_and_can_tap(
    stage: Stage, notifier: httpx.AsyncClient, platform: str
) -> None:
    ann = await stage.person(platform)
    first = await stage.send(ann, text="Hello & <welcome>")
    await stage.send(ann, text="Sure?", choices=YES_NO)
    last = await stage.send(ann, text="Which event?", choices=EVENTS)
    heard = await ann.hears(3)
    assert heard[0]["text"] == "Hello & <welcome>"
    assert [choice["data"] for choice in heard[1]["choices"]] == ["yes", "no"]
    assert [choice["label"] for choice in heard[2]["choices"]] == [one.label for one in EVENTS]
    assert heard[2]["text"].startswith("Which event?")
    for message in (first, last):
        assert await stage.outcome(message) == ("accepted", None, False)


@PLATFORMS
async def test_a_person_gets_a_ticket_as_one_message_with_a_picture(
    stage: Stage, notifier: httpx.AsyncClient, platform: str
) -> None:
    ann = await stage.person(platform)
    message = await stage.send(
        ann, text="You're in", document=TICKET, choices=YES_NO, priority="transactional"
    )
    assert await stage.outcome(message) == ("accepted", None, False)
    (heard,) = await ann.heard()
    assert heard["text"] == "You're in"
    assert [choice["data"] for choice in heard["choices"]] == ["yes", "no"]
    picture = await stage.platforms.get(heard["document"]["url"])
    assert picture.content.startswith(b"\x89PNG")


@pytest.mark.parametrize("choices", [YES_NO, ()])
@pytest.mark.parametrize(
    ("platform", "mime"), [("telegram", "text/calendar"), ("whatsapp", "text/plain")]
)
async def test_a_person_gets_a_calendar_entry_as_a_file(
    stage: Stage,
    notifier: httpx.AsyncClient,
    platform: str,
    mime: str,
    choices: tuple[Choice, ...],
) -> None:
    ann = await stage.person(platform)
    message = await stage.send(ann, text="PyCon", document=CALENDAR, choices=choices)
    assert await stage.outcome(message) == ("accepted", None, False)
    (heard,) = await ann.heard()
    assert heard["text"] == "PyCon"
    assert [choice["label"] for choice in heard["choices"]] == [one.label for one in choices]
    assert (heard["document"]["name"], heard["document"]["mime"]) == ("pycon.ics", mime)
    file = await stage.platforms.get(heard["document"]["url"])
    assert file.content.decode() == CALENDAR.data


@PLATFORMS
async def test_a_ticket_with_a_long_text_is_two_messages(
    stage: Stage, notifier: httpx.AsyncClient, platform: str
) -> None:
    ann = await stage.person(platform)
    message = await stage.send(ann, text="x" * 1025, document=TICKET)
    assert await stage.outcome(message) == ("accepted", None, False)
    picture, text = await ann.heard()
    assert (picture["document"] is not None, text["text"]) == (True, "x" * 1025)


async def test_reminders_go_out_as_well(stage: Stage, notifier: httpx.AsyncClient) -> None:
    ann = await stage.person("telegram")
    message = await stage.send(ann, priority="reminder")
    assert await stage.outcome(message) == ("accepted", None, False)


async def test_a_person_with_a_username_only_is_reached_by_the_business_scoped_id(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    body = {"platform": "whatsapp", "identity": "bsuid+username"}
    person = (await stage.platforms.post("/sim/people", json=body)).json()
    ann = await stage.person("whatsapp")
    ann.address = ann.address.model_copy(update={"chat_id": person["user_id"]})
    ann.path = f"/sim/people/whatsapp/{person['id']}"
    await ann.does("say", text="hi")
    assert await stage.outcome(await stage.send(ann)) == ("accepted", None, False)
    assert len(await ann.heard()) == 1


async def test_who_blocked_us_is_left_alone_until_they_write_again(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    wrote_at = datetime.now(UTC)
    await ann.does("block")
    first = await stage.send(ann, heard_at=wrote_at)
    assert await stage.outcome(first) == ("failed", "telegram-403", False)
    second = await stage.send(ann, heard_at=wrote_at)
    assert await stage.outcome(second) == ("suppressed", "blocked", False)
    assert len(await stage.calls(method="sendMessage")) == 1, "the second call was not made"
    await ann.does("unblock")
    third = await stage.send(ann, heard_at=wrote_at + timedelta(seconds=1))
    assert await stage.outcome(third) == ("accepted", None, False)


async def test_a_day_later_whatsapp_gets_the_template_or_nothing(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("whatsapp")
    yesterday = datetime.now(UTC) - timedelta(hours=24)
    plain = await stage.send(ann, heard_at=yesterday)
    assert await stage.outcome(plain) == ("suppressed", "window-closed", False)
    template = Template(name="event_reminder", parameters=("PyCon", "at 18:00", "Hall 1"))
    choices = (Choice(id="coming:7", label="Yes"), Choice(id="ticket:7", label="Ticket"))
    reminder = await stage.send(
        ann, heard_at=None, priority="reminder", template=template, choices=choices
    )
    assert await stage.outcome(reminder) == ("accepted", None, False)
    (heard,) = await ann.heard()
    assert (heard["template"], "When: at 18:00" in heard["text"]) == ("event_reminder", True)
    # The button that the message has no choice for says what is on it, as typed.
    assert [choice["data"] for choice in heard["choices"]] == [
        "coming:7",
        "I can't come",
        "ticket:7",
    ]
    await asyncio.gather(*(stage.send(ann) for _ in range(2)))
    assert len(await ann.hears(3)) == 3, "whoever writes opens the window"


async def test_what_is_too_late_is_not_sent(stage: Stage, notifier: httpx.AsyncClient) -> None:
    ann = await stage.person("telegram")
    message = await stage.send(ann, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert await stage.outcome(message) == ("expired", None, False)
    assert await ann.heard() == []


async def test_a_message_for_another_bot_is_set_aside_with_its_result(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    ann.address = ann.address.model_copy(update={"account": "999"})
    series = 'turnout_sends_without_token_total{platform="telegram",service="notifier"}'
    before = await counted(notifier, series)
    message = await stage.send(ann)
    assert await stage.outcome(message) == ("set-aside", "no-token-for-account", False)
    assert (await stage.client.jetstream().stream_info("DEAD")).state.messages == 1
    assert await counted(notifier, series) == before + 1


async def test_a_message_that_the_platform_will_never_take_does_not_stop_the_others(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    await stage.fault("error", code=400, count=1)
    wrong, right = await stage.send(ann), await stage.send(ann)
    assert await stage.outcome(wrong) == ("failed", "telegram-400", False)
    assert await stage.outcome(right) == ("accepted", None, False)
