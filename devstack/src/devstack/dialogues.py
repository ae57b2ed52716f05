"""Every dialogue as two people have it: one on Telegram in English, one on WhatsApp in Russian."""

from datetime import timedelta

from devstack.stage import (
    CODE,
    LANGUAGES,
    MAILBOX,
    MAILBOX_ON_TELEGRAM,
    NAMES,
    Act,
    Dialogue,
    Lines,
    Stage,
)

TALK = "Night of the Telescopes"
"""Many seats."""
CLASS = "Sourdough for Two"
"""Two seats, and a waiting list."""
WALK = "Garden Walk"
"""Many seats, and elsewhere."""
EMAIL = f"{MAILBOX}@example.org"
"""Each person's own."""


def says(english: str, russian: str) -> Lines:
    """One line of each."""
    return Lines((english,), (russian,))


def taps(english: str, russian: str) -> Lines:
    """One tap of each."""
    return says(f"[{english}]", f"[{russian}]")


def on_telegram(*lines: str) -> Lines:
    """One does that, while the other waits."""
    return Lines(lines, ())


def on_whatsapp(*lines: str) -> Lines:
    """And the other way round."""
    return Lines((), lines)


HELLO = says("/start", "Здравствуйте")
REGISTER = taps("Register", "Записаться")
JOIN = taps("Join waiting list", "Встать в очередь")
NAME, ADDRESS = says(NAMES["telegram"], NAMES["whatsapp"]), says(EMAIL, EMAIL)
CONFIRM = taps("Confirm", "Подтвердить")
YES, NO, BACK = says("yes", "да"), says("no", "нет"), says("back", "назад")
MINE = taps("My registrations", "Мои записи")
ASKED = (HELLO, taps(TALK, TALK), REGISTER)
LOOKING = (*ASKED, NAME, ADDRESS)
SEAT = (*LOOKING, CONFIRM)
LINKED = (
    on_telegram("/start", f"[{TALK}]", "[Register]", NAMES["telegram"], EMAIL, "[Confirm]"),
    on_whatsapp("билет", f"{MAILBOX_ON_TELEGRAM}@example.org"),
)
"""One person: registered on Telegram, and proven to be the same on WhatsApp."""
PLACE = (HELLO, taps(CLASS, CLASS), JOIN, NAME, ADDRESS, CONFIRM)


async def codes_are_typed_by_hand(stage: Stage) -> None:
    """The dialogue says what is typed where a code is asked for."""
    stage.types_codes = False


def scans(title: str) -> Act:
    """Each scans the code of the same poster."""

    async def act(stage: Stage) -> None:
        for platform, url in (await stage.links(title)).items():
            await stage.does(platform, url)

    return act


def types_code(title: str) -> Act:
    """Each types the code from the poster."""

    async def act(stage: Stage) -> None:
        for platform in LANGUAGES:
            await stage.does(platform, str(stage.events[title]["code"]))

    return act


def passes(span: timedelta) -> Act:
    """So much time goes by."""

    async def act(stage: Stage) -> None:
        await stage.advance(span)

    return act


async def everything_taken(stage: Stage) -> None:
    """The seats are other people's."""
    await stage.fill(CLASS)


async def two_seats_come_free(stage: Stage) -> None:
    """Both who wait are offered one."""
    await stage.free(CLASS, 2)
    await stage.hears("telegram", "is free for you")
    await stage.hears("whatsapp", "освободилось место")


async def offers_run_out(stage: Stage) -> None:
    """Nobody answered in time."""
    await stage.advance(timedelta(hours=25))
    await stage.hears("telegram", "didn't hear from you")


async def reminders_are_due(stage: Stage) -> None:
    """It begins tomorrow."""
    event = stage.events[TALK]
    await stage.advance_to_before(event, timedelta(hours=23, minutes=50))
    await stage.hears("telegram", "A reminder")


async def it_is_called_off(stage: Stage) -> None:
    """The organisers cancel it."""
    await stage.cancel(WALK)


async def registry_falls_silent(stage: Stage) -> None:
    """As in an outage."""
    await stage.house.halt("registry")
    stage.in_outage = True


async def registry_is_back(stage: Stage) -> None:
    """Nobody has to do anything for what was kept."""
    await stage.house.start("registry")
    stage.in_outage = False
    await stage.hears("telegram", "is kept for you")
    await stage.hears("whatsapp", "Держу для вас")
    await stage.house.quiet()
    for platform in LANGUAGES:
        await stage.proves(platform)
    await stage.hears("telegram", "You're in")
    await stage.hears("whatsapp", "Вы записаны")


async def events_that_are_not_open(stage: Stage) -> None:
    """One not announced yet, one called off, one for later."""
    opens_at = (await stage.now() + timedelta(days=30)).isoformat()
    await stage.event("Secret Show", status="draft")
    await stage.event("Open Air")
    await stage.cancel("Open Air")
    await stage.event("Spring Fair", days_ahead=60, registration_opens_at=opens_at)


DIALOGUES = (
    Dialogue(
        slug="registering",
        title="Registering",
        about="A newcomer: four taps and two lines. On Telegram the name of the profile is one "
        "tap, on WhatsApp as well.",
        scenes=SEAT,
    ),
    Dialogue(
        slug="code",
        title="The code",
        about="Who has proven no address has the seat for ten minutes, and types the code from the "
        "mail. A wrong one costs a try, and another can be sent. It is asked once, not per event.",
        before=(*ASKED, NAME, ADDRESS, codes_are_typed_by_hand),
        scenes=(
            CONFIRM,
            says("000000", "000000"),
            taps("Send it again", "Отправить ещё раз"),
            says(CODE, CODE),
        ),
    ),
    Dialogue(
        slug="one-person",
        title="One person on both messengers",
        about="Registered on Telegram. On WhatsApp the ticket is asked for, the code from the mail "
        "proves who asks, and the ticket comes by itself; given back there, it is gone on both.",
        scenes=(*LINKED, on_whatsapp("отменить запись", "да"), on_telegram("my registrations")),
    ),
    Dialogue(
        slug="not-me",
        title="That wasn't me",
        about="Each other messenger is told what has joined, and parts it again with two taps.",
        before=LINKED,
        scenes=(
            on_telegram("[That wasn't me]", "[Yes, disconnect it]"),
            on_whatsapp("мои записи"),
        ),
    ),
    Dialogue(
        slug="privacy",
        title="My data, and forgetting it",
        about="Everything that is kept comes as a file; the code word deletes it.",
        before=SEAT,
        scenes=(
            says("/mydata", "/mydata"),
            says("/forget", "/forget"),
            says("FORGET", "ЗАБУДЬ"),
            says("my registrations", "мои записи"),
        ),
    ),
    Dialogue(
        slug="typing",
        title="Typing instead of tapping",
        about="Everything can be said in words or by its number; a slip in the address is asked "
        "about.",
        scenes=(
            HELLO,
            says("telescopes", "telescopes"),
            YES,
            NAME,
            says(f"{MAILBOX}@gmial.com", f"{MAILBOX}@gmial.com"),
            YES,
            says("ok", "верно"),
        ),
    ),
    Dialogue(
        slug="known",
        title="Registering once known",
        about="Whoever has registered before is asked nothing twice.",
        before=SEAT,
        scenes=(says("events", "мероприятия"), taps(WALK, WALK), REGISTER, CONFIRM),
    ),
    Dialogue(
        slug="waiting-list",
        title="Joining and leaving the waiting list",
        about="A full event has a waiting list; one's place in it can be seen, and left.",
        before=(everything_taken,),
        scenes=(
            *PLACE,
            MINE,
            says("1", "1"),
            taps("Leave waiting list", "Выйти из очереди"),
            YES,
        ),
    ),
    Dialogue(
        slug="offer",
        title="A seat comes free",
        about="The first in line is offered a freed seat: here one takes it, and one does not.",
        before=(everything_taken, *PLACE),
        scenes=(two_seats_come_free, says("[Take the seat]", "[Нет, спасибо]")),
    ),
    Dialogue(
        slug="cancelling",
        title="Cancelling",
        about="A seat is given back in two taps, and never by one.",
        before=SEAT,
        scenes=(says("/cancel", "отменить запись"), NO, says("cancel", "не смогу прийти"), YES),
    ),
    Dialogue(
        slug="ticket",
        title="The ticket again, and the calendar",
        about="The ticket is one word away; the calendar's entry one tap more.",
        before=SEAT,
        scenes=(says("ticket", "билет"), taps("Add to calendar", "В календарь"), MINE),
    ),
    Dialogue(
        slug="stop",
        title="Stop and start",
        about="No reminders and no news, until they are wanted again.",
        before=(HELLO,),
        scenes=(says("/stop", "стоп"), says("/start", "старт")),
    ),
    Dialogue(
        slug="language",
        title="Language",
        about="It changes at once, in the middle of anything.",
        before=ASKED,
        scenes=(says("/language", "язык"), taps("Русский", "English"), NAME),
    ),
    Dialogue(
        slug="help",
        title="Help",
        about="It is there at every step, and goes on with the open question.",
        before=ASKED,
        scenes=(says("help", "помощь"), NAME),
    ),
    Dialogue(
        slug="back",
        title="A way back and a way out",
        about="Back is one question back, cancel is the way out; nothing is booked by accident.",
        before=(*ASKED, NAME),
        scenes=(BACK, BACK, YES, says("cancel", "отмена")),
    ),
    Dialogue(
        slug="old-button",
        title="A button of an old message",
        about="An old button never does what it once meant: it says so, and shows what is true.",
        before=LOOKING,
        scenes=(CONFIRM, taps("Change", "Изменить"), taps(TALK, TALK)),
    ),
    Dialogue(
        slug="poster",
        title="A poster, and another in the middle",
        about="A code on a poster opens its event; another one asks before anything is lost.",
        scenes=(scans(TALK), YES, scans(WALK), NO, types_code(WALK), YES),
    ),
    Dialogue(
        slug="not-open",
        title="Not announced, called off, not yet open",
        about="Each event says truthfully how it stands, with a next step.",
        before=(events_that_are_not_open,),
        scenes=(types_code("Secret Show"), types_code("Open Air"), types_code("Spring Fair")),
    ),
    Dialogue(
        slug="kindness",
        title="Stickers and voice messages",
        about="What cannot be read is taken kindly, and the open question is asked again.",
        before=ASKED,
        scenes=(says("<sticker>", "<voice>"), says("Is there a cloakroom?", "А гардероб будет?")),
    ),
    Dialogue(
        slug="called-off",
        title="An event is called off in the middle",
        about="What a card showed a minute ago may not be true any more: the registry decides.",
        before=(HELLO, taps(WALK, WALK), REGISTER, NAME, ADDRESS, it_is_called_off),
        scenes=(CONFIRM, taps("All events", "Все мероприятия")),
    ),
    Dialogue(
        slug="silence",
        title="The registry is silent",
        about="In an outage the wish is kept, what is known is told with its age, and it goes on "
        "by itself.",
        before=LOOKING,
        scenes=(
            registry_falls_silent,
            CONFIRM,
            says("events", "мероприятия"),
            registry_is_back,
        ),
    ),
    Dialogue(
        slug="idle",
        title="After a pause",
        about="Three hours later the bot says where they were.",
        before=ASKED,
        scenes=(passes(timedelta(hours=3)), NAME),
    ),
    Dialogue(
        slug="reminder",
        title="Still coming?",
        about="The day before: a reminder. After a day of silence WhatsApp takes only its "
        "template, without buttons; words do.",
        before=SEAT,
        scenes=(
            reminders_are_due,
            says("[Yes, I'm coming]", "не смогу прийти"),
            Lines((), ("да",)),
        ),
    ),
    Dialogue(
        slug="offer-over",
        title="An offer that ran out",
        about="The seat went to the next in line, and its old button says so.",
        before=(everything_taken, *PLACE),
        scenes=(
            two_seats_come_free,
            offers_run_out,
            taps("Take the seat", "Занять место"),
        ),
    ),
)
"""In this order: the later ones let time pass."""


async def set_up(stage: Stage) -> None:
    """The events that the dialogues are about."""
    await stage.event(WALK, days_ahead=5, hour=9, location="South Gate", timezone="Europe/Lisbon")
    await stage.event(
        TALK,
        hour=19,
        description="Twelve telescopes on one roof, and somebody at each who likes questions.",
        location="Old Observatory, Hall 3",
        max_participants=40,
    )
    await stage.event(CLASS, days_ahead=12, hour=13, location="Bakery Nord", max_participants=2)
