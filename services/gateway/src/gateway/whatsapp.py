"""WhatsApp's notifications as our messages (platforms.md B2, B3)."""

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError

from contracts import (
    Address,
    DeliveryReported,
    DeliveryStatus,
    InboundMessage,
    Sender,
    derived_id,
    inbound_id,
)
from gateway.payload import (
    JsonObject,
    Unreadable,
    from_body,
    number_of,
    object_of,
    objects_of,
    text_of,
    time_of,
    type_name,
)
from gateway.reading import Reading
from gateway.whatsapp_content import content_of

_STATUSES: tuple[DeliveryStatus, ...] = ("sent", "delivered", "read", "failed")

_UNUSED = ("errors", "user_actions", "user_preferences")
"""Lists beside the messages and statuses that we know of and have no use for."""

_BUSINESS_SCOPED_ID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9.]{1,137}")
"""`US.13491208655302741918`; a parent's is `US.ENT.…` (platforms.md B3)."""
_PHONE = re.compile(r"\+?([0-9]{5,20})")


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
    if "entry" not in notification:
        reading.unreadable.append("there is no list of entries")
    for entry in _items(reading, notification, "entry"):
        for change in _items(reading, entry, "changes"):
            field = text_of(change, "field")
            if field == "messages":
                _read_value(reading, object_of(change, "value"), phone_ids, now)
            else:
                reading.unused.append(type_name(field))
    return reading


def _items(reading: Reading, source: JsonObject, key: str) -> Iterator[JsonObject]:
    """The objects of a list; what stands in their place instead is noted as unreadable."""
    value = source.get(key, [])
    if not isinstance(value, list):
        reading.unreadable.append(f"{key} is not a list")
        return
    for item in value:
        if isinstance(item, dict):
            yield item
        else:
            reading.unreadable.append(f"an item of {key} is not an object")


def _read_value(
    reading: Reading, value: JsonObject, phone_ids: Collection[str], now: datetime
) -> None:
    account = text_of(object_of(value, "metadata"), "phone_number_id")
    if account is None:
        reading.unreadable.append("there is no phone_number_id")
        return
    if account not in phone_ids:
        reading.unused.append("unknown-account")
        return
    contacts = _Contacts(objects_of(value, "contacts"))
    for message in _items(reading, value, "messages"):
        try:
            _read_message(reading, message, account, contacts, now)
        except Unreadable as error:
            reading.unreadable.append(error.reason)
        except ValidationError:
            # Its text would print what was sent.
            reading.unreadable.append("a field of a message is outside of the contract")
    for status in _items(reading, value, "statuses"):
        _read_status(reading, status, now)
    reading.unused.extend(kind for kind in _UNUSED for _ in objects_of(value, kind))


class _Contacts:
    """Who is who in one change; the list may be missing, or shorter than the messages."""

    def __init__(self, contacts: list[JsonObject]) -> None:
        self._only = contacts[0] if len(contacts) == 1 else {}
        self._by_id = {
            known_as: contact
            for contact in contacts
            for known_as in (text_of(contact, "wa_id"), text_of(contact, "user_id"))
            if known_as
        }

    def of(self, message: JsonObject) -> JsonObject:
        """The contact that sent this message, empty when nobody can tell."""
        names = [text_of(message, key) for key in ("from_user_id", "from")]
        if not any(names):
            return self._only
        return next((self._by_id[name] for name in names if name in self._by_id), {})


def _read_message(
    reading: Reading,
    message: JsonObject,
    account: str,
    contacts: _Contacts,
    now: datetime,
) -> None:
    provider_id = text_of(message, "id")
    if provider_id is None:
        raise Unreadable("a message has no id")
    if text_of(message, "group_id"):
        # A dialogue is between one person and us.
        reading.unused.append("group")
        return
    contact = contacts.of(message)
    named = [
        text_of(message, "from_user_id"),
        text_of(contact, "user_id"),
        # A business-scoped id was also seen where a number should be (platforms.md B3).
        text_of(message, "from"),
        text_of(contact, "wa_id"),
    ]
    scoped_id = next((name for name in named if name and _BUSINESS_SCOPED_ID.fullmatch(name)), None)
    phone = next((match[1] for name in named if name and (match := _PHONE.fullmatch(name))), None)
    chat_id = scoped_id or phone
    if chat_id is None:
        raise Unreadable("a message has no sender")
    profile = object_of(contact, "profile")
    message_id = inbound_id("whatsapp", account, provider_id)
    reading.add(
        InboundMessage(
            id=message_id,
            occurred_at=now,
            correlation_id=message_id,
            address=Address(platform="whatsapp", account=account, chat_id=chat_id),
            sender=Sender(
                name=text_of(profile, "name"),
                username=text_of(profile, "username"),
                phone=phone,
            ),
            content=content_of(message, phone),
            sent_at=time_of(message, "timestamp") or now,
        )
    )


def _read_status(reading: Reading, status: JsonObject, now: datetime) -> None:
    name = next((name for name in _STATUSES if name == status.get("status")), None)
    if name is None:
        reading.unused.append("status-other")
        return
    try:
        # The only thread back to what we sent; a message of another tool's has none of ours.
        outbound_id = UUID(text_of(status, "biz_opaque_callback_data") or "")
    except ValueError:
        reading.unused.append("status-not-ours")
        return
    reading.add(
        DeliveryReported(
            # Not the bare status: the notifier reports on the same message too.
            id=derived_id(outbound_id, f"platform-{name}"),
            occurred_at=now,
            correlation_id=outbound_id,
            platform="whatsapp",
            outbound_id=outbound_id,
            status=name,
            source="platform",
            reason=_failure(status) if name == "failed" else None,
        )
    )


def _failure(status: JsonObject) -> str:
    codes = (number_of(error, "code") for error in objects_of(status, "errors"))
    code = next((code for code in codes if code is not None), None)
    return f"whatsapp-{'unknown' if code is None else code}"
