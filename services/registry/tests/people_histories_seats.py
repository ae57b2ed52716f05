"""What no command may do to seats and lines, judged from the tables before and after it."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from people_histories_house import Row, Rows
from registry_house import TICKETS

from contracts import (
    AcceptOffer,
    AcceptTransfer,
    AddRegistration,
    CancelRegistration,
    CheckIn,
    ClaimSeat,
    Command,
    DisownLink,
    DropTransfer,
    ForgetPerson,
    MoveRegistration,
    OfferTransfer,
    PassOnSeats,
    ProveEmail,
    UndoCheckIn,
)

HOLDING = frozenset({"confirmed", "held", "offered"})
HELD_SHARE = 0.1


@dataclass(frozen=True)
class Happening:
    """One command and what it has changed."""

    command: Command
    before: Rows
    after: Rows
    askers: frozenset[UUID]
    """Who asked, before and after; and of a proof, everybody who turned out to be one person."""
    now: datetime
    proof_by_email: bool


def judge_seats(it: Happening) -> None:
    """Everything about seats, after every command."""
    for event_id, event in it.after.events.items():
        rows = [row for row in it.after.registrations.values() if row["event_id"] == event_id]
        _judge_counters(event, rows)
        _judge_rows(it, rows)
        waiting = [row for row in rows if row["status"] == "waiting"]
        if event["status"] == "published" and event["date_time"] > it.now:
            free = event["max_participants"] - event["taken"]
            assert not (waiting and free > 0), "a free seat beside somebody who waits"
        _judge_more_held(it, event)
        _judge_line(it, event_id, waiting)
    for was, row in _changed(it):
        assert was is None or row["event_id"] == was["event_id"]
        how = _how(was, row)
        may = _MAY.get(how, _may_change_details) if was is not None else _IS_NEW[how]
        assert may(it, was, row), f"{type(it.command).__name__} did {how}"
    assert it.before.registrations.keys() <= it.after.registrations.keys(), "a row is gone"


def _judge_counters(event: Row, rows: list[Row]) -> None:
    count = Counter(row["status"] for row in rows)
    taken = sum(count[status] for status in HOLDING)
    assert event["taken"] == taken, "taken"
    for counter in ("held", "offered", "waiting"):
        assert event[counter] == count[counter], counter
    assert event["checked_in"] == sum(row["checked_in_at"] is not None for row in rows)
    assert event["over_by"] == max(0, taken - event["max_participants"]), "over_by"
    assert event["queue_last"] == max((row["queue_number"] or 0 for row in rows), default=0)


def _judge_rows(it: Happening, rows: list[Row]) -> None:
    active = [row["user_id"] for row in rows if row["status"] != "cancelled"]
    assert len(set(active)) == len(active), "two registrations of one person"
    places = [_place(row) for row in rows if row["status"] == "waiting"]
    assert len(set(places)) == len(places), "two people in one place"
    for row in rows:
        is_seat = row["status"] == "confirmed"
        is_forgotten = it.after.users[row["user_id"]]["forgotten_at"] is not None
        ticket = TICKETS.issue(row["id"]) if is_seat and not is_forgotten else None
        assert row["ticket"] == ticket, "ticket"
        assert not is_forgotten or row["name"] == "", "a name of who was forgotten"
        assert is_seat or (row["checked_in_at"] is None and row["transfer_to"] is None)
        assert (row["status"] == "cancelled") == (row["end_reason"] is not None)


def _judge_more_held(it: Happening, event: Row) -> None:
    was = it.before.events.get(event["id"])
    if was is not None and event["held"] > was["held"]:
        most = max(1, int(event["max_participants"] * HELD_SHARE))
        assert event["held"] <= most, "more seats held than may be"
        assert event["over_by"] == 0, "held above the capacity"


def _judge_line(it: Happening, event_id: UUID, waiting: list[Row]) -> None:
    still = [row for row in waiting if _was(it, row) == "waiting"]
    for row in still:
        was = it.before.registrations[row["id"]]
        moved = isinstance(it.command, MoveRegistration) and _is_named(it, row)
        assert moved or _place(row) == _place(was), "another place in line"
    for row in it.after.registrations.values():
        if row["event_id"] != event_id:
            continue
        if row["status"] == "offered" != _was(it, row):
            assert all(_place(row) < _place(other) for other in still), "somebody was passed"
        if _was(it, row) is None and row["status"] in ("confirmed", "held"):
            got_it = isinstance(it.command, AcceptTransfer)
            assert got_it or not waiting, "a newcomer passed the line"
        if _was(it, row) is None and row["status"] == "waiting":
            assert all(_place(row) >= _place(other) for other in waiting), "not at the end"


def _place(row: Row) -> tuple[int, int]:
    return -row["priority"], row["queue_number"]


def _was(it: Happening, row: Row) -> str | None:
    was = it.before.registrations.get(row["id"])
    return None if was is None else was["status"]


def _changed(it: Happening) -> Iterator[tuple[Row | None, Row]]:
    for key, row in it.after.registrations.items():
        was = it.before.registrations.get(key)
        if was is None or dict(was) != dict(row):
            yield was, row


def _how(was: Row | None, row: Row) -> str:
    """What has become of a registration, in a word or two."""
    if was is None:
        return f"new {row['status']}"
    if was["status"] != row["status"]:
        end = row["end_reason"]
        return f"end {end}" if end else f"{was['status']} {row['status']}"
    return "other " + " ".join(sorted(_other(was, row)))


def _other(was: Row, row: Row) -> set[str]:
    """The columns that have another value."""
    return {column for column, value in row.items() if value != was[column]}


def _is_named(it: Happening, row: Row) -> bool:
    return bool(getattr(it.command, "registration_id", None) == row["id"])


def _own(it: Happening, row: Row) -> bool:
    return row["user_id"] in it.askers


def _given_up(it: Happening, was: Row | None, row: Row) -> bool:
    return (
        isinstance(it.command, CancelRegistration)
        and it.command.address is not None
        and _is_named(it, row)
        and _own(it, row)
    )


def _taken(it: Happening, was: Row | None, row: Row) -> bool:
    assert was is not None
    by_owner = isinstance(it.command, ClaimSeat | AcceptOffer) and _own(it, row)
    if by_owner:
        assert was["offer_expires_at"] > it.now, "an offer that had run out"
        assert _is_proven(it, row) == (row["status"] == "confirmed"), "proven or not"
    return by_owner or _moved(it, was, row)


def _is_proven(it: Happening, row: Row) -> bool:
    return not it.proof_by_email or it.after.users[row["user_id"]]["email"] is not None


def _moved(it: Happening, was: Row | None, row: Row) -> bool:
    return isinstance(it.command, MoveRegistration) and _is_named(it, row)


def _ran_out(it: Happening, was: Row | None, row: Row) -> bool:
    assert was is not None
    assert (was["offer_expires_at"] or was["hold_expires_at"]) <= it.now, "it had not run out"
    assert was["status"] == "offered" or not _is_proven(it, row), "a hold of who has proven"
    asked = isinstance(it.command, ClaimSeat | AcceptOffer) and _own(it, row)
    return asked or isinstance(it.command, PassOnSeats)


def _left(it: Happening, was: Row | None, row: Row) -> bool:
    took_another = isinstance(it.command, AcceptTransfer) and _own(it, row)
    return took_another or _given_up(it, was, row)


def _is_new(it: Happening, was: Row | None, row: Row) -> bool:
    if isinstance(it.command, ClaimSeat):
        proven = _is_proven(it, row)
        assert row["status"] == "waiting" or proven == (row["status"] == "confirmed")
        return _own(it, row)
    return isinstance(it.command, AddRegistration) and row["status"] != "held"


def _proven_now(it: Happening, was: Row | None, row: Row) -> bool:
    """A held seat becomes theirs."""
    assert was is not None
    if isinstance(it.command, MoveRegistration):
        return _is_named(it, row)
    by_owner = isinstance(it.command, ProveEmail | ClaimSeat | AcceptOffer) and _own(it, row)
    return (by_owner or isinstance(it.command, PassOnSeats)) and (
        isinstance(it.command, ProveEmail) or _is_proven(it, row)
    )


def _merged(it: Happening, was: Row | None, row: Row) -> bool:
    assert was is not None
    doubled = [
        other
        for other in it.before.registrations.values()
        if other["event_id"] == was["event_id"]
        and other["user_id"] in it.askers
        and other["status"] != "cancelled"
    ]
    assert was in doubled, "not theirs"
    assert min(doubled, key=_worth)["id"] != row["id"], "the better one has ended"
    return isinstance(it.command, ProveEmail)


def _worth(row: Row) -> tuple[int, datetime, UUID]:
    ranks = ("confirmed", "held", "offered", "waiting")
    rank = -1 if row["checked_in_at"] else ranks.index(row["status"])
    return rank, row["created_at"], row["id"]


def _forgotten(it: Happening, was: Row | None, row: Row) -> bool:
    event = it.before.events[row["event_id"]]
    assert event["date_time"] > it.now, "what lies behind stays as a number"
    return isinstance(it.command, ForgetPerson) and _own(it, row)


def _may_change_details(it: Happening, was: Row | None, row: Row) -> bool:
    assert was is not None
    if was["status"] == row["status"] and isinstance(it.command, ProveEmail | DisownLink):
        return _changed_hands(it, was, row)
    if was["status"] == row["status"] and isinstance(it.command, ForgetPerson):
        theirs = _other(was, row) <= {"name", "ticket"} and _own(it, row)
        return theirs or (_other(was, row) == _PROMISE and was["transfer_to"] in it.askers)
    by_owner = isinstance(it.command, OfferTransfer)
    mine = was["transfer_to"] in it.askers if isinstance(it.command, DropTransfer) else False
    return (
        was["status"] == row["status"]
        and _is_named(it, row)
        and _other(was, row) <= _DETAILS.get(type(it.command), frozenset())
        and (not by_owner or _own(it, row))
        and (not isinstance(it.command, DropTransfer) or mine or _own(it, row))
    )


def _changed_hands(it: Happening, was: Row, row: Row) -> bool:
    """Whose it is was seen to with the people; a promise goes with who it was made to."""
    other = _other(was, row) - {"user_id"}
    promised = was["transfer_to"] in it.askers and (
        row["transfer_to"] is None or row["transfer_to"] in it.askers
    )
    return not other or (other <= _PROMISE and promised and isinstance(it.command, ProveEmail))


_PROMISE = frozenset({"transfer_to", "transfer_expires_at"})
_ENTRY = frozenset({"checked_in_at", "checked_in_by"})
_DETAILS: dict[type[Command], frozenset[str]] = {
    OfferTransfer: _PROMISE,
    DropTransfer: _PROMISE,
    CheckIn: _ENTRY,
    UndoCheckIn: _ENTRY,
    MoveRegistration: frozenset({"priority", "queue_number", "offer_expires_at"}),
}
"""What a command may change of a registration that stays what it is."""

May = Callable[[Happening, Row | None, Row], bool]

_IS_NEW: dict[str, May] = {
    "new confirmed": lambda it, was, row: (
        _is_new(it, was, row) or (isinstance(it.command, AcceptTransfer) and _own(it, row))
    ),
    "new waiting": _is_new,
    "new held": _is_new,
}
_MAY: dict[str, May] = {
    "waiting offered": lambda _it, _was, _row: True,
    "offered confirmed": _taken,
    "offered held": _taken,
    "held confirmed": _proven_now,
    "held waiting": _moved,
    "held offered": _moved,
    "end merged": _merged,
    "end forgotten": _forgotten,
    "end unproven": _ran_out,
    "waiting confirmed": _moved,
    "confirmed waiting": _moved,
    "offered waiting": _moved,
    # To the line, and from there to its own seat again.
    "confirmed offered": _moved,
    "end given-back": _given_up,
    "end declined": _given_up,
    "end left": _left,
    "end organiser": lambda it, _was, row: (
        isinstance(it.command, CancelRegistration)
        and it.command.address is None
        and _is_named(it, row)
    ),
    "end expired": _ran_out,
    "end transferred": lambda it, _was, row: (
        isinstance(it.command, AcceptTransfer) and _is_named(it, row)
    ),
}
"""Who may do what to a registration that was there."""
