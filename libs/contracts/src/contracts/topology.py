"""Every stream, consumer and bucket as data; `python -m runtime.provision` makes them so.

No service makes or changes one at start-up: two releases side by side would overwrite each other
(nats.md 1.6).
"""

from dataclasses import dataclass, field
from typing import Literal

from contracts.address import Platform, subject_token

PARTITIONS = 64
"""Chats are spread over this many lanes; one message per lane is in flight (ADR 0004)."""
PLATFORMS: tuple[Platform, ...] = ("telegram", "whatsapp")
"""The messengers: people write to us there."""
CHANNELS: tuple[Platform, ...] = (*PLATFORMS, "email")
"""Where messages go out."""

_MEBIBYTE = 1024 * 1024
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A durable pull consumer."""

    name: str
    stream: str
    filter_subject: str
    further_subjects: tuple[str, ...] = ()
    """Taken as well, in the stream's order; lanes alone may have them."""
    ack_wait_seconds: float = 5.0
    """Without a heartbeat for this long, the message goes to another replica."""
    in_flight_max: int = 1

    @property
    def filter_subjects(self) -> tuple[str, ...]:
        """All that it takes."""
        return (self.filter_subject, *self.further_subjects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A JetStream stream; `transform` is (published as, stored as)."""

    name: str
    subjects: tuple[str, ...]
    retention: Literal["workqueue", "limits"]
    discard: Literal["new", "old"] = "new"
    transform: tuple[str, str] | None = None
    bytes_max: int = 512 * _MEBIBYTE
    age_max_seconds: float = 0.0
    """0: kept until it is worked off."""
    messages_max: int = -1
    duplicate_window_seconds: float = 1800.0
    schedules: bool = False
    """Whether a message may ask to be published later (`Nats-Schedule`)."""
    consumers: tuple[Consumer, ...] = field(default=())
    retired: tuple[str, ...] = ()
    """Durables of earlier releases: `runtime.provision` deletes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A key-value bucket with one owner."""

    name: str
    owner: str
    age_max_seconds: float = 0.0
    """Since it was last written; 0: kept without end."""
    of_people: bool = False
    """A document for each chat: kept for `RETENTION_DAYS`, which a setting may change."""
    bytes_max: int = 512 * _MEBIBYTE


def _lanes(
    name: str,
    stream: str,
    pattern: str,
    *,
    lanes: int = PARTITIONS,
    partitions: int | None = None,
    in_flight_max: int = 1,
) -> tuple[Consumer, ...]:
    """One consumer per lane; one message in flight is the order of a chat (nats.md 5c).

    Where there are more partitions than lanes, each lane takes several of them.
    """
    found = []
    for lane in range(lanes):
        taken = range(lane, partitions or lanes, lanes)
        first, *further = (pattern.format(lane=partition) for partition in taken)
        found.append(
            Consumer(
                name=f"{name}-{lane}",
                stream=stream,
                filter_subject=first,
                further_subjects=tuple(further),
                in_flight_max=in_flight_max,
            )
        )
    return tuple(found)


CONVERSATION_INBOUND = _lanes("conversation-inbound", "INBOUND", "inbound.*.{lane}.*")


def _lanes_of_platforms(
    kind: str, stream: str, pattern: str, lanes: dict[Platform, int]
) -> dict[Platform, tuple[Consumer, ...]]:
    """Lanes of their own for each platform: one that is down must not hold up the other."""
    return {
        platform: _lanes(
            f"notifier-{kind}-{platform}",
            stream,
            f"{pattern}.{platform}.{{lane}}.*",
            lanes=count,
            partitions=PARTITIONS,
        )
        for platform, count in lanes.items()
    }


OUTBOUND_LANES: dict[Platform, int] = {
    "telegram": PARTITIONS,
    "whatsapp": PARTITIONS,
    # One mail server, which takes ten a second.
    "email": 8,
}
NOTIFIER_OUTBOUND = _lanes_of_platforms("outbound", "OUTBOUND", "outbound.*", OUTBOUND_LANES)

REMINDER_LANES: dict[Platform, int] = {"telegram": 16, "whatsapp": 32, "email": 4}
"""As many calls as are under way at once when reminders have all of a default ring and a call takes
0.4 s: 25 permits a second with a bot, 75 with a number (ADR 0028)."""
NOTIFIER_REMINDER = _lanes_of_platforms("reminder", "BULK", "bulk.reminder", REMINDER_LANES)
"""Not the broadcasts' lanes: what waits for a permit holds its lane, and bulk waits for long."""

BULK_LANES: dict[Platform, int] = {"telegram": PARTITIONS, "whatsapp": PARTITIONS, "email": 4}
NOTIFIER_BULK = _lanes_of_platforms("bulk", "BULK", "bulk.bulk", BULK_LANES)
"""Lanes, so that one message of a chat does not overtake another that is refused for now."""

NOTIFIER_REACH = Consumer(
    name="notifier-reach", stream="REACH", filter_subject="reach.*.*", in_flight_max=64
)

NOTIFIER_STATUSES = Consumer(
    # What a platform says later of a message that it accepted: the person cannot be reached.
    name="notifier-statuses",
    stream="DELIVERY",
    filter_subject="delivery.whatsapp.*",
    in_flight_max=256,
)

REGISTRY_DELIVERY = Consumer(
    name="registry-delivery", stream="DELIVERY", filter_subject="delivery.*.*", in_flight_max=1024
)

COMMAND_LANES = 16
"""Events are spread over this many lanes, so that a hot event fills only its own (ADR 0014)."""
COMMANDS_FETCHED_MAX = 128
"""Commands of one lane that one process works on at a time; also the largest batch of an event."""
COMMANDS_IN_FLIGHT_MAX = 2048
"""Per lane, over all processes: room for eight that each hold a fetch and work on another; a
consumer at its limit keeps fetched messages back until the request ends (nats.md 1.3)."""

REGISTRY_COMMANDS = _lanes(
    "registry-commands",
    "COMMANDS",
    "command.*.{lane}.*",
    lanes=COMMAND_LANES,
    in_flight_max=COMMANDS_IN_FLIGHT_MAX,
)

CONVERSATION_NOTICE_DUE = Consumer(
    name="conversation-notice-due",
    stream="EVENTS",
    filter_subject="notice.due",
    in_flight_max=64,
)

CONVERSATION_NOTICE_TO_PERSON = Consumer(
    # Apart from the notices of events: somebody looks at the screen and waits for a code.
    name="conversation-notice-to-person",
    stream="EVENTS",
    filter_subject="notice.to-person-due",
    in_flight_max=64,
)

REGISTRY_WEBHOOKS = tuple(
    # Order is promised to no receiver, so several are taken at a time. Not notice.due: that is said
    # to ourselves.
    Consumer(
        name=f"registry-webhooks-{kind}",
        stream="EVENTS",
        filter_subject=f"{kind}.*",
        in_flight_max=64,
    )
    for kind in ("registration", "event")
)

INBOUND = Stream(
    name="INBOUND",
    subjects=("in.*.*",),
    retention="workqueue",
    transform=(
        "in.*.*",
        f"inbound.{{{{wildcard(1)}}}}.{{{{partition({PARTITIONS},1,2)}}}}.{{{{wildcard(2)}}}}",
    ),
    consumers=CONVERSATION_INBOUND,
)

COMMANDS = Stream(
    name="COMMANDS",
    subjects=("command.*.*",),
    retention="workqueue",
    transform=(
        "command.*.*",
        f"command.{{{{wildcard(1)}}}}.{{{{partition({COMMAND_LANES},2)}}}}.{{{{wildcard(2)}}}}",
    ),
    consumers=REGISTRY_COMMANDS,
)

EVENTS = Stream(
    name="EVENTS",
    subjects=("registration.*", "event.*", "account.*", "notice.*"),
    retention="limits",
    age_max_seconds=8 * _DAY_SECONDS,
    consumers=(CONVERSATION_NOTICE_DUE, CONVERSATION_NOTICE_TO_PERSON, *REGISTRY_WEBHOOKS),
)

OUTBOUND = Stream(
    name="OUTBOUND",
    subjects=("out.*.*.*",),
    retention="workqueue",
    transform=(
        "out.*.*.*",
        (
            "outbound.{{wildcard(1)}}.{{wildcard(2)}}."
            f"{{{{partition({PARTITIONS},2,3)}}}}.{{{{wildcard(3)}}}}"
        ),
    ),
    consumers=tuple(lane for lanes in NOTIFIER_OUTBOUND.values() for lane in lanes),
    retired=tuple(
        f"notifier-outbound-email-{lane}" for lane in range(OUTBOUND_LANES["email"], PARTITIONS)
    ),
)

BULK = Stream(
    name="BULK",
    subjects=("bulk.*.*.*",),
    retention="workqueue",
    transform=(
        "bulk.*.*.*",
        (
            "bulk.{{wildcard(1)}}.{{wildcard(2)}}."
            f"{{{{partition({PARTITIONS},2,3)}}}}.{{{{wildcard(3)}}}}"
        ),
    ),
    consumers=tuple(
        lane
        for kind in (NOTIFIER_REMINDER, NOTIFIER_BULK)
        for lanes in kind.values()
        for lane in lanes
    ),
    retired=tuple(f"notifier-bulk-email-{lane}" for lane in range(BULK_LANES["email"], PARTITIONS)),
)

REACH = Stream(
    name="REACH",
    subjects=("reach.*.*",),
    retention="workqueue",
    consumers=(NOTIFIER_REACH,),
)

PARKED = Stream(
    # What waits with its chat, in order; each message goes when its result is told (ADR 0026).
    name="PARKED",
    subjects=("parked.*.*.*",),
    retention="limits",
    bytes_max=2048 * _MEBIBYTE,
)

WAKE_LANES = 16
"""For each account: so many parked chats are sent to at a time. With 200 ms for a call that is the
80 per second that a WhatsApp number may send after an outage."""

WAKE = Stream(
    # Which parked chat may be sent to: at once, or at a time. The consumers are the accounts'.
    name="WAKE",
    subjects=("wake.*.*.*", "wakeat.*.*.*"),
    retention="workqueue",
    # The server has no schedules in a stream that refuses. There is one wake for each parked chat,
    # with room for a million; one that is pushed out is found by the notifier's sweep.
    discard="old",
    transform=(
        "wake.*.*.*",
        (
            "woken.{{wildcard(1)}}.{{wildcard(2)}}."
            f"{{{{partition({WAKE_LANES},3)}}}}.{{{{wildcard(3)}}}}"
        ),
    ),
    schedules=True,
)


def wake_lanes(platform: Platform, account: str) -> tuple[Consumer, ...]:
    """The lanes that wake the parked chats of one account; those of another do not wait for them.

    One chat is woken in one lane, by one replica at a time.
    """
    key = subject_token(account)
    return _lanes(
        f"notifier-wake-{platform}-{key}",
        "WAKE",
        f"woken.{platform}.{key}.{{lane}}.*",
        lanes=WAKE_LANES,
    )


DELIVERY = Stream(
    name="DELIVERY",
    subjects=("delivery.*.*",),
    retention="limits",
    age_max_seconds=8 * _DAY_SECONDS,
    consumers=(NOTIFIER_STATUSES, REGISTRY_DELIVERY),
)

DEAD_DAYS_MAX = 30
"""How long what was set aside is kept, also what cannot be told to be anybody's."""

DEAD = Stream(
    # The subject ends in a platform and a chat's key, so that a chat's letters are purged by it.
    name="DEAD",
    subjects=("dead.>",),
    retention="limits",
    # A new failure must always find room, so the oldest goes.
    discard="old",
    age_max_seconds=DEAD_DAYS_MAX * _DAY_SECONDS,
)

STREAMS: tuple[Stream, ...] = (
    INBOUND,
    COMMANDS,
    EVENTS,
    OUTBOUND,
    BULK,
    REACH,
    PARKED,
    WAKE,
    DELIVERY,
    DEAD,
)

RETENTION_DAYS = 730
"""How long what we know of a person is kept after it was last needed, unless a setting says
otherwise."""

FSM = Bucket(
    name="fsm",
    owner="conversation",
    age_max_seconds=RETENTION_DAYS * _DAY_SECONDS,
    of_people=True,
    bytes_max=8192 * _MEBIBYTE,
)
"""A chat's document has 2 KB, and 8 where somebody writes a lot: room for a million chats."""
FSM_JOURNAL = Bucket(
    name="fsm-journal",
    owner="conversation",
    age_max_seconds=RETENTION_DAYS * _DAY_SECONDS,
    of_people=True,
)
"""With states in Redis: what was written while Redis or the registry was away (ADR 0017)."""
LEDGER = Bucket(name="ledger", owner="notifier", age_max_seconds=8 * _DAY_SECONDS)
PEERS = Bucket(
    name="peers",
    owner="notifier",
    age_max_seconds=RETENTION_DAYS * _DAY_SECONDS,
    of_people=True,
)
WEBHOOKS = Bucket(name="webhooks", owner="gateway", bytes_max=8 * _MEBIBYTE)
"""One document: what the platforms say of our webhooks, and what the admin was told of it."""
MEDIA = Bucket(name="media", owner="notifier", age_max_seconds=29 * _DAY_SECONDS)
"""What was uploaded, by its content: Meta keeps a file for 30 days (platforms.md B4)."""
TEMPLATES = Bucket(name="templates", owner="notifier", bytes_max=8 * _MEBIBYTE)
"""What each WhatsApp account says of its templates: approved, paused, rejected."""
VERSIONS = Bucket(name="versions", owner="registry", age_max_seconds=40 * _DAY_SECONDS)
"""The newest version of each event that a notice tells; an older notice is not sent any more."""

BUCKETS: tuple[Bucket, ...] = (
    FSM,
    FSM_JOURNAL,
    LEDGER,
    PEERS,
    WEBHOOKS,
    MEDIA,
    TEMPLATES,
    VERSIONS,
)


PERMIT_WINDOW_SECONDS = 1.03
"""One second and 3 % for the receivers' jitter: measured never above the limit (nats.md 6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Permits of one account: N messages that the server hands out again after the window."""

    platform: Platform
    account: str
    permits: int
    """How many calls one window allows."""
    slices: int = 1
    """Into so many parts the window is divided, each with its part of the permits: they come more
    evenly, and never more than `permits` in a second."""

    @property
    def held(self) -> int:
        """How many permits the stream holds."""
        return self.permits // self.slices

    @property
    def window_seconds(self) -> float:
        """After which a permit is handed out again."""
        return PERMIT_WINDOW_SECONDS / self.slices

    @property
    def stream(self) -> str:
        """The stream that holds the permits."""
        return f"RING_{self.platform}_{self.account}"

    @property
    def subject(self) -> str:
        """Where a permit is put into the ring."""
        return f"ring.{self.platform}.{self.account}"

    consumer: str = "permits"


TELEGRAM_PERMITS_PER_SECOND = 25
"""Below Telegram's ~30 per second and bot (platforms.md A5)."""
TELEGRAM_PAID_PERMITS_PER_SECOND = 1000
"""With `allow_paid_broadcast` (A5)."""
WHATSAPP_RESERVE = 16
"""One permit in so many is left out: what people write takes permits too (platforms.md B5), but
only when it is already there, and several may write in the same moment."""
WHATSAPP_PERMITS_PER_SECOND = 80 - 80 // WHATSAPP_RESERVE
"""Of the 80 per second and number, in and out (B5)."""
SLICES_MAX = 5
"""A window's permits are handed out in up to so many parts, where they can be divided evenly. Were
they all handed out at once, an answer that comes right after would wait for most of a second; and
what people write on WhatsApp, which takes its permit when the next is there, would take it so late
that the second between holds too much."""
SLICED_FROM_PERMITS = 20
"""Fewer are handed out at once: they are no more than a moment's answers."""
ROUNDED_FROM_PERMITS = 40
"""So many of a WhatsApp number are made divisible, for the reason above; fewer would lose too much
by it."""
EMAIL_PERMITS_PER_SECOND = 10
"""What an ordinary mail provider takes; a setting says otherwise."""

PERMITS_PER_SECOND: dict[Platform, int] = {
    "telegram": TELEGRAM_PERMITS_PER_SECOND,
    "whatsapp": WHATSAPP_PERMITS_PER_SECOND,
    "email": EMAIL_PERMITS_PER_SECOND,
}


MAIL_ACCOUNT = "mail"
"""The one account of e-mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """How many people a WhatsApp portfolio may write to first in 24 h (platforms.md B5).

    A stream with one message per person: it refuses a new person when it is full, takes a known one
    again, and forgets each after a day.
    """

    portfolio: str
    recipients: int

    @property
    def stream(self) -> str:
        """The stream that holds whom we wrote to."""
        return f"TIER_whatsapp_{self.portfolio}"

    @property
    def subject(self) -> str:
        """What its subjects begin with; a token for the person follows."""
        return f"tier.whatsapp.{self.portfolio}"

    age_max_seconds: float = float(_DAY_SECONDS)


def ring(platform: Platform, account: str, permits: int | None = None) -> Ring:
    """The ring of one account; with the platform's default limit unless it has its own."""
    permits = permits or PERMITS_PER_SECOND[platform]
    if platform == "whatsapp" and permits >= ROUNDED_FROM_PERMITS:
        permits -= permits % SLICES_MAX
    slices = 1
    if permits >= SLICED_FROM_PERMITS:
        slices = max(count for count in range(1, SLICES_MAX + 1) if permits % count == 0)
    return Ring(platform=platform, account=account, permits=permits, slices=slices)
