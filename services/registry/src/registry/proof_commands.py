"""A code is asked for, and typed.

Nothing here tells whether anybody has an address: the chat was told that a code is on its way
before this is carried out, every wish makes a row that is guessed at and counted the same, and only
who reads the code learns more.
"""

from collections.abc import Sequence
from datetime import timedelta

from contracts import (
    Address,
    CodeRefused,
    NoticeToPersonDue,
    ProveEmail,
    RequestCode,
    derived_id,
)
from contracts.people import CODE_MINUTES
from registry import proof_store
from registry.joining import join
from registry.people import find_people, find_person
from registry.proof_results import CodeRequested
from registry.proof_store import Proof
from registry.results import Said, Stored, answer
from registry.work import Work

CODE_TIME = timedelta(minutes=CODE_MINUTES)


async def request_code(work: Work, command: RequestCode) -> Stored:
    """Somebody wants to show that they read an address."""
    email = proof_store.normal_form(command.email)
    found = await find_people(work.connection, {command.chat: command.occurred_at})
    chat = found.homes[command.chat]
    await proof_store.lock_wishes(work.connection, email, chat)
    left = await proof_store.codes_left(work.connection, email, chat, work.now)
    if left is None:
        return Stored(result=CodeRequested(sent=0, within_limits=False))
    by_email = command.by == "email" and work.proof_by_email
    common = chat.model_dump() | {
        "request_id": command.id,
        "email": email,
        # Where enough have been sent there is nobody who could read one more.
        "by_email": by_email and left > 0,
        "language": command.language,
        "created_at": work.now,
        "expires_at": work.now + CODE_TIME,
    }
    if by_email:
        readers: list[dict[str, object]] = [{}] if left else []
    else:
        found_readers = await proof_store.readers(
            work.connection, email, chat, only_proven=work.proof_by_email
        )
        readers = [reader.columns() for reader in found_readers[:left]]
    sent = len(readers)
    # Where nobody can read it there is a row all the same, for guesses to be counted at.
    rows = [
        common | reader | {"id": derived_id(command.id, f"proof:{number}")}
        for number, reader in enumerate(readers or [{}])
    ]
    await proof_store.write_proofs(work.connection, rows)
    return Stored(
        result=CodeRequested(sent=sent, within_limits=left > 0),
        messages=tuple(_due(work, command, number) for number in range(sent)),
    )


def _due(work: Work, command: RequestCode, number: int) -> Said:
    proof_id = derived_id(command.id, f"proof:{number}")
    return Said.of(
        NoticeToPersonDue(
            id=derived_id(command.id, f"code:{number}"),
            occurred_at=work.now,
            correlation_id=command.correlation_id,
            kind="code",
            about=proof_id,
            recipient=proof_id,
            expires_at=work.now + CODE_TIME,
        )
    )


async def prove_email(work: Work, command: ProveEmail) -> Stored:
    """Somebody types a code: the right one counts once; a wrong one is a try less for each."""
    found = await find_people(work.connection, {command.address: command.occurred_at})
    chat = found.homes[command.address]
    live = await proof_store.lock_live(work.connection, chat, work.now)
    proof = _proven(work, live, command.code)
    if proof is None:
        refused = await _refuse(work, chat, live)
        return Stored(result=refused, messages=answer(command, refused, work.now))
    await proof_store.use(work.connection, proof, chat, work.now)
    target, email = (None, proof.email) if proof.by_email else (proof.target_user_id, None)
    result, said = await join(work, command, target=target, email=email)
    return Stored(
        result=result,
        messages=answer(command, result, work.now) + said,
        named=await find_person(work.connection, command.address, command.occurred_at),
    )


def _proven(work: Work, live: Sequence[Proof], typed: str) -> Proof | None:
    # All are compared, and also those that nobody can know, so that it takes as long.
    right = [proof for proof in live if work.codes.is_code(proof.id, typed)]
    return next((proof for proof in right if proof.can_be_read), None)


async def _refuse(work: Work, chat: Address, live: Sequence[Proof]) -> CodeRefused:
    if live:
        tries_left = await proof_store.count_try(work.connection, live)
        return CodeRefused(reason="wrong" if tries_left else "too-many", tries_left=tries_left)
    if await proof_store.is_exhausted(work.connection, chat, work.now):
        return CodeRefused(reason="too-many")
    return CodeRefused(reason="expired")
