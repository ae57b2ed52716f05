"""How a person can be reached, the best way first."""

from uuid import UUID

from sqlalchemy import and_, false, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Address, Recipient
from contracts.topology import MAIL_ACCOUNT
from registry.delivery_tables import Reachability
from registry.tables import IdentityRow


async def ways_to(
    connection: AsyncConnection, user_id: UUID, email: str | None, *, marketing: bool
) -> tuple[Recipient, ...]:
    """Where a person can be written to: the messenger used last, the other one, e-mail.

    One way of each kind, so that nobody is told the same twice because of two bots. Of ways where
    nothing can be said any more one stays if there is no other: the notifier then says why.

    Args:
        connection: where to look.
        user_id: the person.
        email: the address that the person has proven to be theirs.
        marketing: an organiser's own words. Who has stopped those on one way gets them on none:
            another way would go round their wish.
    """
    blocked = func.coalesce(Reachability.blocked, false()).label("blocked")
    stopped = func.coalesce(Reachability.marketing_stopped, false()).label("stopped")
    rows = await connection.execute(
        select(IdentityRow.platform, IdentityRow.account, IdentityRow.chat_id, blocked, stopped)
        .outerjoin(
            Reachability,
            and_(
                Reachability.platform == IdentityRow.platform,
                Reachability.account == IdentityRow.account,
                Reachability.chat_id == IdentityRow.chat_id,
            ),
        )
        .where(IdentityRow.user_id == user_id)
        .order_by(
            blocked,
            IdentityRow.updated_at.desc(),
            IdentityRow.platform,
            IdentityRow.account,
            IdentityRow.chat_id,
        )
    )
    found: list[tuple[Recipient, bool]] = []
    for row in rows.mappings():
        way = Recipient(address=Address(**{key: row[key] for key in _ADDRESS}))
        if marketing and row["stopped"]:
            return (way,)
        found.append((way, row["blocked"]))
    if email is not None:
        mail = mail_to(user_id, email)
        by_mail = mail.address
        shut = await connection.scalar(
            select(Reachability.blocked).where(
                Reachability.platform == by_mail.platform,
                Reachability.account == by_mail.account,
                Reachability.chat_id == by_mail.chat_id,
            )
        )
        found.append((mail, bool(shut)))
    ways: dict[str, Recipient] = {}
    for way, is_closed in found:
        if not is_closed:
            ways.setdefault(way.address.platform, way)
    return tuple(ways.values()) or tuple(way for way, _ in found[:1])


_ADDRESS = ("platform", "account", "chat_id")


def mail_to(user_id: UUID, email: str) -> Recipient:
    """A person's mailbox. The chat is the person's id: the address stays out of subjects."""
    return Recipient(
        address=Address(platform="email", account=MAIL_ACCOUNT, chat_id=str(user_id)),
        email_to=email,
    )
