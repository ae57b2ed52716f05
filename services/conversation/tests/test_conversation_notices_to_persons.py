"""Codes, and news of who joined somebody or was parted from them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID, uuid4, uuid5

import pytest
import pytest_asyncio
from conversation_house import House, handlers_at, house_at
from conversation_talk import ANN, NOW, SPACE

from contracts import (
    Address,
    FindNoticeToPerson,
    NoticeToPersonAnswer,
    NoticeToPersonDue,
    NoticeToPersonKind,
    OutboundMessage,
    Platform,
    derived_id,
)
from contracts.outbound import Recipient
from contracts.topology import MAIL_ACCOUNT
from conversation.handlers import Handlers
from conversation.main import create_app
from conversation.notices_to_persons import render
from conversation.settings import Settings
from conversation.texts import LANGUAGES, Language
from runtime.testing import eventually

PROOF, LINK = UUID(int=10), UUID(int=9)
CODE = "048213"
ENDS = NOW + timedelta(minutes=10)
BY_MAIL = Recipient(
    address=Address(platform="email", account=MAIL_ACCOUNT, chat_id=str(PROOF)),
    email_to="ann@example.com",
)


def due(kind: NoticeToPersonKind, *, expires_at: datetime = ENDS) -> NoticeToPersonDue:
    return NoticeToPersonDue(
        id=uuid5(SPACE, f"to person {kind}"),
        occurred_at=NOW,
        correlation_id=UUID(int=77),
        kind=kind,
        about=PROOF if kind == "code" else LINK,
        recipient=PROOF,
        expires_at=expires_at,
    )


def answer(
    kind: NoticeToPersonKind,
    *,
    to: Recipient = BY_MAIL,
    language: Language = "en",
    messenger: Platform = "whatsapp",
) -> NoticeToPersonAnswer:
    return NoticeToPersonAnswer(
        recipient=to,
        language=language,
        code=CODE if kind == "code" else None,
        messenger=messenger,
        link_id=LINK if kind == "joined" else None,
        expires_at=ENDS,
    )


def told(kind: NoticeToPersonKind, **about: object) -> OutboundMessage:
    message = render(due(kind), answer(kind, **about), NOW)  # type: ignore[arg-type]
    assert message is not None
    return message


def test_a_code_goes_by_mail_with_all_that_one_has_to_know() -> None:
    message = told("code")
    assert (message.address, message.email_to) == (BY_MAIL.address, "ann@example.com")
    assert CODE in message.text
    assert "WhatsApp" in message.text, "which messenger has asked"
    assert "tell nobody else" in message.text
    assert "Wasn't that you?" in message.text
    assert "10 minutes" in message.text
    assert message.headline == "Your code for WhatsApp"
    assert message.priority == "transactional"
    assert message.expires_at == ENDS
    assert message.choices == ()


def test_a_code_has_a_template_for_a_closed_window_of_whatsapp() -> None:
    message = told("code", to=Recipient(address=ANN), messenger="telegram")
    assert message.template is not None
    assert (message.template.name, message.template.parameters) == ("code", (CODE,))
    assert "Telegram" in message.text


def test_who_did_not_join_a_messenger_can_say_so_with_one_tap() -> None:
    message = told("joined", to=Recipient(address=ANN))
    (choice,) = message.choices
    assert choice.id == f"disown:{LINK}"
    assert f"“{choice.label}”" in message.text
    assert "WhatsApp" in message.text
    assert message.template is not None
    assert message.template.name == "messenger_joined"


def test_what_can_not_be_disowned_has_no_button() -> None:
    settled = answer("joined").model_copy(update={"link_id": None})
    message = render(due("joined"), settled, NOW)
    assert message is not None
    assert message.choices == ()
    assert "Wasn't that you?" not in message.text


def test_that_a_messenger_was_parted_is_told_without_a_button() -> None:
    message = told("parted", to=Recipient(address=ANN))
    assert "WhatsApp isn't connected" in message.text
    assert "No registration was cancelled" in message.text
    assert message.choices == ()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", get_args(NoticeToPersonKind))
def test_every_notice_to_a_person_fits_all_channels(
    kind: NoticeToPersonKind, language: Language
) -> None:
    message = told(kind, language=language)
    assert message.language == language
    assert len(message.text) <= 1024
    assert all(len(choice.label) <= 20 for choice in message.choices)
    assert message.headline
    assert CODE not in message.headline
    assert (message.notice_id, message.notice_event_id) == (None, None)


@pytest.mark.parametrize("kind", get_args(NoticeToPersonKind))
def test_what_is_not_due_any_more_is_not_told(kind: NoticeToPersonKind) -> None:
    whole = answer(kind)
    assert render(due(kind), whole, NOW) is not None
    assert render(due(kind), whole.model_copy(update={"recipient": None}), NOW) is None
    assert render(due(kind), whole.model_copy(update={"messenger": None}), NOW) is None
    assert render(due(kind), whole, ENDS) is None
    sooner = whole.model_copy(update={"expires_at": NOW})
    assert render(due(kind), sooner, NOW) is None, "the earlier of the two ends counts"


def test_no_code_no_message() -> None:
    assert render(due("code"), answer("code").model_copy(update={"code": None}), NOW) is None


@pytest_asyncio.fixture
async def house(provisioned: str) -> AsyncIterator[House]:
    async with house_at(provisioned) as found:
        yield found


@pytest_asyncio.fixture
async def handlers(provisioned: str) -> AsyncIterator[Handlers]:
    async with handlers_at(provisioned) as found:
        yield found


def soon(kind: NoticeToPersonKind) -> NoticeToPersonDue:
    return due(kind, expires_at=datetime.now(UTC) + timedelta(minutes=5))


async def test_a_notice_that_is_repeated_is_the_same_message(
    house: House, handlers: Handlers
) -> None:
    house.to_person = answer("code").model_copy(update={"expires_at": None})
    notice = soon("code")
    for _ in range(2):
        await handlers.tell_person(notice)
    (message,) = await house.messages()
    assert message.id == derived_id(notice.id, 0)
    assert house.asked[-1] == FindNoticeToPerson(kind="code", about=PROOF, recipient=PROOF)


async def test_nobody_hears_of_what_is_over(house: House, handlers: Handlers) -> None:
    await handlers.tell_person(soon("code"))
    house.to_person = answer("code")
    await handlers.tell_person(due("code", expires_at=datetime.now(UTC)))
    assert await house.messages() == []
    assert await house.stored("DELIVERY") == [], "no row waits for a result"


async def test_the_service_hears_of_notices_to_people_and_writes_no_code_into_its_log(
    house: House, provisioned: str, capfd: pytest.CaptureFixture[str]
) -> None:
    house.to_person = answer("code").model_copy(update={"expires_at": None})
    notice = soon("code").model_copy(update={"id": uuid4()})
    app = create_app(Settings(nats_url=provisioned, log_level="debug", log_format="json"))
    async with app.router.lifespan_context(app):
        await eventually(lambda: app.state.service.health.started)
        await house.client.jetstream().publish(
            notice.route(), notice.model_dump_json().encode(), headers={"Nats-Msg-Id": "1"}
        )
        (message,) = await house.hears(1)
    assert CODE in message.text
    log = capfd.readouterr()
    assert "started" in log.out + log.err, "what is looked at is the log"
    assert CODE not in log.out + log.err
