"""What Meta says of the templates, asked, kept and obeyed."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from notifier_house import NOON, PHONE_ID, WABA_ID, whatsapp_address
from notifier_stage import Person, Stage, running, settings

from contracts import CountReachable, ReachAnswer, Template
from contracts.topology import Tier
from notifier.templates.catalogue import LANGUAGE_CODES, catalogue
from notifier.templates.standing import Account, Approval
from notifier.templates.syncing import ASK_AFTER, SYNC_AFTER, is_due
from runtime.provision import provision
from runtime.testing import TEST_RINGS

SOON = Template(name="event_soon", parameters=("PyCon", "at 18:00", "Hall 1"))
SECONDS_MAX = 30.0
YESTERDAY = timedelta(hours=30)
ALL = {
    f"{name}/{code}": Approval(status="approved")
    for name in catalogue()
    for code in LANGUAGE_CODES.values()
}


@pytest.mark.parametrize(
    ("account", "due"),
    [
        ({}, True),
        ({"asked_at": NOON - ASK_AFTER / 2}, False),
        ({"asked_at": NOON - ASK_AFTER}, True),
        ({"asked_at": NOON + ASK_AFTER / 2}, False),
        ({"asked_at": NOON - SYNC_AFTER, "synced_at": NOON - SYNC_AFTER}, True),
        ({"asked_at": NOON - SYNC_AFTER / 2, "synced_at": NOON - SYNC_AFTER / 2}, False),
        # Something has been found out since, but Meta is not asked all the time.
        ({"synced_at": NOON - SYNC_AFTER / 2, "doubted_at": NOON}, True),
        ({"asked_at": NOON, "synced_at": NOON - SYNC_AFTER, "doubted_at": NOON}, False),
        # Meta has told since.
        ({"synced_at": NOON, "doubted_at": NOON - ASK_AFTER}, False),
        # What is missing may be approved any minute.
        ({"synced_at": NOON - ASK_AFTER, "asked_at": NOON - ASK_AFTER, "approvals": {}}, True),
        # Somebody's clock was a day ahead.
        ({"synced_at": NOON + timedelta(days=1)}, True),
    ],
)
def test_when_meta_is_asked(account: dict[str, Any], due: bool) -> None:
    assert is_due(Account(**({"approvals": ALL} | account)), NOON) == due


async def known(notifier: httpx.AsyncClient, **expected: Any) -> dict[str, Any]:
    """What the notifier shows of the account, once it is as expected."""
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        shown = (await notifier.get("/health")).json()["templates"]
        found = shown.get(WABA_ID, {})
        if found.get("synced_at") and expected.items() <= found.items():
            assert isinstance(found, dict)
            return found
        assert time.monotonic() < deadline, shown
        await asyncio.sleep(0.05)


async def change(stage: Stage, status: str) -> None:
    body = {"name": "event_soon", "language": "en_US", "status": status}
    (await stage.platforms.patch("/sim/templates", json=body)).raise_for_status()


async def remind(stage: Stage, person: Person) -> tuple[str, str | None]:
    message = await stage.send(
        person, heard_at=datetime.now(UTC) - YESTERDAY, priority="transactional", template=SOON
    )
    status, reason, _ = await stage.outcome(message)
    return status, reason


async def test_a_template_that_may_not_be_sent_costs_no_call(stage: Stage) -> None:
    await change(stage, "pending")
    ann = await stage.person("whatsapp")
    async with running(settings(stage)) as notifier:
        await known(notifier, not_approved=["event_soon/en_US"])
        assert await remind(stage, ann) == ("suppressed", "template-not-approved")
        series = "turnout_templates_not_approved{"
        lines = (await notifier.get("/metrics")).text.splitlines()
        assert [float(line.split()[-1]) for line in lines if line.startswith(series)] == [1]
    assert await stage.calls(method="messages") == []


async def test_the_admin_is_told_once_of_what_will_not_be_approved_by_waiting(
    stage: Stage, tmp_path: Path
) -> None:
    clock = tmp_path / "clock.json"
    clock.write_text('{"offset_seconds": 0}')
    admin = await stage.person("telegram")
    told = {"turnout_clock_file": clock, "admin_telegram_chat": admin.address.chat_id}
    await change(stage, "pending")
    async with running(settings(stage, **told)) as notifier:
        first = (await known(notifier, not_approved=["event_soon/en_US"]))["synced_at"]
        await change(stage, "rejected")
        clock.write_text(json.dumps({"offset_seconds": ASK_AFTER.total_seconds()}))
        (heard,) = await admin.hears()
        assert "event_soon/en_US" in heard["text"]
        assert "rejected" in heard["text"]
        second = (await known(notifier))["synced_at"]
        assert second > first
        clock.write_text(json.dumps({"offset_seconds": 3 * ASK_AFTER.total_seconds()}))
        while (await known(notifier))["synced_at"] <= second:
            await asyncio.sleep(0.05)
    assert len(await admin.heard()) == 1


async def test_what_a_refusal_tells_is_known_at_once_and_asked_about(
    stage: Stage, tmp_path: Path
) -> None:
    clock = tmp_path / "clock.json"
    clock.write_text('{"offset_seconds": 0}')
    ann = await stage.person("whatsapp")
    async with running(settings(stage, turnout_clock_file=clock)) as notifier:
        await known(notifier, not_approved=[])
        await change(stage, "paused")
        assert await remind(stage, ann) == ("failed", "whatsapp-132015")
        assert await remind(stage, ann) == ("suppressed", "template-not-approved")
        assert len(await stage.calls(method="messages")) == 1
        await change(stage, "approved")
        clock.write_text(json.dumps({"offset_seconds": ASK_AFTER.total_seconds()}))
        await known(notifier, not_approved=[])
        assert (await remind(stage, ann))[0] == "accepted"


async def test_as_long_as_meta_does_not_tell_a_template_is_tried(stage: Stage) -> None:
    await stage.fault("unauthorized", "whatsapp", endpoint="message_templates", seconds=60)
    ann = await stage.person("whatsapp")
    async with running(settings(stage)) as notifier:
        assert (await remind(stage, ann))[0] == "accepted"
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            details = (await notifier.get("/health")).json()["templates"]
            refusal = details.get(WABA_ID, {}).get("refusal")
            if refusal:
                break
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert "set WHATSAPP_TOKEN" in refusal


async def test_no_more_new_people_are_written_to_than_the_tier_allows(stage: Stage) -> None:
    tier = Tier(portfolio=PHONE_ID, recipients=1)
    await provision(stage.client.jetstream(), TEST_RINGS, tiers=[tier])
    ann, bob, cy = [await stage.person("whatsapp") for _ in range(3)]
    async with running(settings(stage, whatsapp_recipients_per_day=1)):
        for _ in range(2):  # whom we have written to counts once
            assert (await remind(stage, ann))[0] == "accepted"
        long_ago = datetime.now(UTC) - YESTERDAY
        news = await stage.send(bob, heard_at=long_ago, priority="bulk", template=SOON)
        assert (await stage.result(news)).reason == "tier-limit"
        # Whoever writes is no new person.
        assert (await stage.result(await stage.send(bob))).status == "accepted"
        soon = datetime.now(UTC) + timedelta(seconds=2)
        await stage.send(
            cy, heard_at=long_ago, priority="transactional", template=SOON, expires_at=soon
        )
        while not (await stage.client.jetstream().stream_info("PARKED")).state.messages:
            await asyncio.sleep(0.02)
    assert await cy.heard() == []
    await stage.client.jetstream().delete_stream(tier.stream)


async def test_one_of_several_replicas_asks(stage: Stage) -> None:
    before = len(await stage.calls(method="message_templates"))
    async with running(settings(stage)) as one, running(settings(stage)) as other:
        assert await known(one) == await known(other)
    assert len(await stage.calls(method="message_templates")) == before + 1


async def test_whom_a_message_would_reach_is_counted(stage: Stage) -> None:
    people = [await stage.person("whatsapp") for _ in range(3)]
    async with running(settings(stage)) as notifier:
        await known(notifier)
        # The notifier knows of each what came with the messages to them.
        await remind(stage, people[0])
        await stage.result(await stage.send(people[1]))
        blocked = await stage.person("telegram")
        await blocked.does("block")
        await stage.result(await stage.send(blocked))
        addresses = tuple(person.address for person in (*people, blocked))
        strangers = tuple(whatsapp_address(f"1650555{n:04}") for n in range(400))

        async def count(**asked: Any) -> ReachAnswer:
            query = CountReachable(addresses=addresses + strangers, **asked)
            answer = await stage.client.request(
                query.subject, query.model_dump_json().encode(), timeout=10
            )
            return ReachAnswer.model_validate_json(answer.data)

        assert await count() == ReachAnswer(reachable=1, blocked=1, window_closed=402)
        assert await count(template="event_soon") == ReachAnswer(reachable=403, blocked=1)
        await change(stage, "paused")
        assert await remind(stage, people[0]) == ("failed", "whatsapp-132015")
        assert (await count(template="event_soon")).no_template == 402
        assert (await count(template="event_soon", language="ru")).reachable == 403


def test_the_document_of_an_account_is_read_as_it_was_written() -> None:
    account = Account(synced_at=NOON, approvals={"a/ru": Approval(status="paused")})
    assert Account.model_validate_json(account.model_dump_json(exclude_defaults=True)) == account
