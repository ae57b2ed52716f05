"""WhatsApp's notifications as our messages (platforms.md B2, B3)."""

from collections.abc import Collection, Iterator
from datetime import datetime

from pydantic import ValidationError

from contracts import inbound_id
from gateway.payload import (
    JsonObject,
    Unreadable,
    from_body,
    id_of,
    object_of,
    text_of,
    time_of,
)
from gateway.reading import GROUP, UNKNOWN, Account, Reading, known
from gateway.whatsapp_content import content_of
from gateway.whatsapp_moves import UNCLEAR_MOVE, is_move, move_told_by_message, moves_told_by
from gateway.whatsapp_people import Contacts, person_of
from gateway.whatsapp_preferences import OTHER_PREFERENCE, preference
from gateway.whatsapp_statuses import NOT_OURS, OTHER_STATUS, read_status

UNKNOWN_ACCOUNT = "unknown-account"
"""For a number that is not ours; one app may serve several, and all of them send here."""
ECHO = "echo"
"""Written by our own number, in the app on somebody's phone."""

_LISTS_UNUSED = (
    "errors",
    "user_actions",
    "calls",
    "groups",
    "message_echoes",
    "history",
    "state_sync",
)
"""Lists beside the messages and statuses that we know of and have no use for."""

_LISTS = ("messages", "statuses", "user_id_update", "user_preferences", *_LISTS_UNUSED)

_FIELDS_UNUSED = frozenset(
    {
        "account_alerts",
        "account_review_update",
        "account_settings_update",
        "account_update",
        "automatic_events",
        "business_capability_update",
        "business_status_update",
        "business_username_updates",
        "calls",
        "flows",
        "group_lifecycle_update",
        "group_participants_update",
        "group_settings_update",
        "group_status_update",
        "history",
        "message_echoes",
        "message_template_components_update",
        "message_template_quality_update",
        "message_template_status_update",
        "messaging_handovers",
        "partner_solutions",
        "payment_configuration_update",
        "phone_number_name_update",
        "phone_number_quality_update",
        "security",
        "smb_app_state_sync",
        "smb_message_echoes",
        "standby",
        "template_category_update",
        "template_correct_category_detection",
        "tracking_events",
    }
)
"""What a change may be about, other than messages, that we know of and have no use for."""

COUNTED_KINDS = frozenset(
    {*_LISTS_UNUSED, *_FIELDS_UNUSED, GROUP, UNKNOWN, UNKNOWN_ACCOUNT, ECHO}
    | {NOT_OURS, OTHER_STATUS, UNCLEAR_MOVE, OTHER_PREFERENCE}
)
"""Every kind that a reading may name as unused."""


def read(body: bytes, phone_ids: Collection[str], now: datetime) -> Reading:
    """Everything that one webhook says: every entry, change, message and status.

    Args:
        body: the raw body, already proven to be authentic.
        phone_ids: the numbers that are ours.
        now: business time; also stands in for a time that is not told.
    """
    reading = Reading()
    try:
        notification = from_body(body)
    except Unreadable as error:
        reading.unreadable.append(error.reason)
        return reading
    if notification.get("object", "whatsapp_business_account") != "whatsapp_business_account":
        # Meta's other products sign with the same secret.
        reading.unused.append(UNKNOWN)
        return reading
    if "entry" not in notification:
        reading.unreadable.append("there is no list of entries")
    for entry in _items(reading, notification, "entry"):
        for change in _items(reading, entry, "changes"):
            _read_change(reading, change, phone_ids, now)
    return reading


def _read_change(
    reading: Reading, change: JsonObject, phone_ids: Collection[str], now: datetime
) -> None:
    field, value = text_of(change, "field"), object_of(change, "value")
    if field not in ("messages", "user_id_update", "user_preferences"):
        reading.unused.append(known(field, _FIELDS_UNUSED))
        return
    account_id = id_of(object_of(value, "metadata"), "phone_number_id")
    if account_id is not None and account_id not in phone_ids:
        items = sum(len(value[key]) for key in _LISTS if isinstance(value.get(key), list))
        reading.unused.extend([UNKNOWN_ACCOUNT] * max(1, items))
    elif field == "user_id_update":
        # Scoped ids are the same for all numbers of a business, so it may name none of them.
        for phone_id in sorted(phone_ids) if account_id is None else (account_id,):
            _read_moves(reading, value, Account("whatsapp", phone_id, now))
    elif account_id is None:
        reading.unreadable.append("there is no phone_number_id")
    else:
        _read_value(reading, value, Account("whatsapp", account_id, now))


def _items(reading: Reading, source: JsonObject, key: str) -> Iterator[JsonObject]:
    """The objects of a list; what stands in their place instead is noted as unreadable."""
    value = source.get(key, ())
    if not isinstance(value, list | tuple):
        reading.unreadable.append(f"{key} is not a list")
        return
    for item in value:
        if isinstance(item, dict):
            yield item
        else:
            reading.unreadable.append(f"an item of {key} is not an object")


def _read_value(reading: Reading, value: JsonObject, account: Account) -> None:
    contacts = Contacts(value)
    for message in _items(reading, value, "messages"):
        try:
            _read_message(reading, message, account, contacts)
        except Unreadable as error:
            reading.unreadable.append(error.reason)
        except ValidationError:
            # Its text would print what was sent.
            reading.unreadable.append("a field of a message is outside of the contract")
    for status in _items(reading, value, "statuses"):
        read_status(reading, status, account.now)
    _read_preferences(reading, value, account, contacts)
    for key in _LISTS_UNUSED:
        if key in value:
            listed = value[key]
            reading.unused.extend([key] * (len(listed) if isinstance(listed, list) else 1))


def _read_message(
    reading: Reading, message: JsonObject, account: Account, contacts: Contacts
) -> None:
    provider_id = id_of(message, "id")
    if provider_id is None:
        raise Unreadable("a message has no id")
    if message.get("group_id") is not None:
        reading.unused.append(GROUP)
        return
    message_id = inbound_id("whatsapp", account.id, provider_id)
    sent_at = time_of(message, "timestamp")
    if is_move(message):
        move = move_told_by_message(message)
        if move is None:
            reading.unused.append(UNCLEAR_MOVE)
        else:
            reading.add(move.heard(account, message_id, sent_at))
        return
    person = person_of(message, contacts)
    if person is None:
        raise Unreadable("a message has no sender")
    if person.phone is not None and person.phone == contacts.our_phone:
        reading.unused.append(ECHO)
        return
    reading.add(
        account.heard(
            message_id,
            person.chat_id,
            {"name": person.name, "username": person.username, "phone": person.phone},
            content_of(message, person.phone),
            sent_at=sent_at,
            provider_id=provider_id,
        )
    )


def _read_preferences(
    reading: Reading, value: JsonObject, account: Account, contacts: Contacts
) -> None:
    for told in _items(reading, value, "user_preferences"):
        try:
            heard = preference(told, account, contacts)
        except Unreadable as error:
            reading.unreadable.append(error.reason)
        except ValidationError:
            reading.unreadable.append("a field of a preference is outside of the contract")
        else:
            if heard is None:
                reading.unused.append(OTHER_PREFERENCE)
            else:
                reading.add(heard)


def _read_moves(reading: Reading, value: JsonObject, account: Account) -> None:
    for told in moves_told_by(value):
        if told is None:
            reading.unused.append(UNCLEAR_MOVE)
            continue
        move, sent_at = told
        message_id = inbound_id("whatsapp", account.id, f"moved:{move.previous}:{move.chat_id}")
        reading.add(move.heard(account, message_id, sent_at))
