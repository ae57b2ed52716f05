"""One-time codes: where they go, how they look, and when they are worth nothing any more."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from notifier_house import NOON, outbound, whatsapp_address
from notifier_marker import found
from notifier_smtp import answering
from notifier_stage import SMTP_PORT, Person, Stage, running, settings

from contracts import Address, OutboundMessage, Recipient, Template
from contracts.topology import MAIL_ACCOUNT, PARKED, PEERS
from notifier.decisions import Send, Settle, decide
from notifier.email_rendering import YOUR_CODE, render
from notifier.peers import Peer

CODE = "730184"
TEMPLATE = Template(name="code", parameters=(CODE,))
MAIL = {"smtp_url": f"smtp://127.0.0.1:{SMTP_PORT}", "mail_from": "turnout@demo.example"}
ANN = "ann@example.org"
BSUID = "US.13491208655302741918"


def a_code(**changes: Any) -> OutboundMessage:
    values = {"priority": "transactional", "text": f"{CODE} is your code", "template": TEMPLATE}
    return outbound(**(values | changes))


def mailbox(proof: str | None = None) -> Recipient:
    chat_id = proof or str(uuid4())
    return Recipient(
        address=Address(platform="email", account=MAIL_ACCOUNT, chat_id=chat_id), email_to=ANN
    )


async def scoped(stage: Stage) -> Person:
    """Somebody whom WhatsApp shows us by an id of the business only."""
    found = (await stage.platforms.post("/sim/people", json={"platform": "whatsapp"})).json()
    person = await stage.person("whatsapp")
    address = person.address.model_copy(update={"chat_id": found["user_id"]})
    return Person(address, stage.platforms, f"/sim/people/whatsapp/{found['id']}")


def test_a_template_with_a_code_goes_to_numbers_only() -> None:
    closed = Peer(heard_at=NOON - timedelta(days=2))
    to_number = a_code(address=whatsapp_address())
    assert decide(to_number, closed, NOON) == Send(by_template=True)
    to_scoped = a_code(address=whatsapp_address(BSUID))
    assert decide(to_scoped, closed, NOON) == Settle("suppressed", "code-to-scoped-id")
    # In the open window it is a text like any other, and other templates go to scoped ids as well.
    assert decide(to_scoped, Peer(heard_at=NOON), NOON) == Send()
    reminder = outbound(
        address=whatsapp_address(BSUID), template=Template(name="event_soon", parameters=("a",))
    )
    assert decide(reminder, closed, NOON) == Send(by_template=True)


async def test_a_code_for_a_scoped_id_takes_the_other_way_or_says_why_not(stage: Stage) -> None:
    async with running(settings(stage, **MAIL)):
        vera, to = await scoped(stage), mailbox()
        common = {"priority": "transactional", "template": TEMPLATE, "heard_at": None}
        message = await stage.send(vera, alternatives=(to,), headline="Your code", **common)
        result = await stage.result(message)
        assert (result.status, result.reason) == ("suppressed", "code-to-scoped-id")
        assert result.passed_on_to == "email"
        assert len(await stage.mails()) == 1
        alone = await stage.result(await stage.send(vera, **common))
        assert (alone.status, alone.reason) == ("suppressed", "code-to-scoped-id")
        assert alone.passed_on_to is None
        assert await stage.calls(template="code") == []


async def test_meta_takes_the_template_for_a_number_with_the_code_in_its_button(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    vera = await stage.person("whatsapp")
    message = await stage.send(
        vera, priority="transactional", template=TEMPLATE, heard_at=NOON - timedelta(days=400)
    )
    assert await stage.outcome(message) == ("accepted", None, False)
    (entry,) = await vera.hears()
    assert entry["template"] == "code"
    assert [one["copies"] for one in entry["choices"]] == [CODE]


async def test_on_telegram_a_button_copies_the_code(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    await stage.outcome(
        await stage.send(ann, priority="transactional", template=TEMPLATE, language="ru")
    )
    (entry,) = await ann.hears()
    assert [(one["label"], one["copies"]) for one in entry["choices"]] == [
        ("Скопировать код", CODE)
    ]
    plain = await stage.send(ann)
    await stage.outcome(plain)
    assert (await ann.hears(2))[-1]["choices"] == []


async def test_a_code_that_is_too_late_is_not_sent(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    late = await stage.send(
        ann,
        priority="transactional",
        template=TEMPLATE,
        expires_at=datetime.now(UTC) - timedelta(seconds=1),
    )
    assert (await stage.outcome(late))[0] == "expired"
    assert await ann.heard() == []


@pytest.mark.parametrize("headline", [None, f"{CODE} is your code"])
def test_the_subject_of_a_mail_does_not_tell_the_code(headline: str | None) -> None:
    assert render(a_code(headline=headline)).subject == YOUR_CODE["en"]
    assert render(a_code(headline="Confirm your address")).subject == "Confirm your address"
    # Nor is anything else taken for a code.
    assert render(outbound(text=f"{CODE} people")).subject == f"{CODE} people"


async def test_a_mailbox_that_refuses_a_code_keeps_nobody_from_the_next(stage: Stage) -> None:
    """Each code has a chat of its own, so that nobody's typing error harms a mailbox's owner."""
    async with answering({"RCPT": "550 5.1.1 no such user"}) as server:
        mail = {"smtp_url": server.url, "mail_from": "turnout@demo.example"}
        async with running(settings(stage, **mail)):
            assert await mailed(stage) == ("failed", "email-5.1.1", False)
            server.answers["RCPT"] = "250 ok"
            assert await mailed(stage) == ("accepted", None, False)
        assert await found(stage, ANN) == set()
        # Nothing is known of them, and nothing is told to the registry.
        assert await found(stage, f"$KV.{PEERS.name}.email.", "command.note-reachability") == set()


async def test_a_code_that_waited_for_the_mail_server_leaves_nothing_behind(stage: Stage) -> None:
    async with answering({"CONNECT": "421 busy"}) as server:
        mail = {"smtp_url": server.url, "mail_from": "turnout@demo.example"}
        async with running(settings(stage, **mail)):
            message = await mail_to(stage, mailbox())
            await stage.until_parked(1)
            # The control: while it waits, it is found.
            assert await found(stage, ANN) == {PARKED.name}
            mark = f"$KV.{PEERS.name}.email."
            assert await found(stage, mark) == {f"KV_{PEERS.name}"}
            server.answers["CONNECT"] = "220 here"
            assert await stage.outcome(message) == ("accepted", None, False)
            await stage.until_quiet()
            assert await found(stage, ANN, mark) == set()


async def mail_to(stage: Stage, to: Recipient) -> OutboundMessage:
    person = Person(to.address, stage.platforms, "")
    return await stage.send(
        person, email_to=to.email_to, priority="transactional", template=TEMPLATE, heard_at=None
    )


async def mailed(stage: Stage) -> tuple[str, str | None, bool]:
    """What became of a code to a mailbox, under a new proof."""
    return await stage.outcome(await mail_to(stage, mailbox()))
