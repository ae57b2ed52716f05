"""E-mail as one more way to people, and the last one."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from notifier_house import whatsapp_address
from notifier_stage import SMTP_PORT, Stage, running, settings

from contracts import Address, DeliveryReported, Document, Recipient, derived_id
from contracts.topology import MAIL_ACCOUNT
from notifier.main import create_app
from runtime.settings import Misconfigured

FROM = "Turnout <turnout@demo.example>"
MAIL = {"smtp_url": f"smtp://127.0.0.1:{SMTP_PORT}", "mail_from": FROM}
ANN = "ann@example.org"
SECONDS_MAX = 30.0
START_SECONDS_MAX = 90.0
"""A process of its own takes many seconds to start on a busy machine."""


def by_mail(to: str = ANN) -> Recipient:
    address = Address(platform="email", account=MAIL_ACCOUNT, chat_id="7")
    return Recipient(address=address, email_to=to)


async def mails(stage: Stage, count: int = 1) -> list[dict[str, Any]]:
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        found = (await stage.platforms.get("/sim/mail")).json()
        if len(found) >= count:
            assert isinstance(found, list)
            return found
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_notice_comes_by_mail_with_its_ticket(stage: Stage) -> None:
    person = await stage.person("telegram")
    to = by_mail()
    ticket = Document(kind="ticket", data="TKT1.abcdefgh", filename="ticket.png")
    async with running(settings(stage, **MAIL)):
        message = await stage.send(
            replace(person, address=to.address),
            email_to=to.email_to,
            priority="transactional",
            text="У вас есть место!",
            headline="PyCon",
            language="ru",
            document=ticket,
        )
        assert await stage.outcome(message) == ("accepted", None, False)
    (mail,) = await mails(stage)
    assert (mail["to"], mail["subject"]) == ([ANN], "PyCon")
    assert mail["from"] == "turnout@demo.example"
    assert "У вас есть место!" in mail["text"]
    assert "https://t.me/" in mail["text"]
    assert mail["attachments"] == [{"name": "ticket.png", "mime": "image/png"}]


async def test_who_blocked_us_in_the_chat_gets_the_notice_by_mail_once(stage: Stage) -> None:
    ann = await stage.person("telegram")
    await ann.does("block")
    async with running(settings(stage, **MAIL)):
        for _ in range(2):  # the first finds it out, the second knows
            message = await stage.send(ann, priority="transactional", alternatives=(by_mail(),))
            result = await stage.result(message)
            assert (result.status, result.passed_on_to) in (
                ("failed", "email"),
                ("suppressed", "email"),
            )
            second = message.model_copy(
                update={"id": derived_id(message.id, "fallback"), "address": by_mail().address}
            )
            assert (await stage.result(second)).status == "accepted"
    assert len(await mails(stage, 2)) == 2


async def test_all_ways_are_gone_through_in_their_order(stage: Stage) -> None:
    ann = await stage.person("telegram")
    await ann.does("block")
    never_wrote = Recipient(address=whatsapp_address("16505550099"))
    async with running(settings(stage, **MAIL)):
        message = await stage.send(ann, priority="reminder", alternatives=(never_wrote, by_mail()))
        assert (await stage.result(message)).passed_on_to == "whatsapp"
        await mails(stage)
        second = await stage.client.jetstream().get_last_msg(
            "DELIVERY", f"delivery.whatsapp.{derived_id(message.id, 'fallback')}"
        )
        assert second.data is not None
        report = DeliveryReported.model_validate_json(second.data)
        assert (report.reason, report.passed_on_to) == ("window-closed", "email")


async def test_an_answer_goes_nowhere_else(stage: Stage) -> None:
    ann = await stage.person("telegram")
    await ann.does("block")
    async with running(settings(stage, **MAIL)):
        message = await stage.send(ann, priority="reply", alternatives=(by_mail(),))
        result = await stage.result(message)
        assert (result.status, result.passed_on_to) == ("failed", None)
    assert (await stage.platforms.get("/sim/mail")).json() == []


async def test_without_a_mail_server_that_is_the_result(stage: Stage) -> None:
    person = await stage.person("telegram")
    async with running(settings(stage)):
        mailbox = replace(person, address=by_mail().address)
        message = await stage.send(mailbox, email_to=ANN, priority="transactional")
        assert await stage.outcome(message) == ("suppressed", "no-mail-server", False)
        await person.does("block")
        lost = await stage.send(person, priority="transactional", alternatives=(by_mail(),))
        assert (await stage.result(lost)).passed_on_to is None


def test_a_sender_without_a_server_is_told_at_the_start(stage: Stage) -> None:
    with pytest.raises(Misconfigured, match="SMTP_URL is not"):
        create_app(settings(stage, mail_from=FROM))


@pytest.mark.parametrize(
    "crash",
    [
        "notifier.after-ledger:1",  # the chat's result is written, and told to nobody
        "notifier.passed-on:1",  # it has gone on, which nobody knows
        "notifier.before-call:2",  # the mail itself was about to go
    ],
)
async def test_whoever_dies_on_the_other_way_the_person_gets_it_once(
    stage: Stage, crash: str
) -> None:
    ann = await stage.person("telegram")
    await ann.does("block")
    dying, _ = stage.start(SMTP_URL=MAIL["smtp_url"], MAIL_FROM=FROM, TURNOUT_CRASH_AT=crash)
    message = await stage.send(
        ann, priority="transactional", alternatives=(by_mail(),), heard_at=None
    )
    await asyncio.wait_for(asyncio.to_thread(dying.wait), START_SECONDS_MAX)
    async with running(settings(stage, **MAIL)):
        assert (await stage.result(message)).passed_on_to == "email"
        other = message.model_copy(
            update={"id": derived_id(message.id, "fallback"), "address": by_mail().address}
        )
        assert (await stage.result(other)).status == "accepted"
    assert len(await mails(stage)) == 1
