"""A long text is several messages, cut where a reader would pause."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.graphemes import cut_after, cut_before, joined
from notifier.labels import Measure, code_points, is_visible, utf16_units
from notifier.splitting import split

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
CHARACTERS = [
    "a",
    "й",  # as one code point
    "и\u0306",  # and as two
    "\r\n",
    "🇷🇺",
    "👍🏽",
    "❤\ufe0f",
    "1\ufe0f\u20e3",
    FAMILY,
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "\u1112\u1161\u11ab",  # 한, in three letters
    "\u0915\u094d\u0937",  # क्ष
    "\u06001",
    "ｶ\uff9e",
    "각",
]
WORDS = [
    "a",
    "word",
    "Привет",
    "日本語",
    "x" * 60,
    FAMILY * 3,
    "🇷🇺🇩🇪🇫🇷",
    "и\u0306" * 9,
    "see.",
    "Oh!»",
]
SPACES = [" ", "  ", "\n", "\n\n", "\n \n", "\t", "\u00a0", "\r\n"]

anything = st.text(min_size=1, max_size=400)
prose = st.lists(st.sampled_from(WORDS + SPACES), min_size=1, max_size=80).map("".join)
measures = st.sampled_from([code_points, utf16_units])


@pytest.mark.parametrize("character", CHARACTERS)
@pytest.mark.parametrize("neighbour", ["a", "я", "👍", "🇩🇪", "한"])
def test_what_people_see_as_one_character_is_never_cut(character: str, neighbour: str) -> None:
    text = neighbour + character + neighbour
    cuts = [at for at in range(len(text) + 1) if not joined(text, at)]
    assert [at for at in cuts if at <= len(neighbour)][-1] == len(neighbour)
    first, last = len(neighbour), len(neighbour) + len(character)
    if character != "\u06001":  # a sign before a number also takes what follows
        assert not [at for at in cuts if first < at < last]
    assert last in cuts
    for at in range(first + 1, last):
        assert (cut_before(text, at), cut_after(text, at)) == (first, last) or first == 0


def test_a_letter_under_more_marks_than_a_message_holds_is_cut_all_the_same() -> None:
    assert cut_before("a" + "\u0301" * 9, 5) == 5


def ink(text: str) -> str:
    """All but the white space, and what cannot be seen at all."""
    return "".join(text.split())


def character_around(text: str, at: int) -> str:
    """What people see as one character, and a cut there parts."""
    start = at
    while joined(text, start):
        start -= 1
    return text[start : cut_after(text, at)]


def check(
    text: str, pieces: tuple[str, ...], units_max: int, measure: Measure, last_units_max: int
) -> None:
    """What a reader and a platform expect of the pieces of a text."""
    assert all(measure(piece) <= units_max and is_visible(piece) for piece in pieces)
    assert not pieces or measure(pieces[-1]) <= last_units_max
    at = 0
    for piece in pieces:
        start = text.index(piece, at)
        # Nothing but white space, and what nobody sees, is left out.
        assert not is_visible(text[at:start])
        if at and at == start:
            before = text[:at].rsplit(maxsplit=1)[-1]
            word = before + text[at:].split(maxsplit=1)[0]
            longest = min(units_max, last_units_max)
            assert measure(word) > longest or "\u00a0" in text, "a word that would have fitted"
            assert not joined(text, at) or measure(character_around(text, at)) > longest
        at = start + len(piece)
    assert not is_visible(text[at:])


@given(anything | prose, st.integers(24, 120), measures, st.floats(0.25, 1))
def test_a_split_text_says_the_same(
    text: str, units_max: int, measure: Measure, last_share: float
) -> None:
    last = max(24, int(units_max * last_share))
    check(text, split(text, units_max, measure, last_units_max=last), units_max, measure, last)


def blindly(text: str, units_max: int) -> tuple[str, ...]:
    """The control: what a renderer does that knows nothing of words."""
    return tuple(text[at : at + units_max] for at in range(0, len(text), units_max))


@pytest.mark.parametrize(
    "text",
    [
        "word " * 30,
        ("x" * 23 + FAMILY) * 3,
        ("и\u0306" * 12 + " ") * 4 + "й",
        "a " * 12 + "\n" * 30,
    ],
)
def test_a_text_that_is_cut_blindly_is_noticed(text: str) -> None:
    check(text, split(text, 24, code_points), 24, code_points, 24)
    with pytest.raises(AssertionError):
        check(text, blindly(text, 24), 24, code_points, 24)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("one two\n\nthree four", ("one two", "three four")),
        ("one two. three\nfour five", ("one two. three", "four five")),
        ("one two three. four five", ("one two three.", "four five")),
        ("one two «three!» four five", ("one two «three!»", "four five")),
        ("one two three four five", ("one two three four", "five")),
        ("onetwothreefourfivesix", ("onetwothreefourfiv", "esix")),
        # Between paragraphs, but not if that leaves hardly anything.
        ("a\n\none two three four", ("a\n\none two three", "four")),
    ],
)
def test_a_text_is_cut_where_a_reader_would_pause(text: str, pieces: tuple[str, ...]) -> None:
    assert split(text, 18, code_points) == pieces


def test_the_last_paragraph_stands_above_the_choices() -> None:
    text = "Much to say. " * 9 + "\n\n" + "Much more. " * 9 + "\n\nWill you come?"
    assert split(text, 400, code_points, last_units_max=30)[-1] == "Will you come?"


def test_a_last_paragraph_without_room_is_cut_at_the_first_word_that_leaves_it_room() -> None:
    assert split("aa bb cc dd ee ff", 99, code_points, last_units_max=8) == ("aa bb cc", "dd ee ff")


def test_above_the_choices_stands_more_than_one_sentence_of_a_paragraph() -> None:
    text = "Facts.\n\n" + "One more sentence. " * 9
    *_, last = split(text, 400, code_points, last_units_max=100)
    assert last == ("One more sentence. " * 5).strip()


def test_an_emoji_counts_twice_where_a_platform_may_count_so() -> None:
    assert len(split("🎉" * 4096, 4096, code_points)) == 1
    assert [len(piece) for piece in split("🎉" * 4096, 4096, utf16_units)] == [2048, 2048]


@pytest.mark.parametrize("text", [" " * 4096 + "x", "\n" * 8000 + "x" * 5000, "*" * 9000])
@pytest.mark.parametrize("measure", [code_points, utf16_units])
def test_of_an_odd_text_nothing_is_lost_either(text: str, measure: Measure) -> None:
    assert sum(len(ink(piece)) for piece in split(text, 4096, measure)) == len(ink(text))
