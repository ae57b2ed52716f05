"""Looking around: the list of events."""

from contracts import EventCard
from conversation.dialogue.signposts import (
    already_registered,
    onward,
    other_language,
    to_help,
    to_mine,
)
from conversation.dialogue.state import REGISTERING, Offer, Stage
from conversation.dialogue.turn import Page, Prompt, Reply, Turn, page_number
from conversation.moments import in_brief


def greeting(turn: Turn, _argument: str = "") -> Reply:
    """Hello, and what is on; where the person's language is a mere guess, also the other one."""
    return events(turn).led_by(turn.say("greeting"))


def events(turn: Turn, argument: str = "") -> Reply:
    """The list of events, a page at a time; a registration under way is kept open meanwhile."""
    found = turn.facts.events()
    listing, lead, ways_on = _listing(turn)
    first_only = other_language(turn) if page_number(argument) == 1 else ()
    if not found:
        ways_on = (to_mine(turn), *first_only, *ways_on)
        return listing.ends(Prompt("\n\n".join([*lead, turn.say("events.none")]), ways_on))
    page = Page.of(
        found,
        page_number(argument),
        rows_taken=len(ways_on),
        taken_at_first=len(first_only),
    )
    lines = [
        turn.say("list.line", number=number, title=card.title, when=_brief(turn, card))
        for number, card in enumerate(page.items, start=1)
    ]
    offers = tuple(
        Offer(id=f"ev:{card.code}", label=card.title, description=_brief(turn, card))
        for card in page.items
    )
    parts = [*lead, turn.say("events.choose"), "\n".join(lines)]
    if page.count > 1:
        parts.append(turn.say("list.page", number=page.number, count=page.count))
    return listing.ends(
        Prompt(
            "\n\n".join(parts),
            (*offers, *page.offers(turn, "events"), *first_only, *ways_on),
            choices_label=turn.say("button.choose"),
        )
    )


def _listing(turn: Turn) -> tuple[Turn, list[str], tuple[Offer, ...]]:
    """The chat while it reads the list, what is said first, and what leads on from it."""
    state = turn.state
    if state.stage in REGISTERING and state.context.event is not None:
        kept = turn.say("events.kept-open", title=state.context.event.title)
        return turn, [kept], (onward(turn),)
    ways_on = (*already_registered(turn), to_help(turn))
    return turn.at(Stage.CHOOSING_EVENT, state.context.looking_at(None)), [], ways_on


def _brief(turn: Turn, event: EventCard) -> str:
    return in_brief(event.starts_at, event.timezone, turn.state.language)
