"""A document is uploaded once, whoever gets it, and by its id from then on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from notifier_house import BOT
from notifier_stage import Person, Stage, counted, running, settings
from pydantic import SecretStr

from contracts import Choice, Document, OutboundMessage
from contracts.topology import MEDIA
from notifier.media import REMEMBERED_MAX, REMEMBERED_SECONDS, Shelf
from notifier.telegram import TelegramChannel
from notifier.telegram_rendering import TelegramRequest
from runtime.documents import Documents

PEOPLE = 100
"""A whole event, small enough for a test: at Telegram's 30 a second it takes 4 s."""
CALENDAR = Document(kind="calendar", data="BEGIN:VCALENDAR\r\nПривет", filename="pycon.ics")
TICKET = Document(kind="ticket", data="TKT1.abcdefgh", filename="ticket.png")
PLATFORMS = ["telegram", "whatsapp"]


async def audience(stage: Stage, platform: str, count: int) -> list[Person]:
    """People who have written to us."""
    return [await stage.person(platform) for _ in range(count)]


async def uploads(stage: Stage) -> list[dict[str, Any]]:
    """The calls that carried a file."""
    calls = await stage.calls(outcome="accepted")
    return [call for call in calls if call["method"] == "media" or "upload_bytes" in call]


async def told(stage: Stage, people: list[Person], document: Document, **changes: Any) -> None:
    """Everybody has got the document."""
    sent = [await stage.send(one, document=document, **changes) for one in people]
    await asyncio.gather(*(accepted(stage, message) for message in sent))
    for one in people:
        name = (await one.hears())[-1]["document"]["name"]
        assert name == document.filename


async def accepted(stage: Stage, message: OutboundMessage) -> None:
    """The message has gone out."""
    assert await stage.outcome(message) == ("accepted", None, False)


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_what_a_whole_event_gets_is_uploaded_once(stage: Stage, platform: str) -> None:
    people = await audience(stage, platform, PEOPLE)
    labels = f'outcome="reused",platform="{platform}",service="notifier"'
    reused = f"turnout_documents_total{{{labels}}}"
    async with running(settings(stage)) as notifier:
        before = await counted(notifier, reused)
        await told(stage, people, CALENDAR, priority="bulk")
        # A message that was parked on its way asks once more.
        assert await counted(notifier, reused) - before >= PEOPLE - 1
    (upload,) = await uploads(stage)
    assert upload["platform"] == platform


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_without_its_memory_everybody_is_an_upload(stage: Stage, platform: str) -> None:
    """The control: what the tests above count is not something that a platform saves us."""
    people = await audience(stage, platform, 5)
    async with running(settings(stage, turnout_break="media")):
        await told(stage, people, CALENDAR)
    assert len(await uploads(stage)) == 5


@pytest.mark.parametrize("document", [CALENDAR, TICKET])
@pytest.mark.parametrize("platform", PLATFORMS)
async def test_another_process_knows_what_was_uploaded(
    stage: Stage, platform: str, document: Document
) -> None:
    ann, ben = await audience(stage, platform, 2)
    async with running(settings(stage)):
        await told(stage, [ann], document)
    async with running(settings(stage)):
        await told(stage, [ben], document, choices=(Choice(id="yes", label="Yes"),))
    assert len(await uploads(stage)) == 1


@pytest.mark.parametrize("document", [CALENDAR, TICKET])
@pytest.mark.parametrize("platform", PLATFORMS)
async def test_what_a_platform_has_forgotten_is_uploaded_again(
    stage: Stage, platform: str, document: Document
) -> None:
    ann, ben, cleo = await audience(stage, platform, 3)
    bucket = await stage.client.jetstream().key_value(MEDIA.name)
    async with running(settings(stage)):
        await told(stage, [ann], document)
    (key,) = await bucket.keys()
    await bucket.put(key, b'{"version":1,"media_id":"BQACAgIAAxkD000000000000000"}')
    async with running(settings(stage)):
        # No refusal is counted, or the message would come later.
        await told(stage, [ben, cleo], document)
    assert len(await uploads(stage)) == 2
    # Each of the two may have been on its way with the old id.
    refused = await stage.calls(outcome="refused")
    assert {call["code"] for call in refused} <= {400, 100}
    assert 1 <= len(refused) <= 2
    entry = await bucket.get(key)
    assert entry.value is not None
    assert b"000000000000000" not in entry.value


def numbered(number: int) -> Document:
    """One of many documents."""
    return Document(kind="calendar", data=f"BEGIN:VCALENDAR {number}", filename="a.ics")


@pytest_asyncio.fixture
async def client(provisioned: str) -> AsyncIterator[Client]:
    """A connection to a broker with an empty bucket."""
    client = await nats.connect(provisioned)
    yield client
    await client.close()


async def shelf(client: Client, account: str = BOT) -> Shelf:
    """The shelf of a process that has just been started."""
    return Shelf("telegram", account, Documents(await client.jetstream().key_value(MEDIA.name)))


async def put(shelf: Shelf, document: Document, media_id: str) -> None:
    """Upload the document, which nobody has, and write that down."""
    media = await shelf.find(document)
    assert media.media_id is None
    shelf.keep(media, media_id)
    await shelf.close()


async def known(shelf: Shelf, document: Document) -> str | None:
    """The document's id, as far as the shelf can tell."""
    media = await shelf.find(document)
    shelf.give_up(media)
    return media.media_id


async def test_who_comes_while_a_document_is_uploaded_waits_for_its_id(client: Client) -> None:
    ours = await shelf(client)
    first = await ours.find(CALENDAR)
    others = [asyncio.create_task(ours.find(CALENDAR)) for _ in range(20)]
    await asyncio.wait(others, timeout=0.1)
    assert not any(other.done() for other in others)
    assert (await ours.find(TICKET)).media_id is None, "another document waits for nobody"
    ours.keep(first, "77")
    assert {found.media_id for found in await asyncio.gather(*others)} == {"77"}
    await ours.close()


async def test_an_upload_that_fails_is_somebody_elses_turn(client: Client) -> None:
    ours = await shelf(client)
    first = await ours.find(CALENDAR)
    others = [asyncio.create_task(ours.find(CALENDAR)) for _ in range(3)]
    await asyncio.wait(others, timeout=0.1)
    ours.give_up(first)
    done, waiting = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
    (second,) = done
    assert len(waiting) == 2
    ours.keep(await second, "77")
    assert [(await other).media_id for other in waiting] == ["77", "77"]
    await ours.close()


async def test_a_message_that_is_not_sent_after_all_keeps_nobody_waiting() -> None:
    """Its chat may have been parked between the preparation and the call."""
    channel = TelegramChannel(SecretStr(f"{BOT}:AAAA"), "http://127.0.0.1:1")
    request = TelegramRequest(text="", document=CALENDAR)
    first = await channel.prepare(request)
    second = asyncio.create_task(channel.prepare(request))
    await asyncio.wait([second], timeout=0.1)
    assert not second.done()
    channel.drop(first)
    async with asyncio.timeout(1):
        media = (await second).media
    assert media is not None
    assert media.media_id is None, "now it is this one that uploads"
    await channel.close()


async def test_nobody_waits_for_an_upload_that_never_ends(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.media.UPLOAD_WAIT_SECONDS_MAX", 0.1)
    ours = await shelf(client)
    for _ in range(3):
        # Nobody says whether it was uploaded.
        assert (await ours.find(CALENDAR)).media_id is None


async def test_who_waited_for_a_permit_too_long_still_learns_of_the_id(client: Client) -> None:
    ours = await shelf(client)
    media = await ours.find(CALENDAR)
    assert ours.latest(media) == media
    ours.keep(media, "77")
    assert ours.latest(media).media_id == "77"
    await ours.close()


async def test_the_later_of_two_uploads_at_once_stays(client: Client) -> None:
    one, two = await shelf(client), await shelf(client)
    media = await one.find(CALENDAR)
    await put(two, CALENDAR, "2")
    one.keep(media, "1")
    await one.close()
    assert (await known(one, CALENDAR), await known(two, CALENDAR)) == ("1", "2")
    assert await known(await shelf(client), CALENDAR) == "1"


async def test_an_id_is_of_one_account_one_name_and_one_content(client: Client) -> None:
    await put(await shelf(client), CALENDAR, "1")
    await put(await shelf(client, account="654321"), CALENDAR, "2")
    await put(await shelf(client), CALENDAR.model_copy(update={"filename": "moscow.ics"}), "3")
    await put(await shelf(client), CALENDAR.model_copy(update={"data": "BEGIN"}), "4")
    assert await known(await shelf(client), CALENDAR) == "1"


async def test_what_was_forgotten_is_not_read_from_a_bucket_that_still_has_it(
    client: Client,
) -> None:
    ours = await shelf(client)
    await put(ours, CALENDAR, "77")
    media = await ours.find(CALENDAR)
    ours.forget(media)
    assert await known(ours, CALENDAR) is None
    await ours.close()
    assert await known(await shelf(client), CALENDAR) is None
    await put(ours, CALENDAR, "78")
    ours.forget(media)
    assert await known(ours, CALENDAR) == "78", "that is not the one which was forgotten"


async def test_a_broker_that_is_away_costs_an_upload_and_no_message(client: Client) -> None:
    ours = await shelf(client)
    await put(ours, CALENDAR, "77")
    await client.close()
    assert await known(ours, CALENDAR) == "77"
    await put(ours, TICKET, "78")
    assert await known(ours, TICKET) == "78"
    ours.forget(await ours.find(TICKET))
    await ours.close()


async def test_a_process_remembers_the_latest_only() -> None:
    alone = Shelf("telegram", BOT, None)
    for number in range(REMEMBERED_MAX + 1):
        await put(alone, numbered(number), str(number))
    assert await known(alone, numbered(0)) is None
    assert await known(alone, numbered(REMEMBERED_MAX)) == str(REMEMBERED_MAX)


async def test_what_is_remembered_is_asked_for_again_in_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket forgets in time; a process that runs for months must not know better."""
    monkeypatch.setattr("notifier.media.REMEMBERED_SECONDS", 0.0)
    ours = await shelf(client)
    await put(ours, CALENDAR, "77")
    await client.jetstream().purge_stream(f"KV_{MEDIA.name}")
    assert await known(ours, CALENDAR) is None
    meta_seconds = 30 * 24 * 3600
    assert MEDIA.age_max_seconds + REMEMBERED_SECONDS < meta_seconds
