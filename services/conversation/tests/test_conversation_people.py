"""Names and addresses as people type them."""

import pytest

from conversation.dialogue.people import (
    email_of,
    meant_email,
    name_of,
    name_trouble,
    suggested_email,
)
from conversation.dialogue.state import Offer
from conversation.dialogue.understanding import choice_of
from conversation.dialogue.words import CHOICES, NUMBERS, ROLES, plain


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Ann", "Ann"),
        ("  Ann \n  Smith ", "Ann Smith"),
        ("李明", "李明"),
        ("محمد علی", "محمد علی"),
        ("Jean-Luc O'Neill", "Jean-Luc O'Neill"),
        ("Ann\u202eSmith", "AnnSmith"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("Ё" * 80, "Ё" * 80),
        ("e\u0301e\u0301", "éé"),
        ("कीर्ति", "कीर्ति"),
        ("\u200fשָׂרָה\u200f", "שָׂרָה"),
        ("O’Neill", "O’Neill"),
        ("J.R.R. Tolkien", "J.R.R. Tolkien"),
        ("Ng", "Ng"),
        ("Ann 🌸👩\u200d💻", "Ann"),
        ("𝓐𝓷𝓷", "Ann"),
        ("Elizabeth 2", "Elizabeth 2"),
        ("🌸🌸", None),
        ("Ё" * 81, None),
        ("A", None),
        ("12 34", None),
        ("\u0000\u0001", None),
        ("", None),
    ],
)
def test_a_name_may_be_in_any_script(typed: str, name: str | None) -> None:
    assert name_of(typed) == name


@pytest.mark.parametrize(
    ("typed", "trouble"),
    [
        ("Ann", None),
        ("Ann.Lee", None),
        ("St. John", None),
        ("ann@example.com", "email"),
        ("https://example.com/ann", "link"),
        ("www.ann.com", "link"),
        ("t.me/ann", "link"),
        ("ann.ru", "link"),
        ("is there a cloakroom?", "question"),
        ("а гардероб будет? ", "question"),
        ("+7 916 123", "digits"),
        ("🌸", "signs"),
        ("!!", "signs"),
        ("A", "length"),
        ("a" * 81, "length"),
    ],
)
def test_what_is_no_name_is_told_apart(typed: str, trouble: str | None) -> None:
    assert name_trouble(typed) == trouble


@pytest.mark.parametrize(
    ("typed", "email"),
    [
        (" Ann@Example.COM ", "Ann@example.com"),
        ("почта@почта.рф", "почта@почта.рф"),
        ("ann+tag@example.co.uk", "ann+tag@example.co.uk"),
        ("ann@localhost", None),
        ("ann@@example.com", None),
        ("mailto:ann@example.com", None),
        (f"ann@{'a.' * 130}com", None),
    ],
)
def test_an_address_is_judged_by_its_form(typed: str, email: str | None) -> None:
    assert email_of(typed) == email


@pytest.mark.parametrize(
    ("email", "meant"),
    [
        ("a@gmial.com", "a@gmail.com"),
        ("a@gmail.con", "a@gmail.com"),
        ("a@gmail.co", "a@gmail.com"),
        ("a@gnail.com", "a@gmail.com"),
        ("a@ggmail.com", "a@gmail.com"),
        ("a@yandex.ry", "a@yandex.ru"),
        ("a@mial.ru", "a@mail.ru"),
        ("a@gmail.ru", "a@gmail.com"),
        ("a@icloud.con", "a@icloud.com"),
        ("a@example.con", "a@example.com"),
        ("a@example.ry", "a@example.ru"),
        ("a@mаil.ru", "a@mail.ru"),
        ("аnn@gmail.com", "ann@gmail.com"),
        ("почта@mail.ru", None),
        ("a@bk.ru", None),
        ("a@gmail.com", None),
        ("a@mail.com", None),
        ("a@example.com", None),
        ("a@company.de", None),
    ],
)
def test_one_slip_in_a_common_domain_is_noticed(email: str, meant: str | None) -> None:
    assert suggested_email(email) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ann@yandex,ru", "ann@yandex.ru"),
        ("ann@gmailcom", "ann@gmail.com"),
        ("ann@gmail", "ann@gmail.com"),
        ("ann@yndexru", "ann@yandex.ru"),
        ("ann @ gmail . com", "ann@gmail.com"),
        ("ann@gmail com", "ann@gmail.com"),
        ("ann@@gmail..com", "ann@gmail.com"),
        ("ann.gmail.com", "ann@gmail.com"),
        ("ann gmail.com", "ann@gmail.com"),
        ("<ann@gmail.com>", "ann@gmail.com"),
        ("mailto:ann@example.com", "ann@example.com"),
        ("ann(at)example.org", "ann@example.org"),
        ("ann at gmail dot com", "ann@gmail.com"),
        ("анна собака почта точка рф", "анна@почта.рф"),
        ('ann"mail.ru', "ann@mail.ru"),
        ("My e-mail is ann@gmial.com, thanks!", "ann@gmail.com"),
        ("a@b.de or c@d.de", None),
        ("gmail.com", None),
        ("ann", None),
        ("12", None),
        ("", None),
    ],
)
def test_what_was_meant_by_no_address(typed: str, meant: str | None) -> None:
    assert email_of(typed) is None
    assert meant_email(typed) == meant


OFFERED = (
    Offer(id="a", label="Yes, cancel it", role="yes"),
    Offer(id="b", label="PyCon"),
    Offer(id="c", label="Back", role="back"),
)


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("1", "a"),
        ("2.", "b"),
        ("№ 2", "b"),
        ("4", None),
        ("0", None),
        ("pycon", "b"),
        ("ДА", "a"),
        ("ok!", "a"),
        ("назад", "c"),
        ("/back", "back"),
        ("2️⃣", "b"),
        ("№2", "b"),
        ("номер 2", "b"),
        ("option 2", "b"),
        ("/help me", "help"),
        ("/my_registrations", "my"),
        ("\\events", "events"),
        ("/ help", "help"),
        (".help", "help"),
        ("/рудз", "help"),
        ("tiket", "tickets"),
        ("Меропрития", "events"),
        ("Ещё раз", None),
        ("no", None),
        ("/events@turnout_bot", "events"),
        ("/MY", "my"),
        ("мои записи", "my"),
        ("/start ref_7", "start"),
        ("/start event_K7Q2MX", "ev:K7Q2MX"),
        ("/nonsense", "unknown"),
        ("Help!", "help"),
        ("?", "help"),
        ("Регистрация: ПайКон (K7Q2MX)", "ev:K7Q2MX"),
        ("register: x (k7q2mx) thanks", "ev:K7Q2MX"),
        ("Register: x (K0Q2MX)", "ev:K0Q2MX"),
        ("...", None),
        ("", None),
    ],
)
def test_words_mean_what_could_be_tapped(text: str, choice: str | None) -> None:
    assert choice_of(text, OFFERED, free_text=True) == choice


def test_no_word_means_two_things_and_each_is_written_as_it_is_looked_up() -> None:
    for lists in (CHOICES.values(), ROLES.values(), NUMBERS):
        words = [word for words in lists for word in words]
        assert len(words) == len(set(words))
        assert [word for word in words if plain(word) != word] == []
