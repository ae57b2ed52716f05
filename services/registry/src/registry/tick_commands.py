"""What the scheduler asks for."""

from contracts import NoticeDue, SendDueReminders, derived_id
from registry.notice_store import DueNotice, take_due
from registry.results import NoticesHandedOver, Said, Stored
from registry.work import Work

NOTICES_PER_TICK_MAX = 500
"""An outcome holds at most 500 messages; what is left is taken by the next tick (design § 3.3)."""


async def send_due_reminders(work: Work, command: SendDueReminders) -> Stored:
    """Everybody whose time has come is told once; what came too late is dropped with a note."""
    taken = await take_due(work.connection, command.due_at, work.now, NOTICES_PER_TICK_MAX)
    sent = [notice for notice in taken if not notice.dropped]
    return Stored(
        result=NoticesHandedOver(sent=len(sent), dropped=len(taken) - len(sent)),
        messages=tuple(Said.of(_due(work, command, notice)) for notice in sent),
    )


def _due(work: Work, command: SendDueReminders, notice: DueNotice) -> NoticeDue:
    return NoticeDue(
        # From what is said and not from the tick: whatever happens to ticks, it is said once.
        id=derived_id(notice.registration_id, f"{notice.kind}:{notice.event_version}"),
        occurred_at=work.now,
        correlation_id=command.correlation_id,
        kind=notice.kind,
        registration_id=notice.registration_id,
        event_id=notice.event_id,
        event_version=notice.event_version,
        expires_at=notice.expires_at,
    )
