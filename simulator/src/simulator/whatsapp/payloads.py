"""The shapes of WhatsApp's webhooks."""

from __future__ import annotations

from typing import Any

from simulator.people import Person
from simulator.settings import WhatsAppSettings

Json = dict[str, Any]


def contact(person: Person, *, with_username: bool = True) -> Json:
    """The `contacts[]` item: what WhatsApp tells of a person under his identity mode."""
    profile: Json = {"name": person.name}
    if person.identity == "bsuid+username" and with_username:
        profile["username"] = person.username
    shown: Json = {"profile": profile}
    if person.shows_phone:
        shown["wa_id"] = person.phone
    if person.shows_bsuid:
        shown["user_id"] = person.bsuid
    return shown


def message(person: Person, wamid: str, timestamp: float, kind: str, content: Any) -> Json:
    """A `messages[]` item; timestamps are strings of unix seconds."""
    shown: Json = {}
    if person.shows_phone:
        shown["from"] = person.phone
    if person.shows_bsuid:
        shown["from_user_id"] = person.bsuid
    shown |= {"id": wamid, "timestamp": str(int(timestamp)), "type": kind}
    return shown | ({kind: content} if content is not None else {})


def status(
    person: Person | None,
    wamid: str,
    name: str,
    timestamp: float,
    *,
    phone: str | None,
    bsuid: str | None,
    opaque: str | None,
    category: str,
    errors: list[Json] | None,
) -> Json:
    """A `statuses[]` item. `phone` or `bsuid` is the address that the business wrote to."""
    shown: Json = {"id": wamid, "status": name, "timestamp": str(int(timestamp))}
    if errors is not None:
        # Failed statuses name only what the business itself wrote.
        if phone:
            shown["recipient_id"] = phone
        if bsuid:
            shown["recipient_user_id"] = bsuid
    elif person is not None:
        if person.shows_phone:
            shown["recipient_id"] = person.phone
        if person.shows_bsuid:
            shown["recipient_user_id"] = person.bsuid
    if opaque is not None:
        shown["biz_opaque_callback_data"] = opaque
    if errors is not None:
        return shown | {"errors": errors}
    return shown | {
        "pricing": {
            "billable": True,
            "pricing_model": "PMP",
            "type": "regular",
            "category": category,
        }
    }


def number_changed(person: Person, wamid: str, old: str, timestamp: float) -> Json:
    """System message after a change of number; `from` is the old one, there are no contacts."""
    return {
        "from": old,
        "id": wamid,
        "timestamp": str(int(timestamp)),
        "type": "system",
        "system": {
            "body": f"User {person.name} changed from {old} to {person.phone}",
            "wa_id": person.phone,
            "type": "user_changed_number",
        },
    }


def user_id_changed(person: Person, wamid: str, old: str, timestamp: float) -> Json:
    """System message after a change of number of somebody who shows only his user id."""
    return {
        "from_user_id": old,
        "id": wamid,
        "timestamp": str(int(timestamp)),
        "type": "system",
        "system": {
            "body": f"User {person.name} changed from {old} to {person.bsuid}",
            "user_id": person.bsuid,
            "type": "user_changed_user_id",
        },
    }


def user_id_update(person: Person, old: str, timestamp: float) -> Json:
    """The item of the webhook field `user_id_update`."""
    shown: Json = {"wa_id": person.phone} if person.shows_phone else {}
    return shown | {
        "detail": "The user's business-scoped user ID changed",
        "user_id": {"previous": old, "current": person.bsuid},
        "timestamp": int(timestamp),
    }


def change(settings: WhatsAppSettings, field: str, parts: Json) -> Json:
    """One change of an entry."""
    value: Json = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": settings.display_phone,
            "phone_number_id": settings.phone_id,
        },
        **parts,
    }
    return {"value": value, "field": field}


def envelope(settings: WhatsAppSettings, changes_by_entry: list[list[Json]]) -> Json:
    """The whole body of one POST."""
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": settings.waba_id, "changes": changes} for changes in changes_by_entry],
    }
