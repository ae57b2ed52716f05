"""What time asks the registry for: ticks of the scheduler, and what they find due."""

from typing import ClassVar

from pydantic import AwareDatetime

from contracts.commands import AboutEvent, Command


class SendDueReminders(Command):
    """A tick: say which reminders are due by `due_at`; its id is derived from that time."""

    subject: ClassVar[str] = "command.send-due-reminders.tick"

    due_at: AwareDatetime


class TendEvents(Command):
    """A tick: find the events where an offer ran out, a seat is free for somebody who waits, or
    that are over; each gets a command of its own.
    """

    subject: ClassVar[str] = "command.tend-events.tick"

    due_at: AwareDatetime


class PassOnSeats(AboutEvent):
    """End the offers that ran out, and offer every free seat to the first who wait."""

    subject: ClassVar[str] = "command.pass-on-seats.{event_id}"


class FinishEvent(AboutEvent):
    """The event is over: nothing about it changes any more."""

    subject: ClassVar[str] = "command.finish-event.{event_id}"


class SweepInvariants(Command):
    """A tick: see whether counters, rows and promises agree."""

    subject: ClassVar[str] = "command.sweep-invariants.tick"

    due_at: AwareDatetime


class FeedMessages(Command):
    """A tick: hand over the next recipients of organisers' messages, as many as can be sent soon;
    stop what fails too often, and close what is done.
    """

    subject: ClassVar[str] = "command.feed-messages.tick"

    due_at: AwareDatetime
