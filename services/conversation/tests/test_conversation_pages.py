"""A list of any length fits the lists of both messengers, a page at a time."""

from conversation_talk import Talk, World, an_event
from hypothesis import given
from hypothesis import strategies as st

from contracts.outbound import CHOICE_ID_BYTES_MAX, CHOICES_MAX
from conversation.dialogue.turn import Page

ALPHABET = "ABCDEFGHJKLM"


@given(st.integers(0, 300), st.integers(0, 2))
def test_every_entry_is_on_one_page_that_leaves_room_for_the_ways_on(
    entries: int, rows_taken: int
) -> None:
    pages = [Page.of(range(entries), 1, rows_taken=rows_taken)]
    pages += [
        Page.of(range(entries), number, rows_taken=rows_taken)
        for number in range(2, pages[0].count + 1)
    ]
    assert [entry for page in pages for entry in page.items] == list(range(entries))
    for page in pages:
        ways_on = rows_taken + (page.number > 1) + (page.number < page.count)
        assert len(page.items) + ways_on <= CHOICES_MAX
        assert page.items or not entries


def test_a_list_is_read_from_end_to_end_by_taps() -> None:
    events = [an_event(n, title=f"Event {n}", code=f"AAAAA{ALPHABET[n]}") for n in range(12)]
    talk = Talk(world=World(events))
    talk.says("/start")
    seen: list[str] = []
    while True:
        choices = talk.heard[-1].choices
        assert len(choices) <= CHOICES_MAX
        assert len({choice.id for choice in choices}) == len(choices)
        assert all(len(choice.id.encode()) <= CHOICE_ID_BYTES_MAX for choice in choices)
        seen += [choice.label for choice in choices if choice.label.startswith("Event")]
        if "Next page" not in talk.labels:
            break
        talk.taps("Next page")
    assert seen == [event.title for event in events]
