"""Random histories of a few people with several chats and mailboxes: steps, and the commands that
they become in the world as it is by then.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from hypothesis import strategies as st
from people_histories_house import CODES, PeopleHouse, Row, address_of

from contracts import (
    AcceptOffer,
    AcceptTransfer,
    AddRegistration,
    Address,
    CancelEvent,
    CancelRegistration,
    ChangeEvent,
    CheckIn,
    ClaimSeat,
    Command,
    Consent,
    CreateEvent,
    DisownLink,
    DropTransfer,
    EventDetails,
    ForgetPerson,
    MoveIdentity,
    MoveRegistration,
    OfferTransfer,
    ProveEmail,
    RequestCode,
    Sender,
    TendEvents,
    TendPeople,
    UndoCheckIn,
    Unlink,
    derived_id,
)

START = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
STARTS_IN = (timedelta(days=4), timedelta(hours=5), timedelta(days=30))
"""Of the first, the second and the third event."""
HISTORY = UUID(int=7)
BOXES = tuple(f"box{number}@example.org" for number in range(3))
"""Mailboxes. Anybody may type any of them."""

_TELEGRAM, _WHATSAPP = "123456", "106540352242922"
CHATS = tuple(
    Address(platform=platform, account=account, chat_id=chat_id)
    for platform, account, chat_id in (
        ("telegram", _TELEGRAM, "50001117770"),
        ("whatsapp", _WHATSAPP, "US.50001117771"),
        ("telegram", _TELEGRAM, "50001117772"),
        ("whatsapp", _WHATSAPP, "491577111777"),
        ("whatsapp", _WHATSAPP, "US.50001117774"),
        ("telegram", _TELEGRAM, "50001117775"),
    )
)
"""One of them is still known by its number, as chats from before scoped ids are."""


class Step(NamedTuple):
    """One thing that happens; numbers choose among what there is by then."""

    say: str
    who: int = 0
    pick: int = 0
    amount: int = 0
    wait_minutes: int = 0
    """What passes before it."""


class History(NamedTuple):
    """Everything that happens in one small world."""

    capacities: tuple[int, ...]
    """Of each event."""
    chats: int
    proof_by_email: bool
    steps: tuple[Step, ...]


class Author:
    """Makes commands of steps."""

    def __init__(self, house: PeopleHouse, history: History) -> None:
        self.house = house
        self.history = history
        self.events = [derived_id(HISTORY, f"event:{n}") for n in range(len(history.capacities))]
        self.said: list[Command] = []

    def opening(self) -> list[Command]:
        """The events, before anybody is there."""
        return [
            CreateEvent(
                **self.common(f"create:{number}"),
                event_id=event_id,
                details=EventDetails(
                    title=f"PyCon {number}",
                    starts_at=START + starts_in,
                    timezone="Europe/Berlin",
                    max_participants=capacity,
                    status="published",
                ),
            )
            for number, (event_id, capacity, starts_in) in enumerate(
                zip(self.events, self.history.capacities, STARTS_IN, strict=False)
            )
        ]

    def command(self, step: Step, say: str) -> Command | None:
        """What is said now; None when there is nothing that it could be about."""
        command = _SAYINGS[say](self, step)
        if command is not None and command not in self.said:
            self.said.append(command)
        return command

    def common(self, of: str | None = None) -> dict[str, Any]:
        mark = of or f"command:{len(self.said)}"
        return {
            "id": derived_id(HISTORY, mark),
            "occurred_at": self.house.now,
            "correlation_id": derived_id(HISTORY, f"{mark}:correlation"),
        }

    def chat(self, step: Step) -> Address:
        return CHATS[step.who % self.history.chats]

    def known_chat(self, step: Step) -> Address:
        """A chat that speaks for somebody; any in one of six cases."""
        known = sorted(self.house.rows.identities, key=str)
        return known[step.who % len(known)] if known and step.amount % 6 else self.chat(step)

    def registration(self, step: Step, *statuses: str) -> dict[str, Any]:
        """What every command has that names one: mostly one of these, sometimes any."""
        there = sorted(
            self.house.rows.registrations.values(), key=lambda row: (row["created_at"], row["id"])
        )
        fitting = [row for row in there if row["status"] in statuses]
        speaking = set(self.house.rows.identities.values())
        # Mostly of who can say something; organisers add others.
        can = [row for row in fitting if row["user_id"] in speaking]
        fitting = (can if step.amount % 6 else fitting) or fitting or there
        if not fitting:
            return self.common() | {"event_id": self.events[0], "registration_id": UUID(int=9)}
        row = fitting[step.pick % len(fitting)]
        return self.common() | {"event_id": row["event_id"], "registration_id": row["id"]}

    def owner(self, about: Mapping[str, Any], step: Step, column: str = "user_id") -> Address:
        """A chat of whoever has this; a stranger's in one of six cases."""
        row = self.house.rows.registrations.get(about["registration_id"])
        theirs = [
            chat
            for chat, person in sorted(self.house.rows.identities.items(), key=str)
            if row is not None and person == row[column]
        ]
        if theirs and step.amount % 6:
            return theirs[step.who % len(theirs)]
        return self.chat(step)


def _claim(author: Author, step: Step) -> Command:
    chat = author.chat(step)
    return ClaimSeat(
        **author.common(),
        event_id=author.events[step.pick % len(author.events)],
        address=chat,
        sender=Sender(),
        # Found nowhere else, so that it can be searched.
        name=f"Zoe-{len(author.said)}-said",
        email_claimed=BOXES[step.amount % len(BOXES)],
        language="en",
        registered_via=chat.platform,
        consent=Consent(
            text_version="1", language="en", at=author.house.now, channel=chat.platform
        ),
    )


def _cancel(author: Author, step: Step) -> Command:
    about = author.registration(step, "confirmed", "held", "waiting", "offered")
    by_organiser = step.amount % 7 == 6
    return CancelRegistration(
        **about,
        address=None if by_organiser else author.owner(about, step),
        by="token" if by_organiser else None,
        reason="no longer a member" if by_organiser else None,
    )


def _decline(author: Author, step: Step) -> Command:
    about = author.registration(step, "offered", "waiting")
    return CancelRegistration(**about, address=author.owner(about, step))


def _accept(author: Author, step: Step) -> Command:
    about = author.registration(step, "offered")
    return AcceptOffer(**about, address=author.owner(about, step))


def _promise(author: Author, step: Step) -> Command | None:
    about = author.registration(step, "confirmed")
    row = author.house.rows.registrations.get(about["registration_id"])
    proven = sorted(
        user["email"]
        for user in author.house.rows.users.values()
        if user["email"] and row is not None and user["id"] != row["user_id"]
    )
    if not proven and step.amount % 6:
        return None
    boxes = proven if proven and step.amount % 6 else BOXES
    to_email = boxes[step.who % len(boxes)].upper()
    return OfferTransfer(**about, address=author.owner(about, step), to_email=to_email)


def _promised(author: Author, step: Step) -> dict[str, Any] | None:
    rows = author.house.rows.registrations.values()
    promised = sorted((row for row in rows if row["transfer_to"]), key=lambda row: str(row["id"]))
    if not promised:
        return None
    row = promised[step.pick % len(promised)]
    return author.common() | {"event_id": row["event_id"], "registration_id": row["id"]}


def _take_promised(author: Author, step: Step) -> Command | None:
    if (about := _promised(author, step)) is None:
        return None
    return AcceptTransfer(**about, address=author.owner(about, step, "transfer_to"))


def _drop(author: Author, step: Step) -> Command | None:
    if (about := _promised(author, step)) is None:
        return None
    column = "transfer_to" if step.who % 2 else "user_id"
    return DropTransfer(**about, address=author.owner(about, step, column))


def _add(author: Author, step: Step) -> Command:
    return AddRegistration(
        **author.common(),
        event_id=author.events[step.pick % len(author.events)],
        name=f"Desk-{len(author.said)}-added",
        email_claimed=(None, *BOXES)[step.amount % (1 + len(BOXES))],
        by="token",
    )


def _move(author: Author, step: Step) -> Command:
    return MoveRegistration(
        **author.registration(step, "confirmed", "held", "waiting", "offered"),
        to="confirmed" if step.amount % 3 == 0 else "waiting",
        place="front" if step.amount % 3 == 1 else "end",
        reason="a speaker",
        by="token",
    )


def _check_in(author: Author, step: Step) -> Command:
    return CheckIn(**author.registration(step, "confirmed"), scanner="door 1")


def _undo(author: Author, step: Step) -> Command | None:
    rows = author.house.rows.registrations.values()
    inside = sorted((row for row in rows if row["checked_in_at"]), key=lambda row: str(row["id"]))
    if not inside:
        return None
    row = inside[step.pick % len(inside)]
    about = author.common() | {"event_id": row["event_id"], "registration_id": row["id"]}
    return UndoCheckIn(**about, reason="wrong person", by="token")


def _change(author: Author, step: Step) -> Command:
    row = author.house.rows.events[author.events[step.pick % len(author.events)]]
    return ChangeEvent(
        **author.common(),
        event_id=row["id"],
        expected_version=row["version"],
        details=EventDetails(
            title=row["title"],
            starts_at=row["date_time"],
            timezone=row["timezone"],
            max_participants=1 + step.amount % 5,
            status="published",
        ),
        by="token",
    )


def _call_off(author: Author, step: Step) -> Command:
    event_id = author.events[step.pick % len(author.events)]
    return CancelEvent(**author.common(), event_id=event_id, reason="rain")


def _move_identity(author: Author, step: Step) -> Command | None:
    on_whatsapp = [chat for chat in CHATS if chat.platform == "whatsapp"]
    to = on_whatsapp[step.who % len(on_whatsapp)]
    known = [chat for chat in on_whatsapp if chat in author.house.rows.identities]
    previous = (known or on_whatsapp)[step.pick % len(known or on_whatsapp)]
    return MoveIdentity(
        **author.common(),
        chat=to,
        previous=previous.chat_id,
        at=author.house.now,
        number_changed=step.amount % 2 == 1,
    )


def _request(by: Literal["email", "messenger"]) -> Callable[[Author, Step], Command]:
    def request(author: Author, step: Step) -> Command:
        email = BOXES[step.pick % len(BOXES)]
        return RequestCode(
            **author.common(), chat=author.chat(step), email=email, by=by, language="en"
        )

    return request


def _prove(author: Author, chat: Address, code: str) -> Command:
    return ProveEmail(
        **author.common(),
        address=chat,
        code=code,
        name=f"Zoe-{len(author.said)}-proven",
        sender=Sender(),
        language="en",
    )


def _proofs(author: Author, step: Step, *, of_asker: bool) -> list[Row]:
    """Codes that were asked for by whoever asks, or by others; the newest last."""
    asker = author.chat(step)
    found = (
        row for row in author.house.rows.proofs.values() if (address_of(row) == asker) is of_asker
    )
    return sorted(found, key=lambda row: (row["created_at"], row["id"]))


def _prove_right(author: Author, step: Step) -> Command | None:
    """The newest code, mostly; sometimes any that this chat ever asked for."""
    if not (proofs := _proofs(author, step, of_asker=True)):
        return None
    row = proofs[-1] if step.amount % 4 else proofs[step.amount % len(proofs)]
    return _prove(author, author.chat(step), CODES.digits(row["id"]))


def _prove_others(author: Author, step: Step) -> Command | None:
    """A code that another chat has asked for."""
    if not (proofs := _proofs(author, step, of_asker=False)):
        return None
    row = proofs[step.amount % len(proofs)]
    return _prove(author, author.chat(step), CODES.digits(row["id"]))


def _prove_wrong(author: Author, step: Step) -> Command:
    codes = {CODES.digits(row["id"]) for row in author.house.rows.proofs.values()}
    wrong = next(code for n in range(100) if (code := f"{n:06}") not in codes)
    return _prove(author, author.chat(step), wrong)


def _disown(author: Author, step: Step) -> Command | None:
    links = sorted(
        author.house.rows.links.values(), key=lambda row: (row["linked_at"], str(row["id"]))
    )
    if not links:
        return None
    row = links[step.pick % len(links)]
    theirs = [
        chat
        for chat, person in sorted(author.house.rows.identities.items(), key=str)
        if person == row["user_id"]
    ]
    asker = theirs[step.who % len(theirs)] if theirs and step.amount % 6 else author.chat(step)
    return DisownLink(**author.common(), address=asker, link_id=row["id"])


def _unlink(author: Author, step: Step) -> Command:
    return Unlink(**author.common(), address=author.known_chat(step))


def _forget(author: Author, step: Step) -> Command:
    return ForgetPerson(**author.common(), address=author.known_chat(step))


def _again(author: Author, step: Step) -> Command | None:
    """A command is delivered once more, which changes nothing."""
    return author.said[step.pick % len(author.said)] if author.said else None


_SAYINGS: Mapping[str, Callable[[Author, Step], Command | None]] = {
    "claim": _claim,
    "cancel": _cancel,
    "decline": _decline,
    "accept": _accept,
    "promise": _promise,
    "take-promised": _take_promised,
    "drop": _drop,
    "add": _add,
    "move": _move,
    "check-in": _check_in,
    "undo": _undo,
    "change": _change,
    "call-off": _call_off,
    "move-identity": _move_identity,
    "request-mail": _request("email"),
    "request-messenger": _request("messenger"),
    "prove-right": _prove_right,
    "prove-others": _prove_others,
    "prove-wrong": _prove_wrong,
    "unlink": _unlink,
    "disown": _disown,
    "forget": _forget,
    "again": _again,
    "tick": lambda author, _step: TendEvents(**author.common(), due_at=author.house.now),
    "tend-people": lambda author, _step: TendPeople(**author.common(), due_at=author.house.now),
}
_TOGETHER = {
    "link": ("request-mail", "prove-right"),
    "link-by-messenger": ("request-messenger", "prove-right"),
    "guess": ("request-mail", *("prove-wrong",) * 4, "prove-right"),
    # Whoever has proven an address may be handed a seat.
    "hand-on": ("request-mail", "prove-right", "promise", "take-promised"),
    "hand-on-in-vain": ("request-mail", "prove-right", "promise", "drop"),
    "time": ("tick", "tend-people"),
}
"""What mostly comes one after the other."""


def parts(step: Step) -> tuple[str, ...]:
    """What is said in this step, in order."""
    return _TOGETHER.get(step.say, (step.say,))


_OFTEN = {"claim": 12, "link": 10, "link-by-messenger": 6, "time": 5, "accept": 4, "cancel": 4}
_OFTEN |= {"hand-on": 10, "hand-on-in-vain": 3, "guess": 2}
_OFTEN |= dict.fromkeys(
    (
        "promise",
        "take-promised",
        "drop",
        "hand-on",
        "change",
        "disown",
        "forget",
        "move",
        "move-identity",
        "unlink",
    ),
    2,
)
SAID = tuple(say for say in (*_SAYINGS, *_TOGETHER) for _ in range(_OFTEN.get(say, 1)))
WAITS_MINUTES = (0, 0, 0, 0, 0, 0, 1, 11, 61, 800)
"""Mostly at once; else beyond nothing, a code or a hold, the hour of a limit, and any offer."""


_NUMBERS = st.integers(0, 41)
"""Divisible by whatever they choose among."""


def _steps(says: Sequence[str], count_min: int, count_max: int) -> st.SearchStrategy[list[Step]]:
    step = st.builds(
        Step,
        say=st.sampled_from(says),
        who=_NUMBERS,
        pick=_NUMBERS,
        amount=_NUMBERS,
        wait_minutes=st.sampled_from(WAITS_MINUTES),
    )
    return st.lists(step, min_size=count_min, max_size=count_max)


HISTORIES: st.SearchStrategy[History] = st.builds(
    lambda capacities, chats, proof_by_email, first, later: History(
        tuple(capacities), chats, proof_by_email, (*first, *later)
    ),
    # Few seats, so that people wait for them.
    st.lists(st.sampled_from((1, 1, 2, 2, 3, 4)), min_size=2, max_size=3),
    st.integers(4, len(CHATS)),
    # Where mail is sent there is more to prove.
    st.sampled_from((False, True, True)),
    _steps(("claim", "claim", "claim", "link", "link", "link-by-messenger", "add"), 3, 8),
    _steps(SAID, 2, 17),
)
