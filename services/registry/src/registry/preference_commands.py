"""How a person wants to be written to."""

from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, update

from contracts import ChangePreferences
from registry.database import Raced
from registry.people import find_person
from registry.results import PreferencesChanged, Stored
from registry.tables import User
from registry.work import Work


async def change_preferences(work: Work, command: ChangePreferences) -> Stored:
    """Reminders and news off or on, or another language, for the person behind a chat.

    Of two wishes about the same thing the later said one stays, whichever is carried out first:
    commands of a chat may be sent again, days later, by an operator. A chat that nobody is known
    behind has nothing to change; its next claim carries the same wishes.
    """
    person = await find_person(work.connection, command.chat, command.occurred_at)
    if person is None:
        return Stored(result=PreferencesChanged(known=False))
    await _see_that_they_are_there(work, person)
    wishes: list[tuple[Any, dict[str, Any]]] = []
    if command.muted is not None:
        said = {"muted": command.muted, "muted_at": command.occurred_at}
        wishes.append((User.muted_at, said))
    if command.language is not None:
        said = {"language": command.language, "language_at": command.occurred_at}
        wishes.append((User.language_at, said))
    for last_said_at, said in wishes:
        await work.connection.execute(
            update(User)
            .where(
                User.id == person,
                or_(last_said_at.is_(None), last_said_at <= command.occurred_at),
            )
            .values(**said, updated_at=work.now)
        )
    return Stored(result=PreferencesChanged(known=True))


async def _see_that_they_are_there(work: Work, person: UUID) -> None:
    # Whoever has just become a part of another person has the other one's wishes.
    held = select(User.id).where(User.id == person).with_for_update(key_share=True)
    if await work.connection.scalar(held) is None:
        raise Raced("this chat has just become another person's")
