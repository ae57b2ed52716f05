"""Each kind of item, each way to name a person and each oddity: exactly what is to come of it."""

import pytest
from gateway_cases import BOT, NOW, PHONE_ID, Case, cases

from gateway import telegram, whatsapp
from gateway.reading import Reading

ALL = list(cases())


def read(case: Case) -> Reading:
    if case.platform == "telegram":
        return telegram.read(case.body, BOT, NOW)
    return whatsapp.read(case.body, {PHONE_ID}, NOW)


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_a_webhook_gives_exactly_what_is_written_beside_it(case: Case) -> None:
    reading = read(case)

    assert list(reading.messages.values()) == case.messages
    assert list(reading.messages) == [message.id for message in case.messages]
    assert reading.unused == case.unused
    assert reading.unreadable == case.unreadable
    assert reading.callback_query_id == case.answers


def test_every_kind_that_is_counted_is_one_of_a_fixed_set() -> None:
    for case in ALL:
        kinds = telegram.COUNTED_KINDS if case.platform == "telegram" else whatsapp.COUNTED_KINDS
        assert set(read(case).unused) <= kinds


def test_no_two_cases_are_called_alike_and_there_are_enough() -> None:
    assert len({case.name for case in ALL}) == len(ALL) >= 150
