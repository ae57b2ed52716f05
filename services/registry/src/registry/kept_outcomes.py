"""What the row of a handled command keeps of its outcome, and how the whole is had again.

A row outlasts the wish to be forgotten, so it holds nothing of a person: ids, times, counts,
reasons, and of an event what everybody may read. The rest is left out when it is written, and put
back when somebody repeats the command or asks what became of it:

| of an outcome | in the row | put back from |
|---|---|---|
| the answer to a chat (`CommandOutcome`) | id, time | the result, and the command's own address |
| a registration's name | empty | the registration; empty for who was forgotten |
| its ticket | empty, or none | its id, which a ticket signs; none for who was forgotten |
| `CheckedIn`: which scanner was first | empty | the registration, if it is still that check-in |
| what a person is called who has proven an address | empty, or none | the person |
| what a token is called | empty | the token |
| a webhook's address and description | empty | the webhook |
| an event's title, description and place | as they were then | |
| other results: ids, times, counts, reasons | as they are | |
| facts, `NoticeDue`, commands that a tick owes: ids only | as they are | |
| that a chat is to be purged (`Unkept`) | not at all | `forgettings` |

So a repetition says the same to the letter, whatever has happened to the registration since; only
what was forgotten is not said again. A test goes through every text that a result can hold.

Rows of a release before this form hold everything, and are said again as they are until retention
ends them. No migration takes it out of them: old processes run on while a release starts, and could
no longer answer what they have carried out. A row of this form that answers a chat is unreadable to
such a process: it fails and has the command delivered again, and never answers by half. Rows of
commands that came from no chat it reads as its own.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    Command,
    EmailProven,
    RegistrationCard,
    SeatClaimed,
    SeatHeld,
    SeatTransferred,
    TransferOffered,
    WaitingListed,
)
from contracts.model import Value
from registry import purges
from registry.access_results import TokenWritten, WebhookWritten
from registry.access_tables import ApiToken, Webhook
from registry.bulk import one_of
from registry.forgetting_results import PeopleTended
from registry.results import Answer, CheckedIn, Newest, Result, Said, Stored, Unkept
from registry.tables import Base, Registration, User
from registry.tickets import Tickets


class KeptAnswer(Value):
    """The answer to a chat, without the chat and without what it says."""

    id: UUID
    occurred_at: AwareDatetime


class Kept(Value):
    """The outcome in the row of a handled command."""

    result: Result
    """With empty texts where something was left out."""
    newest: tuple[Newest, ...] = ()
    messages: tuple[Said | KeptAnswer, ...] = ()
    """In the order in which they are published."""
    named: UUID | None = None
    """Whose name was left out of the result, where no registration has it."""


def keep(stored: Stored) -> str:
    """An outcome as its row keeps it, as JSON."""
    return Kept(
        result=_without_people(stored.result),
        newest=stored.newest,
        messages=tuple(
            KeptAnswer(id=said.id, occurred_at=said.occurred_at)
            if isinstance(said, Answer)
            else said
            for said in stored.messages
            if not isinstance(said, Unkept)
        ),
        named=stored.named,
    ).model_dump_json()


_OF_SEAT = (SeatClaimed, SeatHeld, WaitingListed, TransferOffered, SeatTransferred)


def _without_people(result: Result) -> Result:
    if isinstance(result, _OF_SEAT):
        return result.model_copy(update={"registration": _blank(result.registration)})
    match result:
        case EmailProven():
            blank = {
                "name": None if result.name is None else "",
                "registrations": tuple(map(_blank, result.registrations)),
            }
            return result.model_copy(update=blank)
        case CheckedIn(by=str()):
            return result.model_copy(update={"by": ""})
        case TokenWritten(token=token):
            return TokenWritten(token=token.model_copy(update={"name": ""}))
        case WebhookWritten(webhook=webhook):
            texts = {"url": "", "description": ""}
            return WebhookWritten(webhook=webhook.model_copy(update=texts))
    return result


def _blank(card: RegistrationCard) -> RegistrationCard:
    return card.model_copy(update={"name": "", "ticket": None if card.ticket is None else ""})


_READ: dict[type[Base], Select[*tuple[Any, ...]]] = {
    Registration: select(
        Registration.id, Registration.name, Registration.checked_in_at, Registration.checked_in_by
    ).where(one_of(Registration.id, "ids")),
    User: select(User.id, User.name).where(one_of(User.id, "ids")),
    ApiToken: select(ApiToken.id, ApiToken.name).where(one_of(ApiToken.id, "ids")),
    Webhook: select(Webhook.id, Webhook.url, Webhook.description).where(one_of(Webhook.id, "ids")),
}


async def put_back(
    connection: AsyncConnection, kept: Sequence[Kept], tickets: Tickets | None
) -> list[Result]:
    """Results as they were before what is of a person was left out of them.

    One statement for each table that something is missing from: for commands of one event, one in
    all; for results from which nothing was left out, none.

    Args:
        connection: where to look.
        kept: as rows keep them, also of an older form.
        tickets: signs anew what was signed; None leaves tickets out, for who is shown none.
    """
    wanted: dict[type[Base], set[UUID]] = defaultdict(set)
    for one in kept:
        for table, key in _sources(one):
            wanted[table].add(key)
    rows: dict[UUID, Any] = {}
    for table, ids in wanted.items():
        found = await connection.execute(_READ[table], {"ids": list(ids)})
        rows |= {row.id: row for row in found}
    return [_filled(one, rows, tickets) for one in kept]


def _sources(kept: Kept) -> Iterator[tuple[type[Base], UUID]]:
    """The rows that have what is missing of a result; none when nothing is."""
    result = kept.result
    if isinstance(result, _OF_SEAT):
        if not result.registration.name:
            yield Registration, result.registration.id
        return
    match result:
        case EmailProven():
            for card in result.registrations:
                if not card.name:
                    yield Registration, card.id
            if result.name == "" and kept.named is not None:
                yield User, kept.named
        case CheckedIn(by="", registration_id=registration_id):
            yield Registration, registration_id
        case TokenWritten(token=token) if not token.name:
            yield ApiToken, token.id
        case WebhookWritten(webhook=webhook) if not webhook.url:
            yield Webhook, webhook.id


def _filled(kept: Kept, rows: Mapping[UUID, Any], tickets: Tickets | None) -> Result:
    result = kept.result
    if isinstance(result, _OF_SEAT):
        card = _card(result.registration, rows, tickets)
        return result.model_copy(update={"registration": card})
    match result:
        case EmailProven():
            name = result.name
            if name == "":
                # Who is forgotten has no name any more, and who is a part of somebody no row.
                row = rows.get(kept.named) if kept.named is not None else None
                name = row.name or None if row is not None else None
            cards = tuple(_card(card, rows, tickets) for card in result.registrations)
            return result.model_copy(update={"name": name, "registrations": cards})
        case CheckedIn(by=""):
            row = rows.get(result.registration_id)
            if row is None or row.checked_in_at != result.at:
                return result.model_copy(update={"by": None})
            return result.model_copy(update={"by": row.checked_in_by})
        case TokenWritten(token=token) if token.id in rows:
            named = token.model_copy(update={"name": rows[token.id].name})
            return TokenWritten(token=named)
        case WebhookWritten(webhook=webhook) if webhook.id in rows:
            row = rows[webhook.id]
            texts = {"url": row.url, "description": row.description}
            return WebhookWritten(webhook=webhook.model_copy(update=texts))
    return result


def _card(
    card: RegistrationCard, rows: Mapping[UUID, Any], tickets: Tickets | None
) -> RegistrationCard:
    if card.name:
        return card
    name = rows[card.id].name if card.id in rows else ""
    ticket = None
    if card.ticket is not None and name and tickets is not None:
        ticket = tickets.issue(card.id)
    return card.model_copy(update={"name": name, "ticket": ticket})


async def say_again(
    connection: AsyncConnection,
    kept: Sequence[tuple[Command, Kept]],
    tickets: Tickets,
) -> dict[UUID, Stored]:
    """The whole outcomes of commands that are repeated, by the commands' ids."""
    results = await put_back(connection, [one for _, one in kept], tickets)
    again = {
        command.id: await purges.say_again(connection, result, command.correlation_id)
        for (command, _), result in zip(kept, results, strict=True)
        if isinstance(result, PeopleTended)
    }
    return {
        command.id: Stored(
            result=result,
            newest=one.newest,
            messages=tuple(
                Answer.to(command, result, id=said.id, at=said.occurred_at)
                if isinstance(said, KeptAnswer)
                else said
                for said in one.messages
            )
            + again.get(command.id, ()),
            named=one.named,
        )
        for (command, one), result in zip(kept, results, strict=True)
    }
