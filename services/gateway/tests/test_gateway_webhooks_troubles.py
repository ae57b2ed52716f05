"""What all gateways together know of the webhooks, and when the admin hears of it."""

import json
import string
from datetime import UTC, datetime, timedelta

import pytest

from gateway import telegram
from gateway.webhooks.addresses import public_url, shown
from gateway.webhooks.delivery_errors import in_words
from gateway.webhooks.findings import NAMES, Finding, Name, Report
from gateway.webhooks.moments import ago
from gateway.webhooks.telegram import ALLOWED_UPDATES
from gateway.webhooks.troubles import Trouble, Troubles
from gateway.webhooks.words import Language, Moment, _catalogue
from gateway.webhooks.words import in_words as told_in_words
from runtime.settings import Misconfigured

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LANGUAGES: tuple[Language, ...] = ("en", "ru")


def report(*found: Name, known: bool = True, account: str = "123456") -> Report:
    findings = tuple(Finding(name, "it is so") for name in found)
    return Report(platform="telegram", account=account, findings=findings, is_known=known)


class Days:
    """Looks one after another, and what the admin hears."""

    def __init__(self) -> None:
        self.now = MORNING
        self.troubles = Troubles(looked_at=MORNING)

    def look(self, *reports: Report) -> list[tuple[Name, Moment]]:
        self.now += timedelta(minutes=5)
        self.troubles = self.troubles.after(reports, self.now)
        told: list[tuple[Name, Moment]] = []
        for trouble in self.troubles.troubles:
            if moment := trouble.untold(self.now.date()):
                told.append((trouble.finding, moment))
                self.troubles = self.troubles.with_told(trouble.and_told(moment, self.now.date()))
        return told

    @property
    def open(self) -> list[Name]:
        return [trouble.finding for trouble in self.troubles.open]


def test_a_finding_is_told_once_a_day_and_once_when_it_is_over() -> None:
    days = Days()
    assert days.look(report("url")) == [("url", "began")]
    assert days.look(report("url")) == []
    days.now += timedelta(days=1)
    assert days.look(report("url")) == [("url", "began")]
    assert days.look(report()) == [], "one look may be mistaken"
    assert days.open == []
    assert days.look(report()) == [("url", "over")]
    assert days.look(report()) == []
    days.now += timedelta(days=1)
    assert days.look(report()) == []
    assert days.troubles.troubles == (), "and it is forgotten"
    assert days.look(report("url")) == [("url", "began")]


def test_what_comes_and_goes_is_told_once_a_day() -> None:
    days = Days()
    told = [days.look(report("secret")) for _ in range(1)]
    for _ in range(5):
        told += [days.look(report()), days.look(report()), days.look(report("secret"))]
    assert [one for each in told for one in each] == [("secret", "began"), ("secret", "over")]
    days.now += timedelta(days=1)
    assert days.look(report("secret")) == [("secret", "began")]


@pytest.mark.parametrize("name", ["away", "failing", "pending"])
def test_what_passes_by_itself_is_told_when_it_is_there_twice(name: Name) -> None:
    days = Days()
    assert days.look(report(name)) == []
    assert days.look(report()) == []
    assert days.look(report(name)) == []
    assert days.open == [name], "the metric shows it at once"
    assert days.look(report(name)) == [(name, "began")]


def test_what_nobody_could_look_at_is_not_over() -> None:
    days = Days()
    days.look(report("url"))
    for _ in range(4):
        assert ("url", "over") not in days.look(report("away", known=False))
    assert days.open == ["away", "url"]
    days.look(report("url"))
    assert days.look(report("url")) == [("away", "over")]


def test_what_was_said_by_a_gateway_that_died_then_is_said_to_be_over() -> None:
    days = Days()
    days.troubles = days.troubles.after([report("url")], days.now)
    [unmarked] = days.troubles.troubles
    assert unmarked.untold(days.now.date()) == "began"
    assert days.look(report()) == [("url", "began")], "the same id: nobody hears it twice"
    assert days.look(report()) == [("url", "over")]


def test_accounts_do_not_mix_and_one_that_is_gone_takes_its_troubles_along() -> None:
    days = Days()
    both = (report("url"), report("url", account="777"))
    assert days.look(*both) == [("url", "began"), ("url", "began")]
    days.look(report("url"))
    assert [trouble.account for trouble in days.troubles.open] == ["123456"]


def test_every_gateway_says_the_same_under_the_same_id() -> None:
    trouble = Trouble(platform="telegram", account="123456", finding="url", since=MORNING)
    later = trouble.model_copy(update={"since": MORNING + timedelta(hours=3), "seen": 9})
    today = MORNING.date()
    assert trouble.message_id("began", today) == later.message_id("began", today)
    assert trouble.message_id("began", today) != trouble.message_id(
        "began", today + timedelta(days=1)
    )
    told = trouble.and_told("began", today)
    assert told.message_id("over", today) == told.message_id("over", today + timedelta(days=1))
    assert told.message_id("over", today) != told.message_id("began", today)


def test_a_look_is_due_after_the_interval_and_when_the_clock_was_turned_back() -> None:
    troubles, interval = Troubles(looked_at=MORNING), timedelta(minutes=5)
    assert not troubles.is_due(interval, MORNING + timedelta(minutes=4))
    assert troubles.is_due(interval, MORNING + timedelta(minutes=5))
    assert troubles.is_due(interval, MORNING - timedelta(seconds=1))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_has_words_and_there_are_no_others(language: Language) -> None:
    catalogue = _catalogue(language)
    assert catalogue["what"].keys() == set(NAMES)
    for moment in ("began", "over"):
        places = {name for _, name, _, _ in string.Formatter().parse(catalogue[moment]) if name}
        assert places == {"platform", "account", "what"}
        for name in NAMES:
            said = told_in_words(
                moment, language, platform="telegram", account="123456", finding=name
            )
            assert "123456" in said
            assert "{" not in said
            assert is_russian(said) == (language == "ru")


def is_russian(text: str) -> bool:
    return any("а" <= letter <= "я" for letter in text.lower())


@pytest.mark.parametrize(
    ("message", "name", "words"),
    [
        ("Wrong response from the webhook: 401 Unauthorized", "secret", "another secret"),
        ("Wrong response from the webhook: 403 Forbidden", "secret", "another secret"),
        ("Wrong response from the webhook: 404 Not Found", "failing", "no gateway's"),
        ("Wrong response from the webhook: 302 Found", "failing", "follows no redirects"),
        ("Wrong response from the webhook: 502 Bad Gateway", "failing", "with 502"),
        ("Wrong response from the webhook: 503 Service Unavailable", "failing", "cannot store"),
        ("Read timeout expired", "failing", "no answer in time"),
        ("Connection timed out", "failing", "reached nobody"),
        ("Connection refused", "failing", "nobody listens"),
        ("Webhook connection closed", "failing", "closed before"),
        ("SSL error {error:0A000086:SSL routines::certificate verify failed}", "failing", "trust"),
        ("Failed to resolve host: Name or service not known", "failing", "find the host"),
        ("Something that no page names", "failing", "Something that no page names"),
    ],
)
def test_telegrams_last_error_is_put_into_words(message: str, name: Name, words: str) -> None:
    found = in_words(message)
    assert found.name == name
    assert words in found.says
    assert found.remedy


def test_every_kind_of_update_that_is_asked_for_is_read() -> None:
    chat = {"id": 42, "type": "private"}
    message = {"message_id": 1, "chat": chat, "from": {"id": 42}, "date": 1763800000, "text": "hi"}
    bodies = {
        "message": message,
        "edited_message": message | {"edit_date": 1763800001},
        "callback_query": {"id": "1", "from": {"id": 42}, "message": message, "data": "a"},
        "my_chat_member": {"chat": chat, "date": 1, "new_chat_member": {"status": "kicked"}},
    }
    assert bodies.keys() == set(ALLOWED_UPDATES)
    for kind, body in bodies.items():
        assert read_kinds(kind, body) == 1, kind
    assert read_kinds("poll", {"id": "1"}) == 0, "what is not asked for is not read"


def read_kinds(kind: str, body: object) -> int:
    update = json.dumps({"update_id": 1, kind: body}).encode()
    return len(telegram.read(update, "123456", MORNING).messages)


@pytest.mark.parametrize(
    "given", [None, "", "http://turnout.example.org", "https://", "https://u@x"]
)
def test_a_public_url_that_no_platform_would_take_is_refused(given: str | None) -> None:
    with pytest.raises(Misconfigured, match="PUBLIC_URL"):
        public_url(given, is_demo=False)


def test_a_public_url_may_have_a_path_and_a_slash_at_its_end() -> None:
    assert (
        public_url("https://example.org/turnout/", is_demo=False) == "https://example.org/turnout"
    )
    assert public_url("http://127.0.0.1:8080", is_demo=True) == "http://127.0.0.1:8080"


def test_what_may_be_secret_in_somebody_elses_address_is_not_shown() -> None:
    assert (
        shown("https://me:pass@x.org:8443/a?key=1") == "https://x.org:8443/a (and a part not shown)"
    )
    assert shown("https://x.org/a") == "https://x.org/a"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (7200, "2 h ago"),
        (200_000, "2 d ago"),
    ],
)
def test_how_long_ago_something_was(seconds: float, words: str) -> None:
    assert ago(seconds) == words
