"""Whether a person wants marketing from businesses, as they told WhatsApp (platforms.md B3)."""

from contracts import InboundMessage, MarketingPreferred, inbound_id
from gateway.payload import JsonObject, Unreadable, id_of, number_of, text_of, time_of
from gateway.reading import Account
from gateway.whatsapp_people import Contacts, chat_id_of, phone_in

OTHER_PREFERENCE = "preference-other"
"""About something else than marketing, or with a word that nobody knows."""

_MARKETING = "marketing_messages"
_STOPPED = {"stop": True, "resume": False}


def preference(told: JsonObject, account: Account, contacts: Contacts) -> InboundMessage | None:
    """One of `user_preferences[]`; None when it says nothing that we know.

    Raises:
        Unreadable: nobody is named.
        ValidationError: an id is longer than the contract allows.
    """
    value = text_of(told, "value") or ""
    # The only category that there is may be left out.
    if text_of(told, "category") not in (None, _MARKETING) or value not in _STOPPED:
        return None
    wa_id = id_of(told, "wa_id")
    contact = contacts.of([name for name in (id_of(told, "user_id"), wa_id) if name])
    numbers = (wa_id, id_of(contact, "wa_id"))
    chat_id = chat_id_of(id_of(told, "user_id"), id_of(contact, "user_id"), *numbers)
    if chat_id is None:
        raise Unreadable("a preference is nobody's")
    # It has no id of its own: who, what and when stand in for one.
    name = f"preference:{chat_id}:{value}:{number_of(told, 'timestamp') or ''}"
    return account.heard(
        inbound_id("whatsapp", account.id, name),
        chat_id,
        {"phone": next(filter(None, map(phone_in, numbers)), None)},
        MarketingPreferred(stopped=_STOPPED[value]),
        sent_at=time_of(told, "timestamp"),
        provider_id=None,
    )
