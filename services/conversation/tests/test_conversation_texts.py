"""The catalogues are whole, and every sentence in them is said by somebody."""

import ast
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from conversation_talk import an_event

import conversation
from conversation.moments import in_brief, in_words
from conversation.texts import LANGUAGES, Language, texts

ROOM = Path(conversation.__file__).parent
BUTTON_CHARACTERS_MAX = 20
"""WhatsApp's reply buttons (platforms.md B4)."""


def catalogue(language: Language) -> Catalog:
    path = ROOM / "locale" / language / "LC_MESSAGES" / "conversation.po"
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def forms(language: Language) -> dict[str, tuple[str, ...]]:
    """Key → its sentence, or its plural forms."""
    found = {}
    for message in catalogue(language):
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            strings = message.string
            found[key] = (strings,) if isinstance(strings, str) else tuple(strings or ())
    return found


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def said_keys() -> set[str]:
    """Every key in the code; keys are literals, so that one grep finds who says a sentence."""
    keys: set[str] = set()
    for path in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in ("say", "count") and node.args:
                key = node.args[0]
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    keys.add(key.value)
                else:
                    # Only the method that passes a key on may have a variable there.
                    assert path.name == "turn.py", f"say a literal key in {path.name}:{node.lineno}"
    return keys


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_is_missing_and_none_is_unused(language: Language) -> None:
    assert set(forms(language)) == said_keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_there_in_every_plural_form(language: Language) -> None:
    number_of_forms = catalogue(language).num_plurals
    for key, sentences in forms(language).items():
        assert all(sentences), key
        assert len(sentences) in (1, number_of_forms), key


def test_all_languages_have_the_same_places() -> None:
    english = {key: places(sentences[0]) for key, sentences in forms("en").items()}
    for language in LANGUAGES:
        for key, sentences in forms(language).items():
            for sentence in sentences:
                assert places(sentence) == english[key], (language, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_button_fits_and_none_reads_like_another(language: Language) -> None:
    labels = {
        key: sentences[0] for key, sentences in forms(language).items() if key.startswith("button.")
    }
    assert {key: label for key, label in labels.items() if len(label) > BUTTON_CHARACTERS_MAX} == {}
    assert len(set(labels.values())) == len(labels)


def test_a_missing_key_is_an_error_and_not_an_answer() -> None:
    with pytest.raises(KeyError):
        texts("en").say("no.such.key")
    with pytest.raises(KeyError):
        texts("ru").count("no.such.key", 2)


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "1 место"), (3, "3 места"), (5, "5 мест"), (11, "11 мест"), (21, "21 место")],
)
def test_russian_counts_in_three_forms(number: int, words: str) -> None:
    assert texts("ru").count("event.seats-left", number) == f"Осталось {words}"


def test_a_moment_is_told_in_the_zone_of_the_event() -> None:
    at = an_event().starts_at
    assert in_words(at, "Asia/Almaty", "en") == "Sunday, December 6, 2026, 10:00 PM (Almaty time)"
    assert in_words(at, "UTC", "ru") == "воскресенье, 6 декабря 2026 г., 17:00 (время: UTC)"
    assert in_brief(at, "Asia/Tokyo", "ru") == "пн, 7 дек., 2:00" or in_brief(
        at, "Asia/Tokyo", "ru"
    ).endswith("02:00")
