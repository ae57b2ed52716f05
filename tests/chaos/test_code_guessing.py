"""Codes are guessed at over several registries at once, past everything that a chat would slow."""

import random
from collections import Counter
from uuid import UUID

import asyncpg
import nats
import pytest

from contracts import (
    Address,
    FindNoticeToPerson,
    NoticeToPersonAnswer,
    ProveEmail,
    RequestCode,
    Sender,
)
from contracts.people import CODE_DIGITS, CODE_TRIES_MAX
from devstack.rig import RegistryRig
from tests.chaos.judge import stream
from tests.chaos.registry_crowd import Crowd, person

REGISTRIES = 3
CHATS = 3
"""As many codes an hour go to one address."""
GUESSES = 40
COPIES = 12
EMAIL = "vera@example.org"
WITH_MAIL = {"PROOF_BY_EMAIL": "true"}
ASK_SECONDS_MAX = 10.0


def guess(crowd: Crowd, chat: Address, code: str) -> ProveEmail:
    return crowd.make(ProveEmail, "guess", address=chat, code=code, sender=Sender(), language="en")


async def codes(rig: RegistryRig, crowd: Crowd, chats: list[Address]) -> dict[Address, str]:
    """Each chat asks for a code; what the mailbox's owner reads for it."""
    asked: dict[UUID, Address] = {}
    for chat in chats:
        wish = crowd.make(RequestCode, "request", chat=chat, email=EMAIL, language="en")
        asked[wish.id] = chat
        await crowd.send(wish)
    await crowd.settled()
    due = [one for one in await stream(rig.nats_url, "EVENTS") if one.get("kind") == "code"]
    client = await nats.connect(rig.nats_url)
    found = {}
    try:
        for notice in due:
            query = FindNoticeToPerson(
                kind="code", about=notice["about"], recipient=notice["recipient"]
            )
            reply = await client.request(
                FindNoticeToPerson.subject,
                query.model_dump_json().encode(),
                timeout=ASK_SECONDS_MAX,
            )
            answer = NoticeToPersonAnswer.model_validate_json(reply.data)
            assert answer.code is not None
            found[asked[UUID(notice["correlation_id"])]] = answer.code
    finally:
        await client.close()
    return found


async def tries(database_url: str) -> list[int]:
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT tries FROM email_proofs ORDER BY tries")
    finally:
        await connection.close()
    return [row["tries"] for row in rows]


@pytest.mark.timeout(120)
async def test_of_many_guesses_at_once_five_are_looked_at_and_then_the_code_is_dead() -> None:
    chance = random.Random(1)
    async with (
        RegistryRig(processes=REGISTRIES, environment=WITH_MAIL) as rig,
        Crowd(rig.nats_url, connections=16) as crowd,
    ):
        chats = [person(number) for number in range(CHATS)]
        right = await codes(rig, crowd, chats)
        assert len(right) == CHATS
        wrong = [
            guess(crowd, chat, f"{number:0{CODE_DIGITS}d}")
            for chat in chats
            for number in chance.sample(range(10**CODE_DIGITS), GUESSES)
            if f"{number:0{CODE_DIGITS}d}" != right[chat]
        ]
        chance.shuffle(wrong)
        await crowd.send_all(wrong)
        await crowd.settled()
        answers = Counter(crowd.answer(one).outcome["reason"] for one in wrong)
        assert answers["wrong"] == CHATS * (CODE_TRIES_MAX - 1)
        assert answers["wrong"] + answers["too-many"] == len(wrong)
        assert await tries(rig.database_url) == [CODE_TRIES_MAX] * CHATS
        # Now each chat types the right one, and the others' too.
        late = [guess(crowd, chat, code) for chat in chats for code in right.values()]
        await crowd.send_all(late)
        await crowd.settled()
        assert {crowd.answer(one).kind for one in late} == {"code-refused"}


@pytest.mark.timeout(120)
async def test_the_right_code_typed_many_times_at_once_counts_once_and_in_its_chat_alone() -> None:
    """The control of the test above: where nobody has guessed, it is taken."""
    async with (
        RegistryRig(processes=REGISTRIES, environment=WITH_MAIL) as rig,
        Crowd(rig.nats_url, connections=16) as crowd,
    ):
        owner, thief = person(0), person(1)
        right = await codes(rig, crowd, [owner])
        mine = [guess(crowd, owner, right[owner]) for _ in range(COPIES)]
        others = [guess(crowd, thief, right[owner]) for _ in range(COPIES)]
        await crowd.send_all([*mine, *others])
        await crowd.settled()
        assert Counter(crowd.answer(one).kind for one in mine) == {
            "email-proven": 1,
            "code-refused": COPIES - 1,
        }
        assert {crowd.answer(one).kind for one in others} == {"code-refused"}
