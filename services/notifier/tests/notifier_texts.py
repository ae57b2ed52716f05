"""Anything that anybody may want to say, and how to see that it was said."""

import string

from hypothesis import strategies as st
from notifier_house import outbound

from contracts import Choice, Document
from notifier.whatsapp_markup import ALIKE

TICKET = Document(kind="ticket", data="TKT1.abcdefgh", filename="ticket.png")
CALENDAR = Document(kind="calendar", data="BEGIN:VCALENDAR\r\nПривет", filename="pycon.ics")

REQUESTS_MAX = 5
"""A picture, and a text whose every character counts twice, with what its choices do not show."""

texts = st.text(min_size=1, max_size=4096)
labels = st.text(min_size=1, max_size=80)
ids = st.text(string.ascii_letters + string.digits + ":._-", min_size=1, max_size=48)
choices = st.lists(
    st.builds(Choice, id=ids, label=labels, description=st.none() | st.text(max_size=120)),
    max_size=10,
    unique_by=lambda choice: choice.id,
)
messages = st.builds(
    outbound,
    text=texts
    | st.sampled_from([" ", "x" * 1024, "x" * 1025, "x" * 4096, "🎉" * 4096, "word " * 819])
    | st.sampled_from(["*free* ", "_a_ > b", "e\u0301\n", "Hello. "]).map(lambda word: word * 500),
    choices=choices.map(tuple),
    choices_label=st.none() | labels,
    language=st.sampled_from(["en", "ru"]),
    document=st.sampled_from([None, TICKET, CALENDAR]),
)


def ink(text: str) -> str:
    """All but white space, which may change where a text is cut."""
    return "".join(text.split())


def alike(text: str) -> str:
    """Its ink, with the signs that look like WhatsApp's marks for the marks."""
    return ink(text).translate({ord(mark): sign for mark, sign in ALIKE.items()})
