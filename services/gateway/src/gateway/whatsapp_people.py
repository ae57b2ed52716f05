"""Who a message on WhatsApp is from (platforms.md B3).

People are known by a business-scoped id, a phone number, or both. The scoped id comes first: it
outlives that a person hides the number behind a username. Either was seen where the other should
be, so what it is is told by its form and not by its place.
"""

import re
from typing import NamedTuple

from gateway.payload import JsonObject, id_of, object_of, objects_of, text_of

is_scoped_id = re.compile(r"[A-Z]{2}\.[A-Za-z0-9.]{1,137}").fullmatch
"""`US.13491208655302741918`; a parent's is `US.ENT.…`."""
_PHONE = re.compile(r"\+?([0-9]{5,20})")

_CONTACT_KEYS = ("user_id", "wa_id", "parent_user_id")


class Person(NamedTuple):
    """The sender of a message."""

    chat_id: str
    phone: str | None
    name: str | None
    username: str | None


class Contacts:
    """Who is who in one change; the list may be missing, or shorter than the messages."""

    def __init__(self, value: JsonObject) -> None:
        contacts = objects_of(value, "contacts")
        messages = value.get("messages")
        alone = len(contacts) == 1 and isinstance(messages, list) and len(messages) == 1
        self._only: JsonObject = contacts[0] if alone else {}
        self._by_id = {
            known_as: contact
            for contact in contacts
            for key in _CONTACT_KEYS
            if (known_as := id_of(contact, key))
        }
        self.our_phone = phone_in(id_of(object_of(value, "metadata"), "display_phone_number"))

    def of(self, names: list[str]) -> JsonObject:
        """The contact that has one of these ids; empty when nobody can tell."""
        if not names:
            return self._only
        for name in names:
            if (contact := self._by_id.get(name)) is not None:
                return contact
        return {}


def person_of(message: JsonObject, contacts: Contacts) -> Person | None:
    """The sender, or None when nobody is named."""
    from_user_id, sender = id_of(message, "from_user_id"), id_of(message, "from")
    parent = id_of(message, "from_parent_user_id")
    contact = contacts.of([name for name in (from_user_id, sender, parent) if name])
    scoped_id = phone = None
    # The message's own word goes before its contact's.
    for name in (from_user_id, sender, id_of(contact, "user_id"), id_of(contact, "wa_id")):
        if name and is_scoped_id(name):
            scoped_id = scoped_id or name
        elif name:
            phone = phone or phone_in(name)
        if scoped_id and phone:
            break
    chat_id = scoped_id or phone
    if chat_id is None:
        # Shared by several businesses; better than nobody.
        chat_id = chat_id_of(parent, id_of(contact, "parent_user_id"))
    if chat_id is None:
        return None
    profile = object_of(contact, "profile")
    return Person(chat_id, phone, text_of(profile, "name"), text_of(profile, "username"))


def phone_in(name: str | None) -> str | None:
    """The digits, if it is a phone number as WhatsApp writes them."""
    match = _PHONE.fullmatch(name) if name else None
    return match[1] if match else None


def chat_id_of(*names: str | None) -> str | None:
    """The best of several ids of one person: a scoped one, else a number."""
    given = [name for name in names if name]
    scoped_id = next((name for name in given if is_scoped_id(name)), None)
    return scoped_id or next((phone for name in given if (phone := phone_in(name))), None)
