"""Links and posters: what leads people to an event."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import nats
import pytest
import pytest_asyncio
from httpx import AsyncClient
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.aio.msg import Msg
from test_registry_api import create, problem

from contracts import (
    AccountsAnswer,
    EventAnswer,
    FindEvent,
    ListAccounts,
    TelegramAccount,
    WhatsAppAccount,
)
from contracts.cards import EventCard
from registry.codes import CODE_ALPHABET, event_code
from registry.links import TITLE_BYTES_MAX, EventLinks, Language, filled_in, links_of
from registry.poster.drawing import Undrawable, draw
from registry.poster.words import Poster, date_of, time_of
from tests.poster_reading import codes_on, symbol_of

TELEGRAM = (TelegramAccount(account="123456", username="b_bot"),)
WHATSAPP = (WhatsAppAccount(account="106540352242922", phone="15550783881"),)
BOTH = AccountsAnswer(telegram=TELEGRAM, whatsapp=WHATSAPP)
CODE = "K7Q2MX"


class Notifier:
    """Whoever answers for the accounts; `answer` None is silence."""

    def __init__(self, connection: Client) -> None:
        self.connection = connection
        self.answer: AccountsAnswer | None = BOTH
        self.asked = 0

    async def reply(self, message: Msg) -> None:
        self.asked += 1
        answer = b"" if self.answer is None else self.answer.model_dump_json().encode()
        headers = {"Turnout-Unavailable": "notifier"} if self.answer is None else None
        await self.connection.publish(message.reply, answer, headers=headers)


@pytest_asyncio.fixture
async def notifier(provisioned: str) -> AsyncIterator[Notifier]:
    connection = await nats.connect(provisioned)
    notifier = Notifier(connection)
    await connection.subscribe(ListAccounts.subject, cb=notifier.reply)
    await connection.flush()
    yield notifier
    await connection.close()


def poster(title: str, *, language: Language = "en", accounts: AccountsAnswer = BOTH) -> Poster:
    return Poster(
        title=title,
        starts_at=datetime(2026, 12, 6, 17, tzinfo=UTC),
        timezone="Europe/Berlin",
        location="Hall 2",
        links=links_of(CODE, title, accounts, language),
        language=language,
    )


async def test_an_event_has_a_link_for_each_platform(api: AsyncClient, notifier: Notifier) -> None:
    event = await create(api, title="PyCon (Berlin)", status="draft")
    code = event["code"]
    links = (await api.get(f"/api/events/{event['id']}/links")).json()
    assert links["code"] == code
    assert links["telegram"]["url"] == f"https://t.me/b_bot?start=event_{code}"
    assert links["whatsapp"]["text"] == f"Register: PyCon Berlin ({code})"
    url = urlsplit(links["whatsapp"]["url"])
    assert (url.netloc, url.path) == ("wa.me", "/15550783881")
    assert parse_qs(url.query) == {"text": [links["whatsapp"]["text"]]}
    russian = (await api.get(f"/api/events/{event['id']}/links?language=ru")).json()
    assert russian["whatsapp"]["text"] == f"Регистрация: PyCon Berlin ({code})"


async def test_a_poster_shows_exactly_the_links(api: AsyncClient, notifier: Notifier) -> None:
    path = f"/api/events/{(await create(api))['id']}"
    links = (await api.get(f"{path}/links?language=ru")).json()
    answer = await api.get(f"{path}/poster.pdf?language=ru")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/pdf"
    assert f"poster-{links['code']}.pdf" in answer.headers["Content-Disposition"]
    shown = codes_on(answer.content)
    assert shown == [symbol_of(links[platform]["url"]) for platform in ("telegram", "whatsapp")]
    assert shown[0] != symbol_of(links["telegram"]["url"] + "X")


async def test_a_silent_notifier_is_named_until_it_has_spoken_once(
    api: AsyncClient, notifier: Notifier
) -> None:
    path = f"/api/events/{(await create(api))['id']}/links"
    notifier.answer = None
    assert "notifier" in problem(await api.get(path), 503)["detail"]
    notifier.answer = AccountsAnswer()
    assert "notifier" in problem(await api.get(path), 503)["detail"]
    notifier.answer = AccountsAnswer(telegram=TELEGRAM)
    assert (await api.get(path)).json()["whatsapp"] is None
    notifier.answer = AccountsAnswer(whatsapp=WHATSAPP)
    both = (await api.get(path)).json()
    assert both["telegram"] is not None
    assert both["whatsapp"] is not None
    notifier.answer = None
    assert (await api.get(path)).json() == both


async def test_what_is_known_is_not_asked_again_at_once(
    api: AsyncClient, notifier: Notifier
) -> None:
    path = f"/api/events/{(await create(api))['id']}/links"
    for _ in range(3):
        assert (await api.get(path)).status_code == 200
    assert notifier.asked == 1


async def test_an_unknown_event_a_strange_language_and_a_title_without_letters_are_refused(
    api: AsyncClient, notifier: Notifier
) -> None:
    for leaf in ("links", "poster.pdf"):
        problem(await api.get(f"/api/events/{uuid4()}/{leaf}"), 404)
        problem(await api.get(f"/api/events/{uuid4()}/{leaf}?language=xx"), 422)
    event = await create(api, title="東京の夜")
    refused = problem(await api.get(f"/api/events/{event['id']}/poster.pdf"), 422)
    assert refused["errors"][0]["field"] == "title"


async def test_of_a_draft_a_chat_hears_its_code_and_state_alone(
    api: AsyncClient, provisioned: str
) -> None:
    draft = await create(api, status="draft", title="Secret", location="Cellar")
    shown = await create(api, title="Open")
    connection = await nats.connect(provisioned)

    async def found(code: str) -> EventCard:
        body = FindEvent(code=code).model_dump_json().encode()
        reply = await connection.request(FindEvent.subject, body, timeout=5)
        event = EventAnswer.model_validate_json(reply.data).event
        assert event is not None
        return event

    card = await found(draft["code"].lower())
    assert (card.code, card.status, str(card.id)) == (draft["code"], "draft", draft["id"])
    assert (card.title, card.description, card.location, card.max_participants) == ("", "", "", 0)
    assert card.starts_at.year == 9999
    assert (await found(shown["code"])).title == "Open"
    await connection.close()


@given(
    title=st.text(max_size=300),
    code=st.text(alphabet=CODE_ALPHABET, min_size=6, max_size=6),
    language=st.sampled_from(["en", "ru"]),
)
def test_the_code_stands_in_the_only_brackets_at_the_end(
    title: str, code: str, language: Language
) -> None:
    text = filled_in(code, title, language)
    assert text.endswith(f"({code})")
    assert text.count("(") == text.count(")") == 1
    assert "event_" not in text
    url = links_of(code, title, BOTH, language).whatsapp
    assert url is not None
    assert parse_qs(urlsplit(url.url).query)["text"] == [text]
    assert len(url.url) < TITLE_BYTES_MAX + 160


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(
    "title", ["Я", "PyCon 🎉 2026", "Слово" * 40, "a b " * 50, "W" * 200, "Ω-Abend", "é́́"]
)
@pytest.mark.parametrize(
    "accounts", [BOTH, AccountsAnswer(telegram=TELEGRAM), AccountsAnswer(whatsapp=WHATSAPP)]
)
def test_every_title_is_one_page_with_the_codes_that_there_are(
    title: str, language: Language, accounts: AccountsAnswer
) -> None:
    one = poster(title, language=language, accounts=accounts)
    pdf = draw(one)
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") == 1
    links = [one.links.telegram, one.links.whatsapp]
    assert codes_on(pdf) == [symbol_of(link.url) for link in links if link is not None]


@pytest.mark.parametrize("title", ["🎉🎉", "東京", "!!!"])
def test_a_title_that_no_font_has_is_not_left_blank(title: str) -> None:
    with pytest.raises(Undrawable, match="no signs"):
        draw(poster(title))


def test_a_poster_tells_the_time_of_the_event_in_words() -> None:
    assert date_of(poster("A")) == "Sunday, December 6, 2026"
    assert time_of(poster("A")) == "6:00 PM (Berlin time)"
    assert date_of(poster("A", language="ru")) == "Воскресенье, 6 декабря 2026 г."
    assert time_of(poster("A", language="ru")) == "18:00 (время: Берлин)"


def test_codes_have_six_signs_that_nobody_mixes_up() -> None:
    assert not set("01OI") & set(CODE_ALPHABET)
    codes = {event_code(uuid4()) for _ in range(500)}
    assert all(len(code) == 6 and set(code) <= set(CODE_ALPHABET) for code in codes)
    assert len({event_code(event_id := uuid4()), event_code(event_id, 1)}) == 2


def test_links_without_any_account_are_empty() -> None:
    assert links_of(CODE, "A", AccountsAnswer(), "en") == EventLinks(
        code=CODE, telegram=None, whatsapp=None
    )
